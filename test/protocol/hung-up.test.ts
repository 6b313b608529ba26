/** A caller that has hung up uses nothing up: its refresh or code is there for when it asks again. */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { expect, test } from 'vitest';
import { hasHungUp } from '../../src/protocol/caller.ts';
import { wrapGrantHandler } from '../../src/protocol/grant-handlers.ts';
import { stateOf } from '../../src/protocol/request-state.ts';
import type { Commit } from '../../src/storage/artifacts.ts';
import { newId } from '../../src/storage/ids.ts';
import { sealing } from '../storage/databases.ts';

type Wire = { res: { destroyed: boolean }; req: { socket: { destroyed: boolean; writable: boolean } } };
const wire = (change: Partial<{ res: boolean; socket: boolean; writable: boolean }> = {}): Wire => ({
  res: { destroyed: change.res ?? false },
  req: { socket: { destroyed: change.socket ?? false, writable: change.writable ?? true } },
});

test.each([
  ['the answer is closed', { res: true }],
  ['the connection is closed', { socket: true }],
  ['nothing can be written any more', { writable: false }],
])('%s: nothing is stored', async (_what, change) => {
  const { answered, commits } = refresh(change, 30);
  await expect(answered).rejects.toMatchObject({ error: 'invalid_grant' });
  expect(commits).toEqual([]);
});

test.each([
  [30, [true]],
  [0, [undefined]],
])('a use that overlaps is no theft, but with a window of 0: %i s', async (windowSeconds, told) => {
  const { answered, commits } = refresh({}, windowSeconds);
  await answered;
  expect(commits.map(({ consume }) => consume?.readUnused)).toEqual(told);
});

/** One refresh by the grant handler, over a wire in this state. */
function refresh(change: Parameters<typeof wire>[0], windowSeconds: number) {
  const commits: Commit[] = [];
  const family = newId('Grant');
  const ctx = {
    ...wire(change),
    ip: '127.0.0.1',
    state: {},
    body: {},
    get: () => '',
    oidc: {
      client: { clientId: 'shop' },
      params: { grant_type: 'refresh_token', refresh_token: newId('RefreshToken', family) },
    },
  } as unknown as KoaContextWithOIDC;
  const handler = wrapGrantHandler(
    'refresh_token',
    async () => {
      const { unit } = stateOf(ctx);
      if (!unit) throw new Error('no unit');
      unit.family = family;
      unit.consume = { kind: 'RefreshToken', id: newId('RefreshToken', family) };
    },
    {
      artifacts: {
        commit: async (commit: Commit) => {
          commits.push(commit);
          return { kind: 'committed' };
        },
      } as never,
      sealing,
      replayWindowSeconds: async () => windowSeconds,
      recordTheft: async () => {
        throw new Error('nobody is a thief here');
      },
      networkOf: (ip) => ip,
      mayPoll: async () => true,
      noteLargeToken: () => undefined,
      checkProfile: async () => undefined,
      checkClientLimit: async () => undefined,
    },
  );
  return { answered: handler(ctx), commits };
}

test('whoever is there is there', async () => {
  expect(await hasHungUp(wire() as never)).toBe(false);
});
