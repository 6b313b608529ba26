/**
 * The way out to another provider: its button on the sign-in page, and whoever types an address of one of its domains.
 * The browser leaves by a page of its own: a form's answer may lead only where `form-action` lets it, and nobody knows
 * through how many addresses a provider sends people.
 */
import type Koa from 'koa';
import { BROWSER } from '../upstream/provider.ts';
import type { ProviderButton } from '../upstream/upstream-parts.ts';
import type { Csrf } from '../web/csrf.ts';
import type { SendPage } from '../web/page-sender.ts';
import { clientView, imagesOf } from './display.ts';
import type { FrontDoor, Visit } from './front-door.ts';
import { visitPath } from './visit-address.ts';
import { asksForAnotherAccount } from './way-back.ts';

/** Why nobody went anywhere: for the sign-in page. */
export interface NotBegun {
  readonly status: number;
  readonly notice: string;
  readonly noticeValues?: Readonly<Record<string, string>>;
}

export interface UpstreamBegin {
  /** Those that this app lets people sign in with. */
  buttons(visit: Visit): Promise<readonly ProviderButton[]>;
  /** Undefined: it has answered. */
  begin(
    ctx: Koa.Context,
    visit: Visit,
    providerId: string,
    loginHint?: string | undefined,
  ): Promise<NotBegun | undefined>;
  /** Whose people have such addresses, with or without an account here. */
  providerFor(visit: Visit, email: string): Promise<ProviderButton | undefined>;
  /**
   * Where a provider is the only way to sign in to this app, goes straight there: but for whoever has just turned back
   * (`?way=other`). @returns undefined: it has answered; `stay`: the sign-in page is the next one
   */
  straight(ctx: Koa.Context, visit: Visit): Promise<NotBegun | 'stay' | undefined>;
}

/** What the person is asked again for, though signed in (OpenID Connect Core section 3.1.2.1). */
const freshReasons = ['login_prompt', 'max_age'];

export function createUpstreamBegin(o: {
  front: Pick<FrontDoor, 'upstream'>;
  csrf: Csrf;
  base: string;
  sendPage: SendPage;
}): UpstreamBegin {
  const { csrf, base, sendPage } = o;
  const { upstream } = o.front;
  const offered = (visit: Visit, { id }: ProviderButton) => offersWay(visit, id);

  const begin: UpstreamBegin['begin'] = async (ctx, visit, providerId, loginHint) => {
    if (!offersWay(visit, providerId)) return absent;
    const begun = await upstream.begin({
      providerId,
      purpose: { kind: 'sign-in', uid: visit.uid },
      browser: csrf.issue(ctx, BROWSER),
      fresh: visit.reasons.some((reason) => freshReasons.includes(reason)) || asksForAnotherAccount(visit),
      loginHint: loginHint ?? hintOf(visit),
    });
    if (begun.kind === 'absent') return absent;
    if (begun.kind === 'unreachable') {
      return { status: 502, notice: 'upstream.unreachable', noticeValues: { provider: begun.name } };
    }
    sendPage(ctx, 'upstream-leave', {
      data: {
        client: clientView(visit.client),
        provider: begun.name,
        url: begun.url,
        action: `${base}${visitPath(visit.uid)}?way=other`,
      },
      policy: { images: imagesOf(visit.client) },
    });
    ctx.set('Refresh', `0;url=${begun.url}`);
    return undefined;
  };

  return {
    begin,
    async straight(ctx, visit) {
      const [way, ...more] = visit.client.signInWith ?? [];
      // Whoever looks before a person does begins nothing.
      if (way === undefined || more.length > 0 || ctx.method === 'HEAD' || ctx.query.way === 'other') {
        return 'stay';
      }
      const only = (await upstream.buttons()).find(({ id }) => id === way);
      return only ? begin(ctx, visit, only.id) : 'stay';
    },
    buttons: async (visit) => (await upstream.buttons()).filter((button) => offered(visit, button)),
    async providerFor(visit, email) {
      const found = await upstream.providerFor(email);
      return found && offered(visit, found) ? found : undefined;
    },
  };
}

const absent: NotBegun = { status: 422, notice: 'upstream.absent' };

/** Whether a sign-up makes an account that this app takes: by a password, or by a passkey where there are any. */
export function offersSignUp(visit: Pick<Visit, 'client'>, signUp: { readonly passkeys: boolean }): boolean {
  return offersWay(visit, 'password') || (signUp.passkeys && offersWay(visit, 'passkey'));
}

/** Whether people may sign in to this app in this way: all ways, unless the client names some. */
export function offersWay({ client }: Pick<Visit, 'client'>, way: string): boolean {
  return client.signInWith?.includes(way) ?? true;
}

/** Whether any of its ways is a provider. */
export function takesProviders({ client }: Pick<Visit, 'client'>): boolean {
  return client.signInWith?.some((way) => !ownWays.has(way)) ?? true;
}

const ownWays = new Set(['password', 'passkey', 'code']);

function hintOf(visit: Visit): string | undefined {
  const hint = visit.params.login_hint;
  return typeof hint === 'string' && hint.length <= 254 && /^[^\s@<>"]+@[^\s@<>"]+$/.test(hint)
    ? hint
    : undefined;
}
