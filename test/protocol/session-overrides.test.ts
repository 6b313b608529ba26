/** Guards for the overrides of the engine's Session (src/protocol/engine-overrides.ts, overrideSessions). */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type Provider from 'oidc-provider';
import { expect, test } from 'vitest';
import { isKind } from '../../src/storage/ids.ts';
import { bareEngine, overridden } from './overridden-engine.ts';

const context = (engine: Provider) => {
  const incoming = new IncomingMessage(new Socket());
  return engine.createContext(incoming, new ServerResponse(incoming));
};
interface Session {
  uid: string;
  jti: string;
  new?: boolean;
  accountId?: string;
  resetIdentifier(): void;
  destroy(): Promise<void>;
  save(ttl: number): Promise<string>;
}
const fresh = async (engine: Provider) =>
  (await engine.Session.get(context(engine) as never)) as unknown as Session;

test('instantiate makes new ones: marked as new, id and uid with one tag', async () => {
  const bare = await fresh(bareEngine());
  expect([bare.new, isKind(bare.jti, 'Session')]).toEqual([true, false]);
  const session = await fresh(overridden().engine);
  expect([session.new, isKind(session.jti, 'Session')]).toEqual([true, true]);
  expect(session.jti.slice(1, 13)).toBe(session.uid.slice(0, 12));
});

test('resetIdentifier keeps the uid and changes the id', async () => {
  expect(typeof (await fresh(bareEngine())).resetIdentifier).toBe('function');
  const session = await fresh(overridden().engine);
  const { jti, uid } = session;
  session.resetIdentifier();
  expect(session.uid).toBe(uid);
  expect(session.jti).not.toBe(jti);
  expect(session.jti.slice(1, 13)).toBe(uid.slice(0, 12));
});

test('destroy tells us first, and waits', async () => {
  const { engine, onSessionEnd } = overridden();
  const session = await fresh(engine);
  session.accountId = 'a';
  await session.save(60);
  const order: string[] = [];
  onSessionEnd.mockImplementation(async () => {
    await Promise.resolve();
    order.push('families');
  });
  await session.destroy().then(() => order.push('session'));
  expect(order).toEqual(['families', 'session']);
  expect(onSessionEnd).toHaveBeenCalledWith({
    uid: session.uid,
    accountId: 'a',
    clients: [],
    askedBy: undefined,
  });
});
