/**
 * What follows when somebody came back from another provider, inside the visit that waits: signed in, or asked to prove
 * that an account is theirs, or to make one. The dispatcher asks here first while the step is 'sign-in'.
 */
import type Koa from 'koa';
import { BROWSER, HANDLE_COOKIE } from '../upstream/provider.ts';
import type { Standing } from '../upstream/upstream-parts.ts';
import type { Cookies } from '../web/cookies.ts';
import type { Csrf } from '../web/csrf.ts';
import type { FormFields } from '../web/forms.ts';
import type { PageLanguages } from '../web/languages.ts';
import { type SendPage, seeOther } from '../web/page-sender.ts';
import { requestIdOf } from '../web/request-id.ts';
import { clientView, formTargetsOf, imagesOf } from './display.ts';
import type { FrontDoor, SignInOutcome, Visit } from './front-door.ts';
import type { PasswordTry } from './password-try.ts';
import type { SignInPage } from './sign-in.ts';
import type { UpstreamBegin } from './upstream-begin.ts';
import { visitPath, visitPurpose } from './visit-address.ts';
import { waitText } from './wait-text.ts';

export interface UpstreamSteps {
  /**
   * True: it has answered. Costs nothing in a browser that did not come back from a provider, unless one is the only way
   * to sign in to this app: then it goes straight there.
   */
  resume(ctx: Koa.Context, visit: Visit): Promise<boolean>;
  /** POST …/connect. False: it is not what comes next. */
  submit(ctx: Koa.Context, visit: Visit, fields: FormFields): Promise<boolean>;
}

interface Again {
  readonly status: number;
  readonly notice?: string;
  readonly waitSeconds?: number;
  readonly faults?: Readonly<Partial<Record<'password' | 'code' | 'name', string>>>;
  readonly name?: string;
  /** A code was asked for: its field is shown. */
  readonly sent?: boolean;
}

const MAX_NAME = 200;

export function createUpstreamSteps(o: {
  front: Pick<FrontDoor, 'protocol' | 'upstream' | 'networkOf'>;
  languages: Pick<PageLanguages, 'of'>;
  passwords: PasswordTry;
  elsewhere: Pick<UpstreamBegin, 'straight'>;
  signIn: Pick<SignInPage, 'show'>;
  cookies: Cookies;
  csrf: Csrf;
  base: string;
  sendPage: SendPage;
}): UpstreamSteps {
  const { front, passwords, cookies, csrf, base, sendPage } = o;
  const { upstream, protocol } = front;

  const heldOf = (ctx: Koa.Context, { uid }: Visit) => {
    const handle = cookies.read(ctx, HANDLE_COOKIE, visitPath(uid));
    return handle === undefined ? undefined : { handle, browser: csrf.issue(ctx, BROWSER) };
  };
  const forget = (ctx: Koa.Context, { uid }: Visit) => cookies.clear(ctx, HANDLE_COOKIE, visitPath(uid));
  const fromOf = (ctx: Koa.Context) => ({ network: front.networkOf(ctx.ip), requestId: requestIdOf(ctx) });
  const toDispatcher = (ctx: Koa.Context, { uid }: Visit, query = '') =>
    seeOther(ctx, base + visitPath(uid) + query);

  function page(ctx: Koa.Context, visit: Visit, standing: Standing, again: Again = { status: 200 }): void {
    sendPage(ctx, `upstream-${standing.kind}`, {
      status: again.status,
      retryAfterSeconds: again.waitSeconds,
      data: {
        client: clientView(visit.client),
        provider: standing.provider.name,
        email: 'email' in standing ? standing.email : undefined,
        name: again.name ?? ('name' in standing ? standing.name : ''),
        action: base + visitPath(visit.uid),
        csrf: csrf.issue(ctx, visitPurpose(visit.uid)),
        mails: upstream.mailsCodes,
        sent: again.sent ?? ctx.query.code === 'sent',
        notice: again.notice,
        faults: again.faults ?? {},
        wait: again.waitSeconds === undefined ? undefined : waitText(again.waitSeconds),
      },
      policy: {
        formTargets: formTargetsOf(visit.client, visit.redirectOrigin),
        images: imagesOf(visit.client),
      },
    });
  }

  /** The sign-in page, with why. */
  const back = (ctx: Koa.Context, visit: Visit, reason: string, provider: string): Promise<void> => {
    forget(ctx, visit);
    return o.signIn.show(ctx, visit, {
      status: 200,
      notice: `upstream.${reason}`,
      noticeValues: { provider },
    });
  };

  const straight = async (ctx: Koa.Context, visit: Visit): Promise<boolean> => {
    const went = await o.elsewhere.straight(ctx, visit);
    if (went === 'stay') return false;
    if (went) await o.signIn.show(ctx, visit, went);
    return true;
  };

  const resume: UpstreamSteps['resume'] = async (ctx, visit) => {
    const held = heldOf(ctx, visit);
    const standing = held && (await upstream.stand(held, visit.uid));
    if (!held) return straight(ctx, visit);
    if (!standing) {
      forget(ctx, visit);
      return straight(ctx, visit);
    }
    switch (standing.kind) {
      case 'failed':
        await back(ctx, visit, standing.reason, standing.provider.name);
        return true;
      case 'known': {
        const outcome = await upstream.signIn(held, visit.uid, fromOf(ctx));
        if (outcome?.kind !== 'signed-in') {
          await back(ctx, visit, 'refused', standing.provider.name);
          return true;
        }
        forget(ctx, visit);
        const { accountId, amr, at } = outcome;
        await protocol.finishSignIn(ctx, visit, { accountId, amr, at, remember: true });
        return true;
      }
      default:
        page(ctx, visit, standing);
        return true;
    }
  };

  async function proveByPassword(
    ctx: Koa.Context,
    visit: Visit,
    standing: Extract<Standing, { kind: 'prove' }>,
    password: string,
  ): Promise<boolean> {
    if (password === '') {
      const faults = { password: 'signIn.passwordMissing' };
      page(ctx, visit, standing, { status: 422, faults });
      return true;
    }
    const outcome = await passwords.attempt(ctx, standing.email, password);
    if (outcome.kind !== 'signed-in') {
      page(ctx, visit, standing, refusal(outcome));
      return true;
    }
    const { account, amr, at, suspected } = outcome;
    const held = heldOf(ctx, visit);
    if (!held || !(await upstream.proveByPassword(held, visit.uid, account.id))) return false;
    const proof = { accountId: account.id, amr, at, remember: true } as const;
    await protocol.finishSignIn(ctx, visit, { ...proof, ...(suspected && { suspected: true }) });
    return true;
  }

  async function proveByCode(
    ctx: Koa.Context,
    visit: Visit,
    standing: Extract<Standing, { kind: 'prove' }>,
    code: string,
  ): Promise<boolean> {
    const held = heldOf(ctx, visit);
    if (!held) return false;
    const outcome = await upstream.proveByCode(held, visit.uid, code, fromOf(ctx));
    switch (outcome.kind) {
      case 'signed-in': {
        const { accountId, amr, at } = outcome;
        await protocol.finishSignIn(ctx, visit, { accountId, amr, at, remember: true });
        break;
      }
      case 'go-on':
        toDispatcher(ctx, visit);
        break;
      case 'password-needed':
        page(ctx, visit, standing, { status: 422, notice: 'upstream.prove.passwordNeeded', sent: false });
        break;
      case 'wait': {
        const waitSeconds = outcome.retryAfterSeconds;
        page(ctx, visit, standing, { status: 429, notice: 'code.tooMany', waitSeconds, sent: true });
        break;
      }
      case 'wrong':
        page(ctx, visit, standing, { status: 422, faults: { code: 'upstream.prove.wrong' }, sent: true });
    }
    return true;
  }

  async function join(
    ctx: Koa.Context,
    visit: Visit,
    standing: Extract<Standing, { kind: 'join' }>,
    typed: string,
  ): Promise<boolean> {
    const held = heldOf(ctx, visit);
    if (!held) return false;
    const name = typed.trim().slice(0, MAX_NAME);
    const outcome = await upstream.join(held, visit.uid, name, fromOf(ctx));
    switch (outcome.kind) {
      case 'signed-in': {
        forget(ctx, visit);
        const { accountId, amr, at } = outcome;
        await protocol.finishSignIn(ctx, visit, { accountId, amr, at, remember: true });
        return true;
      }
      case 'name':
        page(ctx, visit, standing, { status: 422, name, faults: { name: 'upstream.join.nameFault' } });
        return true;
      case 'gone':
        return false;
      default:
        toDispatcher(ctx, visit);
        return true;
    }
  }

  return {
    resume,
    async submit(ctx, visit, fields) {
      const held = heldOf(ctx, visit);
      const standing = held && (await upstream.stand(held, visit.uid));
      if (!held || !standing) return false;
      const { act } = fields;
      if (act === 'other') {
        forget(ctx, visit);
        toDispatcher(ctx, visit, '?way=other');
        return true;
      }
      if (standing.kind === 'join') return act === 'join' && join(ctx, visit, standing, fields.name ?? '');
      if (standing.kind !== 'prove') return false;
      if (act === 'password') return proveByPassword(ctx, visit, standing, fields.password ?? '');
      if (!upstream.mailsCodes) return false;
      if (act === 'code') return proveByCode(ctx, visit, standing, fields.code ?? '');
      const locale = o.languages.of(ctx);
      if (act !== 'send' || !(await upstream.sendCode(held, visit.uid, fromOf(ctx), locale))) return false;
      toDispatcher(ctx, visit, '?code=sent');
      return true;
    },
  };
}

function refusal(outcome: Exclude<SignInOutcome, { kind: 'signed-in' }>): Again {
  switch (outcome.kind) {
    case 'unproved':
    case 'rejected':
      return { status: 422, faults: { password: 'upstream.prove.rejected' } };
    case 'leaving':
      return { status: 422, notice: 'signIn.leavingElsewhere' };
    case 'locked':
      return { status: 429, notice: 'signIn.locked', waitSeconds: outcome.retryAfterSeconds };
    case 'busy':
      return { status: 503, notice: 'signIn.busy', waitSeconds: outcome.retryAfterSeconds };
  }
}
