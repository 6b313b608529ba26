/**
 * Making an account inside a visit: the address, the code from the mail, then a name with a passkey or a password, and on to the app.
 * Which of the three comes next is what is stored of this visit; the answer to an address never depends on whether it
 * has an account.
 */
import type Koa from 'koa';
import type { Cookies } from '../web/cookies.ts';
import type { Csrf } from '../web/csrf.ts';
import type { FormFields } from '../web/forms.ts';
import type { PageLanguages } from '../web/languages.ts';
import { type SendPage, seeOther } from '../web/page-sender.ts';
import { requestIdOf } from '../web/request-id.ts';
import { clientView, formTargetsOf, imagesOf } from './display.ts';
import type { AgainPage } from './factor.ts';
import type { FrontDoor, Visit } from './front-door.ts';
import type { Action } from './interaction.ts';
import { createNewAccount } from './new-account.ts';
import type { FieldFault, SignUpFront } from './sign-up-front.ts';
import { offersSignUp, type UpstreamBegin } from './upstream-begin.ts';
import { signUpPath, visitPath, visitPurpose } from './visit-address.ts';
import { waitText } from './wait-text.ts';
import type { WayBack } from './way-back.ts';

export interface SignUpPage {
  /** Whether this request is for a sign-up: by the page's link, by its own forms, or by prompt=create. */
  isWanted(ctx: Koa.Context, visit: Visit): boolean;
  show(ctx: Koa.Context, visit: Visit, again?: Again): Promise<void>;
  readonly actions: readonly Action[];
}

interface Again extends Partial<AgainPage> {
  readonly status: number;
  readonly waitSeconds?: number;
  /** As typed. */
  readonly email?: string | undefined;
  readonly name?: string | undefined;
  readonly faults?: readonly FieldFault[];
  /** What stands in the notice. */
  readonly noticeValues?: Readonly<Record<string, string>>;
}

/** The uid of the visit whose sign-up this browser has begun: a mailed link that is opened here goes on there. */
export const SIGN_UP_COOKIE = 'sign-up';
const COOKIE_SECONDS = 3600;
const MAX_EMAIL = 254;
const MAX_NAME = 200;
const OWN_POST = /\/sign-up(?:-code|-account)?$/;

export function createSignUpPage(o: {
  front: Pick<FrontDoor, 'protocol' | 'networkOf' | 'passwordMinLength'>;
  signUp: SignUpFront;
  cookies: Cookies;
  csrf: Csrf;
  base: string;
  sendPage: SendPage;
  elsewhere: Pick<UpstreamBegin, 'begin' | 'providerFor'>;
  languages: Pick<PageLanguages, 'of'>;
  wayBack: Pick<WayBack, 'explain'>;
}): SignUpPage {
  const { front, signUp, elsewhere, cookies, csrf, base, sendPage } = o;
  const newAccount = createNewAccount(o);
  const outOfOrder = (ctx: Koa.Context, { uid }: Visit) =>
    o.wayBack.explain(ctx, uid, 403, { currentPage: true });
  const offered =
    (submit: Action['submit']): Action['submit'] =>
    (ctx, visit, fields, stand) =>
      offersSignUp(visit, signUp) ? submit(ctx, visit, fields, stand) : outOfOrder(ctx, visit);
  const goOn = (ctx: Koa.Context, { uid }: Visit) => seeOther(ctx, base + signUpPath(uid));

  const show: SignUpPage['show'] = async (ctx, visit, again) => {
    const stand = ctx.query.address === 'other' ? undefined : await signUp.stand(visit.uid);
    const page = !stand ? 'sign-up' : stand.proved ? 'sign-up-account' : 'sign-up-code';
    const path = base + visitPath(visit.uid);
    const ways = stand?.proved
      ? await newAccount.view(ctx, { visit: visit.uid }, visit.client.clientId)
      : undefined;
    sendPage(ctx, page, {
      status: again?.status ?? 200,
      retryAfterSeconds: again?.waitSeconds,
      data: {
        client: clientView(visit.client),
        action: path,
        csrf: csrf.issue(ctx, visitPurpose(visit.uid)),
        signInUrl: `${path}?account=sign-in`,
        otherUrl: `${path}?account=new&address=other`,
        email: (stand?.email ?? again?.email ?? '').slice(0, MAX_EMAIL),
        name: again?.name ?? '',
        domains: signUp.domains,
        ways,
        minLength: front.passwordMinLength,
        words: [visit.client.name],
        notice: again?.notice,
        noticeValues: again?.noticeValues,
        faults: again?.faults ?? [],
        wait: again?.waitSeconds === undefined ? undefined : waitText(again.waitSeconds),
      },
      policy: {
        formTargets: formTargetsOf(visit.client, visit.redirectOrigin),
        images: imagesOf(visit.client),
      },
    });
  };

  const begin = async (ctx: Koa.Context, visit: Visit, fields: FormFields): Promise<void> => {
    const email = (fields.email ?? '').trim();
    const again = (key: string) =>
      show(ctx, visit, { status: 422, email, faults: [{ field: 'email', key }] });
    // The page of an address that was typed before is not the one to answer with.
    ctx.query = { ...ctx.query, address: 'other' };
    if (email === '') return again('signIn.emailMissing');
    // As at a sign-in: by the domain alone, whether there is such an account or not.
    const home = await elsewhere.providerFor(visit, email);
    if (home) {
      const stays = await elsewhere.begin(ctx, visit, home.id, email);
      return stays && show(ctx, visit, { ...stays, email });
    }
    const outcome = await signUp.begin({
      visit: visit.uid,
      email,
      app: visit.client.name,
      network: front.networkOf(ctx.ip),
      locale: o.languages.of(ctx),
    });
    if (outcome.kind === 'no-address') return again('signUp.noAddress');
    if (outcome.kind === 'domain') return again('signUp.otherDomain');
    cookies.set(ctx, SIGN_UP_COOKIE, visit.uid, { maxAgeSeconds: COOKIE_SECONDS });
    return goOn(ctx, visit);
  };

  const prove = async (ctx: Koa.Context, visit: Visit, fields: FormFields): Promise<void> => {
    const stand = await signUp.stand(visit.uid);
    if (!stand || stand.proved) return outOfOrder(ctx, visit);
    const code = (fields.code ?? '').trim();
    const again = (key: string) => show(ctx, visit, { status: 422, faults: [{ field: 'code', key }] });
    if (code === '') return again('signUp.codeMissing');
    const outcome = await signUp.proveByCode(visit.uid, code, front.networkOf(ctx.ip));
    if (outcome.kind === 'wait') {
      const waitSeconds = outcome.retryAfterSeconds;
      return show(ctx, visit, { status: 429, notice: 'signUp.tooManyCodes', waitSeconds });
    }
    return outcome.kind === 'proved' ? goOn(ctx, visit) : again('signUp.codeWrong');
  };

  const complete = async (ctx: Koa.Context, visit: Visit, fields: FormFields): Promise<void> => {
    if (!(await signUp.stand(visit.uid))?.proved) return outOfOrder(ctx, visit);
    const name = (fields.name ?? '').trim().slice(0, MAX_NAME);
    const place = { visit: visit.uid };
    const again = (more: Again) => show(ctx, visit, { ...more, name });
    const chosen = await newAccount.chosen(ctx, place, fields, visit.client.clientId);
    if ('notice' in chosen) return again({ status: 422, notice: chosen.notice });
    if ('fault' in chosen) return again({ status: 422, faults: [chosen.fault] });
    const outcome = await signUp.complete(
      place,
      { ...chosen, name, app: visit.client.name },
      { network: front.networkOf(ctx.ip), requestId: requestIdOf(ctx) },
    );
    switch (outcome.kind) {
      case 'created': {
        const { account, amr, at } = outcome;
        cookies.clear(ctx, SIGN_UP_COOKIE);
        // The mailbox was proved, too, but perhaps by a link that lay in it: the level is that of the new way in.
        return front.protocol.finishSignIn(ctx, visit, { accountId: account.id, amr, at, remember: true });
      }
      case 'gone':
        return outOfOrder(ctx, visit);
      case 'taken':
        return again({ status: 422, notice: 'signUp.taken' });
      case 'no-passkey':
        return again({ status: 422, notice: outcome.notice });
      case 'faults':
        return again({ status: 422, faults: outcome.faults });
      case 'busy':
        return again({ status: 503, notice: 'signIn.busy', waitSeconds: outcome.retryAfterSeconds });
    }
  };

  return {
    isWanted(ctx, visit) {
      if (!offersSignUp(visit, signUp)) return false;
      if (OWN_POST.test(ctx.path)) return true;
      const { account } = ctx.query;
      return account === 'new' || (account === undefined && visit.reasons.includes('create_prompt'));
    },
    show,
    actions: [
      { name: 'sign-up', at: ['sign-in'], submit: offered(begin) },
      { name: 'sign-up-code', at: ['sign-in'], submit: offered(prove) },
      { name: 'sign-up-account', at: ['sign-in'], submit: offered(complete) },
    ],
  };
}
