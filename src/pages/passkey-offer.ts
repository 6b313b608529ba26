/**
 * A new passkey within a sign-in: offered once all is proved, where this browser can make one, and demanded where policy
 * says so. The offer never stops anybody: without scripting the browser has not said that it can, and nothing is shown.
 */
import type Koa from 'koa';
import type { AddOutcome } from '../passkeys/passkey.ts';
import type { Cookies } from '../web/cookies.ts';
import type { Csrf } from '../web/csrf.ts';
import type { FormFields } from '../web/forms.ts';
import { personView } from '../web/names.ts';
import type { SendPage } from '../web/page-sender.ts';
import { requestIdOf } from '../web/request-id.ts';
import { clientView, formTargetsOf, imagesOf } from './display.ts';
import type { AgainPage, Enrolment, Interlude } from './factor.ts';
import type { FrontDoor, PasskeyFront, Visit } from './front-door.ts';
import { kindsOf } from './journey.ts';
import { passkeyPurpose, visitPath, visitPurpose } from './visit-address.ts';

/** Set by passkey.js: this browser can make passkeys by itself. It changes what is offered and nothing else. */
const ABLE_COOKIE = 'cardea.passkeys';
const ASKED_COOKIE = 'passkey-offer';
/** "Not now" is kept for a fortnight; "don't ask again" for as long as browsers keep a cookie (RFC 6265bis, 400 days). */
const LATER_SECONDS = 14 * 86_400;
const NEVER_SECONDS = 400 * 86_400;

export interface PasskeyOfferParts {
  readonly front: Pick<FrontDoor, 'findPerson' | 'networkOf' | 'secondFactors'>;
  readonly passkeys: PasskeyFront;
  readonly cookies: Cookies;
  readonly csrf: Csrf;
  readonly base: string;
  readonly sendPage: SendPage;
}

/** The passkey of this sign-in came from another device, by way of this one's screen. */
export function noteOtherDevice(ctx: Koa.Context): void {
  ctx.state.passkeyFromAnotherDevice = true;
}

export function createPasskeyOffer(o: PasskeyOfferParts): Interlude {
  const { front, cookies } = o;
  const maker = createPasskeyMaker(o);

  /** What was proved must be as strong as what the account has, or one factor would bring in another (ASVS 5 7.5.1). */
  const mayAdd = async (accountId: string, amr: readonly string[]) => {
    if (amr.includes('mfa')) return true;
    const kinds = await kindsOf(front.secondFactors, accountId);
    return kinds.every((kind) => kind === 'email');
  };

  return {
    kind: 'offer',
    async wants(ctx, visit, { accountId, amr }) {
      // Who only confirms something wants to get on with it.
      if (visit.onDevice || visit.accountId !== undefined) return false;
      if (ctx.cookies.get(ABLE_COOKIE) !== '1' || cookies.read(ctx, ASKED_COOKIE)) return false;
      if (amr.includes('pop')) return ctx.state.passkeyFromAnotherDevice === true;
      return mayAdd(accountId, amr);
    },
    show: (ctx, visit, accountId, again) => maker.show(ctx, visit, accountId, { again }),
    async submit(ctx, visit, accountId, fields) {
      const show = async (notice: string) => {
        await maker.show(ctx, visit, accountId, { again: { status: 422, notice } });
        return 'shown' as const;
      };
      switch (fields.answer) {
        case 'later':
        case 'never': {
          const maxAgeSeconds = fields.answer === 'later' ? LATER_SECONDS : NEVER_SECONDS;
          cookies.set(ctx, ASKED_COOKIE, fields.answer, { maxAgeSeconds });
          return 'over';
        }
        case 'add': {
          const outcome = await maker.add(ctx, visit, accountId, fields);
          const fault = faultOf(outcome);
          return fault === undefined ? 'over' : show(fault);
        }
        default:
          return show('passkey.notTaken');
      }
    },
  };
}

/** @param o.front `protocol` is the journey's: what was proved goes on from there */
export function createPasskeyEnrolment(
  o: PasskeyOfferParts & { readonly front: Pick<FrontDoor, 'protocol'> },
): Enrolment {
  const maker = createPasskeyMaker(o);
  return {
    kind: 'passkey',
    show: (ctx, visit, accountId, again) => maker.show(ctx, visit, accountId, { again, demanded: true }),
    async submit(ctx, visit, accountId, fields) {
      const outcome = await maker.add(ctx, visit, accountId, fields);
      if (outcome.kind !== 'added') {
        const notice = faultOf(outcome) ?? 'passkey.notTaken';
        return maker.show(ctx, visit, accountId, { again: { status: 422, notice }, demanded: true });
      }
      // Its making was verified like its use: the person was there, and the authenticator knew them.
      const proof = { accountId, amr: ['pop', 'user', 'mfa'], at: outcome.at, remember: false };
      return o.front.protocol.finishSignIn(ctx, visit, proof);
    },
  };
}

/** A text's key; undefined when it was added. */
export function faultOf(outcome: AddOutcome): string | undefined {
  switch (outcome.kind) {
    case 'added':
      return undefined;
    case 'stale':
      return 'passkey.stale';
    case 'known':
      return 'passkey.known';
    case 'full':
      return 'passkey.full';
    case 'rejected':
      return 'passkey.notTaken';
  }
}

function createPasskeyMaker(o: PasskeyOfferParts) {
  const { front, passkeys, csrf, base } = o;
  const boundTo = (ctx: Koa.Context, visit: Visit) => csrf.issue(ctx, passkeyPurpose(visit.uid));

  return {
    async show(
      ctx: Koa.Context,
      visit: Visit,
      accountId: string,
      { again, demanded = false }: { again?: AgainPage | undefined; demanded?: boolean },
    ): Promise<void> {
      const person = await front.findPerson(accountId);
      const holder = { id: accountId, email: person?.email ?? '', name: person?.name };
      const path = base + visitPath(visit.uid);
      o.sendPage(ctx, 'passkey-offer', {
        status: again?.status ?? 200,
        data: {
          client: clientView(visit.client),
          chip: person && personView(person),
          demanded,
          elsewhere: visit.proved?.amr.includes('pop') === true,
          path,
          action: `${path}/${demanded ? 'enrol' : 'go-on'}`,
          ask: JSON.stringify(await passkeys.adding.options(holder, boundTo(ctx, visit))),
          csrf: csrf.issue(ctx, visitPurpose(visit.uid)),
          notice: again?.notice,
        },
        policy: {
          formTargets: formTargetsOf(visit.client, visit.redirectOrigin),
          images: imagesOf(visit.client),
        },
      });
    },
    add: (ctx: Koa.Context, visit: Visit, accountId: string, fields: FormFields): Promise<AddOutcome> =>
      passkeys.adding.add({
        holder: { id: accountId },
        signedIn: visit.proved,
        bound: boundTo(ctx, visit),
        response: fields.credential ?? '',
        by: {
          actor: { kind: 'account', id: accountId },
          network: front.networkOf(ctx.ip),
          requestId: requestIdOf(ctx),
        },
      }),
  };
}
