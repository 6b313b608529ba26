/**
 * What a page asks of a stranger's browser while its network, or the server, is under pressure: a proof of work that its
 * script does by itself (views/assets/proof.js), or, without scripting, a code that is mailed. Whoever brings neither is
 * shown the page again, and nothing was done for them.
 */
import type Koa from 'koa';
import { loggedPath } from '../web/access-log.ts';
import type { Cookies } from '../web/cookies.ts';
import type { ReadSubmitted } from '../web/form-guard.ts';
import type { FormFields } from '../web/forms.ts';
import { WebFault } from '../web/problem.ts';
import { requestIdOf } from '../web/request-id.ts';
import type { FrontDoor } from './front-door.ts';
import { knownDevice } from './known-browsers.ts';
import type { ProofFault, ProofFront, ProofPurpose } from './proof-front.ts';
import type { Route } from './routes.ts';
import { waitText } from './wait-text.ts';

/** As views/layouts/proof.eta has it. */
export interface ProofView {
  readonly challenge: string;
  readonly bits: number;
  readonly seconds: number;
  readonly purpose: ProofPurpose;
  readonly renew: string;
  readonly wait: ReturnType<typeof waitText>;
  readonly waitSeconds: number;
}

export type Admission =
  | { readonly kind: 'admitted' }
  /** Recorded under this reference (`cardea explain`). */
  | { readonly kind: 'refused'; readonly reference: string };

export interface ProofGate {
  /** What the form with this CSRF token carries; undefined: nothing is asked. */
  view(ctx: Koa.Context, purpose: ProofPurpose, csrf: string): Promise<ProofView | undefined>;
  /** Whether anything is asked of strangers from there now. */
  asks(ctx: Koa.Context, purpose: ProofPurpose): Promise<boolean>;
  /** Admitted: nothing is asked, or the form brings a solution that was not taken before. Uses it up. */
  admit(ctx: Koa.Context, purpose: ProofPurpose, fields: FormFields): Promise<Admission>;
  readonly routes: readonly Route[];
}

const ADMITTED: Admission = { kind: 'admitted' };
const PATH = '/proof';
/** web/csrf.ts */
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** @param proof absent: nothing is ever asked */
export function createProofGate(o: {
  proof: ProofFront | undefined;
  front: Pick<FrontDoor, 'networkOf' | 'deviceCookies'>;
  cookies: Cookies;
  base: string;
  readSubmitted: ReadSubmitted;
}): ProofGate {
  const { proof, front, cookies, base } = o;
  if (!proof) {
    return { view: async () => undefined, asks: async () => false, admit: async () => ADMITTED, routes: [] };
  }

  const challengeFor = async (ctx: Koa.Context, purpose: ProofPurpose, form: string) => {
    const network = front.networkOf(ctx.ip);
    const demand = await proof.demand(purpose, network);
    return demand && { demand, terms: proof.issue({ purpose, form, network }, demand.pressure) };
  };

  return {
    async view(ctx, purpose, csrf) {
      // A browser that is known is asked only after it has tried an account that does not know it.
      if (ctx.method === 'GET' && knownDevice(ctx, cookies, front.deviceCookies)) return undefined;
      const asked = await challengeFor(ctx, purpose, csrf);
      if (!asked) return undefined;
      const waitSeconds = asked.demand.retryAfterSeconds;
      return { ...asked.terms, purpose, renew: base + PATH, wait: waitText(waitSeconds), waitSeconds };
    },
    asks: async (ctx, purpose) => (await proof.demand(purpose, front.networkOf(ctx.ip))) !== undefined,
    async admit(ctx, purpose, { csrf: form = '', challenge = '', answer = '' }) {
      const network = front.networkOf(ctx.ip);
      if ((await proof.demand(purpose, network)) === undefined) return ADMITTED;
      const refused = (fault: ProofFault): Admission => {
        const where = `${ctx.method} ${loggedPath(ctx.path)}`;
        const reference = proof.refused({ fault, where, network, requestId: requestIdOf(ctx) });
        return { kind: 'refused', reference };
      };
      if (challenge === '' || answer === '') return refused('missing');
      const outcome = await proof.redeem({ purpose, form, network }, { challenge, answer });
      return outcome === 'solved' ? ADMITTED : refused(outcome);
    },
    routes: [
      {
        // A page that was open for longer than a challenge lives asks for another one. Only its own form can use it.
        method: 'POST',
        path: PATH,
        async handle(ctx) {
          const { fields } = await o.readSubmitted(ctx);
          const { csrf = '', purpose } = fields;
          if (!TOKEN.test(csrf) || purpose !== 'sign-in') {
            throw new WebFault({ status: 422, detail: 'This is not a form that a proof is asked for.' });
          }
          const asked = await challengeFor(ctx, purpose, csrf);
          ctx.set('Cache-Control', 'no-store');
          ctx.body = asked ? asked.terms : {};
        },
      },
    ],
  };
}
