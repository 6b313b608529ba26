/** A mailed code as the pages ask for a second factor. */
import { createMailedFactor } from './accounts/mailed-factor.ts';
import type { SecondFactor } from './pages/front-door.ts';
import type { Rooms } from './rooms.ts';
import { networkOf } from './throttle/networks.ts';
import { requestIdOf } from './web/request-id.ts';

export function createMailedCode(rooms: Rooms): SecondFactor {
  const factor = createMailedFactor({
    ...rooms,
    db: rooms.database.db,
    proofs: rooms.mailedProofs,
    budget: rooms.mailBudget,
    lifetimes: rooms.settings.lifetimes,
  });
  return {
    kind: 'email',
    has: factor.has,
    /** Until one was asked for there is no field: a page that asks for a code that nobody sent is a riddle. */
    view: async (ctx) => ({ waiting: ctx.method === 'POST' || ctx.query.sent === 'yes' }),
    async send(ctx, visit, accountId) {
      const by = { actor: { kind: 'account', id: accountId } as const, ...from(ctx) };
      const app = visit.client.clientId === 'cardea' ? {} : { app: visit.client.name };
      await factor.send({ accountId, visit: visit.uid }, { ...app, by });
    },
    async verify(ctx, visit, accountId, { code = '' }) {
      const by = { actor: { kind: 'account', id: accountId } as const, ...from(ctx) };
      const apart = visit.ground?.suspected;
      const outcome = await factor.verify({ accountId, visit: visit.uid, apart }, code, by);
      return outcome.kind === 'ok' ? { ...outcome, amr: ['email'] } : outcome;
    },
  };
}

type Context = Parameters<SecondFactor['verify']>[0];

const from = (ctx: Context) => ({ network: networkOf(ctx.ip), requestId: requestIdOf(ctx) });
