/** What the audit says of sign-ins: one event when all is proved, and one for a first factor that is not enough. */
import type Koa from 'koa';
import type { SaidByBrowser } from './audit/catalogue.ts';
import type { SignIn } from './pages/front-door.ts';
import type { Rooms } from './rooms.ts';
import { browserNames } from './sessions/browser-names.ts';
import { networkOf } from './throttle/networks.ts';
import { requestIdOf } from './web/request-id.ts';

/** By these names the holder tells a browser in the portal's activity. */
export function saidBy(userAgent: string): SaidByBrowser {
  const { browser, system } = browserNames(userAgent);
  return { ...(browser && { browser }), ...(system && { system }) };
}

export function createSignInNotes({ audit, database }: Pick<Rooms, 'audit' | 'database'>) {
  const contextOf = (ctx: Koa.Context, accountId: string) => ({
    actor: { kind: 'account', id: accountId } as const,
    accountId,
    network: networkOf(ctx.ip),
    requestId: requestIdOf(ctx),
  });
  const deviceOf = (ctx: Koa.Context) => saidBy(ctx.get('User-Agent'));

  return {
    /** Before the session is: where it cannot be recorded, nobody is signed in. */
    finished: (ctx: Koa.Context, { accountId, amr, remember }: SignIn): Promise<void> =>
      audit.append(database.db, {
        type: 'account.signed-in',
        detail: { amr, remembered: remember, ...deviceOf(ctx) },
        ...contextOf(ctx, accountId),
      }),
    firstFactor: (ctx: Koa.Context, { accountId, amr }: SignIn): Promise<void> =>
      audit.append(database.db, {
        type: 'first-factor.accepted',
        detail: { amr, ...deviceOf(ctx) },
        ...contextOf(ctx, accountId),
      }),
  };
}
