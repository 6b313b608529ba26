/** S9: receivers that do not answer, many at once, and what an operator sees of them. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parseCommandLine } from '../../src/cli/arguments.ts';
import { commands } from '../../src/cli/commands.ts';
import { execute } from '../../src/cli/execute.ts';
import { type Agent, formTo } from '../harness/agent.ts';
import { makeAuthority } from '../harness/certificates.ts';
import { type RemoteServer, startRemote } from '../harness/https-server.ts';
import { type SeededClient, seedPerson, seedWebClient } from '../harness/seed.ts';
import { openWorld, type World } from './world.ts';

const authority = makeAuthority();
let receiver: RemoteServer;
let world: World;
let hung = true;

beforeAll(async () => {
  receiver = await startRemote(authority.server(), (req, res) => {
    if (!req.url?.startsWith('/hung') || !hung) res.writeHead(200).end();
  });
  world = await openWorld('full', {
    CARDEA_OUTBOUND_ALLOW: `localhost:${receiver.port}`,
    CARDEA_OUTBOUND_CA_FILE: authority.caFile,
  });
});
afterAll(async () => {
  await world?.close();
  await receiver?.close();
  authority.remove();
});

const app = (path: string) =>
  seedWebClient(world.rooms, {
    name: path,
    firstParty: true,
    backchannelLogoutUri: `${receiver.origin}/${path}`,
  });
async function enter(client: SeededClient): Promise<Agent> {
  const browser = world.browser(client, await seedPerson(world.rooms));
  await world.redeem(await browser.code('openid'), client);
  return browser.agent;
}
async function signOut(agent: Agent): Promise<number> {
  const form = formTo(await agent.get('/oauth2/logout'), '/confirm');
  const startedAt = performance.now();
  await agent.post(form.action, { ...form.fields, logout: 'yes' });
  return performance.now() - startedAt;
}
const health = ({ clientId }: SeededClient) => world.rooms.logoutQueue.health(clientId);
async function show(client: SeededClient): Promise<Record<string, unknown>> {
  const parsed = parseCommandLine(['client', 'show', client.clientId, '--json'], commands);
  if (parsed.kind !== 'command') throw new Error(JSON.stringify(parsed));
  const { stdout } = await execute(parsed, { files: {} }, world.rooms);
  return JSON.parse(stdout).logout_receiver;
}

test('nobody waits for a receiver that did not take what it was told before; an operator sees it', async () => {
  const client = await app('hung-up');
  const [first, second] = [await enter(client), await enter(client)];
  expect(await signOut(first)).toBeGreaterThan(1_900);
  await vi.waitFor(async () => expect((await health(client)).lastFault).toBeDefined(), { timeout: 10_000 });
  expect(await signOut(second)).toBeLessThan(1_900);
  expect(await show(client)).toMatchObject({ due: 2, given_up: 0, last_fault: expect.any(String) });
  expect(await world.rooms.logoutQueue.backlog()).toEqual({ due: 2, failing: 1 });
  hung = false;
  await vi.waitFor(async () => expect((await health(client)).due).toBe(0), {
    timeout: 20_000,
    interval: 100,
  });
  expect(await show(client)).toMatchObject({ due: 0, given_up: 0, last_told_at: expect.any(String) });
  hung = true;
});

test('3,000 notices for one that is away stand before nobody else’s', async () => {
  const [away, well] = [await app('hung-for-good'), await app('well')];
  const now = Date.now();
  const row = (clientId: string, at: number) => ({
    client_id: clientId,
    account_id: world.person.id,
    sid: 'a-session',
    state: 'due' as const,
    next_try_at: new Date(at),
    created_at: new Date(at),
    expires_at: new Date(now + 86_400_000),
  });
  const { db } = world.rooms.database;
  await db
    .insertInto('logout_notices')
    .values(Array.from({ length: 3_000 }, () => row(away.clientId, now - 60_000)))
    .execute();
  await db.insertInto('logout_notices').values(row(well.clientId, now)).execute();
  await vi.waitFor(async () => expect((await health(well)).lastToldAt).toBeDefined(), {
    timeout: 4_500,
    interval: 50,
  });
  expect((await health(away)).due).toBe(3_000);
});

test('what is settled for a week, and what nobody reads any more, is swept', async () => {
  const { db } = world.rooms.database;
  await db
    .updateTable('logout_notices')
    .set({ expires_at: new Date(Date.now() - 1_000) })
    .execute();
  await world.rooms.logoutQueue.sweep();
  expect(await db.selectFrom('logout_notices').select('id').execute()).toEqual([]);
});

test('an address that is not https is refused at registration', async () => {
  const made = await world.rooms.clients.create(
    {
      name: 'Plain',
      type: 'web',
      redirectUris: ['https://app.example.com/callback'],
      backchannelLogoutUri: 'http://localhost:4000/logout',
    },
    { kind: 'operator' },
  );
  expect(made.kind).toBe('faults');
});
