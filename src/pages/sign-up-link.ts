/**
 * The pages of mailed links that make an account: of a sign-up, and of an invitation. Where the sign-up began, the link
 * only proves the address and the visit goes on; in any other browser the account is made right here, and nobody is
 * signed in by it, least of all whoever typed the address elsewhere.
 */
import type Koa from 'koa';
import type { Cookies } from '../web/cookies.ts';
import type { Csrf } from '../web/csrf.ts';
import type { ReadSubmitted } from '../web/form-guard.ts';
import { type SendPage, seeOther } from '../web/page-sender.ts';
import { requestIdOf } from '../web/request-id.ts';
import type { FrontDoor } from './front-door.ts';
import type { LinkPage, OpenLink } from './link.ts';
import { createNewAccount } from './new-account.ts';
import type { Route } from './routes.ts';
import { SIGN_UP_COOKIE } from './sign-up.ts';
import type { FieldFault, SignUpFront } from './sign-up-front.ts';
import { signUpPath } from './visit-address.ts';
import { waitText } from './wait-text.ts';

interface Again {
  readonly status: number;
  readonly notice?: string | undefined;
  readonly name?: string | undefined;
  readonly faults?: readonly FieldFault[];
  readonly waitSeconds?: number | undefined;
}

const MAX_NAME = 200;
const MAX_EMAIL = 254;
const INVITATION = '/invitation';

export interface SignUpLinkParts {
  readonly front: Pick<FrontDoor, 'networkOf' | 'passwordMinLength' | 'signInUrl'>;
  readonly signUp: SignUpFront;
  readonly cookies: Cookies;
  readonly csrf: Csrf;
  readonly base: string;
  readonly readSubmitted: ReadSubmitted;
  readonly sendPage: SendPage;
}

/** For the purposes 'sign-up' and 'invitation' (accounts/mailed-proofs.ts). */
export function createSignUpLink(o: SignUpLinkParts): LinkPage {
  const { front, signUp, cookies, base, sendPage } = o;
  const newAccount = createNewAccount(o);

  /** The visit of this browser that the link belongs to. */
  const visitOf = async (ctx: Koa.Context, token: string): Promise<string | undefined> => {
    const uid = cookies.read(ctx, SIGN_UP_COOKIE);
    return uid !== undefined && (await signUp.look(token))?.visits(uid) ? uid : undefined;
  };

  const accountPage = async (ctx: Koa.Context, link: OpenLink, again: Again): Promise<void> => {
    const [looked, ways] = await Promise.all([
      signUp.look(link.token),
      newAccount.view(ctx, { token: link.token }),
    ]);
    sendPage(ctx, 'sign-up-account', {
      status: again.status,
      retryAfterSeconds: again.waitSeconds,
      data: {
        link,
        csrf: link.csrf,
        email: looked?.email ?? '',
        name: again.name ?? '',
        signInUrl: front.signInUrl,
        ways,
        minLength: front.passwordMinLength,
        words: [],
        notice: again.notice,
        faults: again.faults ?? [],
        wait: again.waitSeconds === undefined ? undefined : waitText(again.waitSeconds),
      },
    });
  };

  return {
    async show(ctx, link, again = { status: 200, notice: '' }) {
      const notice = again.notice === '' ? undefined : again.notice;
      if ((await visitOf(ctx, link.token)) === undefined) {
        return accountPage(ctx, link, { status: again.status, notice });
      }
      const email = (await signUp.look(link.token))?.email ?? '';
      sendPage(ctx, 'sign-up-link', { status: again.status, data: { link, email, notice } });
    },
    async submit(ctx, link, fields) {
      const { token } = link;
      const visit = await visitOf(ctx, token);
      if (visit !== undefined) {
        if (!(await signUp.proveByLink(visit, token))) return 'gone';
        seeOther(ctx, base + signUpPath(visit));
        return 'answered';
      }
      const name = (fields.name ?? '').trim().slice(0, MAX_NAME);
      const again = async (more: Again) => {
        await accountPage(ctx, link, { ...more, name });
        return 'answered' as const;
      };
      const chosen = await newAccount.chosen(ctx, { token }, fields);
      if ('notice' in chosen) return again({ status: 422, notice: chosen.notice });
      if ('fault' in chosen) return again({ status: 422, faults: [chosen.fault] });
      const from = { network: front.networkOf(ctx.ip), requestId: requestIdOf(ctx) };
      const outcome = await signUp.complete({ token }, { ...chosen, name }, from);
      switch (outcome.kind) {
        case 'created':
          return 'done';
        case 'gone':
          return 'gone';
        case 'taken':
          return again({ status: 422, notice: 'signUp.taken' });
        case 'no-passkey':
          return again({ status: 422, notice: outcome.notice });
        case 'faults':
          return again({ status: 422, faults: outcome.faults });
        case 'busy': {
          const waitSeconds = outcome.retryAfterSeconds;
          return again({ status: 503, notice: 'signIn.busy', waitSeconds });
        }
      }
    },
    done: (ctx) => sendPage(ctx, 'sign-up-done', { data: { signInUrl: front.signInUrl, home: `${base}/` } }),
  };
}

/** `/invitation`: the code of an invitation without its link. */
export function invitationRoutes(
  o: SignUpLinkParts & { readonly openLink: (ctx: Koa.Context, token: string) => void },
): readonly Route[] {
  const { front, signUp, csrf, base, sendPage } = o;
  const page = (ctx: Koa.Context, again: Again & { readonly email?: string } = { status: 200 }) =>
    sendPage(ctx, 'invitation', {
      status: again.status,
      retryAfterSeconds: again.waitSeconds,
      data: {
        action: base + INVITATION,
        csrf: csrf.issue(ctx, INVITATION),
        email: again.email ?? '',
        notice: again.notice,
        faults: again.faults ?? [],
        wait: again.waitSeconds === undefined ? undefined : waitText(again.waitSeconds),
      },
    });

  return [
    { method: 'GET', path: INVITATION, handle: (ctx) => page(ctx) },
    {
      method: 'POST',
      path: INVITATION,
      async handle(ctx) {
        const { fields, isFresh } = await o.readSubmitted(ctx);
        const email = (fields.email ?? '').trim().slice(0, MAX_EMAIL);
        if (!isFresh(INVITATION)) return page(ctx, { status: 403, notice: 'form.outdated', email });
        const code = (fields.code ?? '').trim();
        const faults = [
          ...(email === '' ? [{ field: 'email', key: 'signIn.emailMissing' }] : []),
          ...(code === '' ? [{ field: 'code', key: 'signUp.codeMissing' }] : []),
        ];
        if (faults.length > 0) return page(ctx, { status: 422, email, faults });
        const outcome = await signUp.linkOfInvitation({ email, code, network: front.networkOf(ctx.ip) });
        if (outcome.kind === 'open') return o.openLink(ctx, outcome.token);
        if (outcome.kind === 'wait') {
          const waitSeconds = outcome.retryAfterSeconds;
          return page(ctx, { status: 429, email, notice: 'signUp.tooManyCodes', waitSeconds });
        }
        return page(ctx, { status: 422, email, faults: [{ field: 'code', key: 'signUp.codeWrong' }] });
      },
    },
  ];
}
