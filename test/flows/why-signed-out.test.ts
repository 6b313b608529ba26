/**
 * "Why was I signed out?": every refused code and refresh token has one reason of the closed list, an expired one is
 * told from an unknown one, and the timeline of account and client says it.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { defaultLifetimes as live } from '../../src/config/lifetimes.ts';
import { type EndReason, endReasons } from '../../src/storage/end-reasons.ts';
import { newId } from '../../src/storage/ids.ts';
import { type Person, type SeededClient, seedPerson, seedWebClient } from '../harness/seed.ts';
import { type MovedClock, moveClock } from './clock.ts';
import { everySetup, openWorld, type Wire, type World } from './world.ts';

const by = { actor: { kind: 'operator' } } as const;
let clock: MovedClock;

beforeAll(async () => {
  clock = await moveClock();
});
afterEach(() => clock.reset());

describe.each(everySetup)('why with %s: %s', (setup) => {
  let world: World;
  let client: SeededClient;
  let person: Person;
  let tokens: Wire;

  beforeAll(async () => {
    world = await openWorld(setup);
  });
  afterAll(() => world?.close());

  async function begin(): Promise<void> {
    person = await seedPerson(world.rooms);
    client = await seedWebClient(world.rooms, { firstParty: true, refreshReplayWindowSeconds: 0 });
    const code = await world.browser(client, person).code('openid offline_access');
    tokens = (await world.redeem(code, client)).json;
  }

  /** What the audit holds of refused grants of this client, newest first. */
  async function refusals() {
    await world.rooms.familyIndex.flush();
    await world.rooms.audit.flush();
    const { events } = await world.rooms.audit.search({
      clientId: client.clientId,
      type: 'grant.refused',
    });
    return events.map(({ detail, accountId }) => ({
      ...(detail as { reason: EndReason; token: string; reference: string; family?: string }),
      accountId,
    }));
  }

  async function expectReason(reason: EndReason, refreshToken = tokens.refresh_token): Promise<void> {
    const refused = await world.refresh(refreshToken, client);
    expect([refused.status, refused.json.error]).toEqual([400, 'invalid_grant']);
    const [newest] = await refusals();
    expect(newest).toMatchObject({ reason, token: 'refresh_token', reference: refused.json.reference });
    expect(newest?.accountId).toBe(reason === 'unknown' ? undefined : person.id);
  }

  const familyOf = async () => {
    await world.rooms.familyIndex.flush();
    const [family] = await world.rooms.familyIndex.list({ accountId: person.id, limit: 1 });
    if (!family) throw new Error('no family');
    return family;
  };

  test('expired idle, also long after the store forgot the token', async () => {
    await begin();
    await world.rooms.familyIndex.flush();
    clock.move(live.familyIdle.web + 1);
    await expectReason('expired idle');
    clock.move(86_400);
    await world.rooms.artifacts.sweep?.();
    await expectReason('expired idle');
  });

  test('expired absolute', async () => {
    await begin();
    const step = live.familyIdle.web - 60;
    for (let age = step; age < live.familyAbsolute.web; age += step) {
      clock.move(step);
      tokens = (await world.refresh(tokens.refresh_token, client)).json;
    }
    await world.rooms.familyIndex.flush();
    clock.move(step);
    await expectReason('expired absolute');
    expect(await familyOf()).toMatchObject({ refreshes: 6 });
  });

  test('a code that nobody redeemed in time has expired; a stranger’s token is unknown', async () => {
    await begin();
    const code = await world.browser(client, person).code('openid offline_access');
    await world.rooms.familyIndex.flush();
    clock.move(live.authorizationCode + 1);
    const late = await world.redeem(code, client);
    expect(late.json.error).toBe('invalid_grant');
    expect((await refusals())[0]).toMatchObject({ token: 'authorization_code', accountId: person.id });
    expect((await refusals())[0]?.reason).toMatch(/^expired/);
    await expectReason('unknown', newId('RefreshToken'));
    await expectReason('unknown', randomBytes(32).toString('base64url'));
  });

  test('another client learns nothing from a token that is not its own', async () => {
    await begin();
    const theirs = tokens.refresh_token;
    await world.rooms.familyIndex.flush();
    client = await seedWebClient(world.rooms, { firstParty: true });
    clock.move(live.familyIdle.web + 1);
    await expectReason('unknown', theirs);
  });

  test('replayed: how far apart the two uses were, from where, in audit and timeline', async () => {
    await begin();
    const [used, account, app] = [tokens.refresh_token, person, client];
    expect((await world.refresh(used, app)).status).toBe(200);
    clock.move(41);
    await expectReason('replayed', used);
    const { events } = await world.rooms.audit.search({ accountId: account.id, type: 'token.replayed' });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      clientId: app.clientId,
      network: '127.0.0.1',
      detail: { token: 'refresh_token', outcome: 'family-ended', firstNetwork: '127.0.0.1' },
    });
    const millisecondsApart = (events[0]?.detail as { millisecondsApart?: number } | undefined)
      ?.millisecondsApart;
    expect(millisecondsApart).toBeGreaterThanOrEqual(41_000);
    expect(millisecondsApart).toBeLessThan(71_000);
    expect((await familyOf()).ended).toMatchObject({ reason: 'replayed', by: 'system' });
  });

  test('a code used twice', async () => {
    await begin();
    const code = await world.browser(client, person).code('openid offline_access');
    expect((await world.redeem(code, client)).status).toBe(200);
    clock.move(2);
    expect((await world.redeem(code, client)).json.error).toBe('invalid_grant');
    expect((await refusals())[0]).toMatchObject({ reason: 'replayed', token: 'authorization_code' });
    const { events } = await world.rooms.audit.search({ accountId: person.id, type: 'token.replayed' });
    expect(events[0]?.detail).toMatchObject({ token: 'authorization_code', firstNetwork: '127.0.0.1' });
  });

  const ends: readonly (readonly [EndReason, () => Promise<unknown>])[] = [
    [
      'password changed',
      () => world.rooms.accounts.setPassword(person.id, 'another long pass phrase 47', by),
    ],
    ['account disabled', () => world.rooms.accounts.disable(person.id, by)],
    ['signed out', () => world.rooms.sessions.signOutEverywhere(person.id, by)],
    ['revoked by client', () => world.revoke(tokens.refresh_token, client)],
    ['consent withdrawn', () => world.rooms.consents.withdraw(person.id, client.clientId, by)],
    [
      'revoked by administrator',
      async () => {
        await world.rooms.clients.disable(client.clientId, by.actor);
        await world.rooms.clients.enable(client.clientId, by.actor);
      },
    ],
  ];
  test.each(ends)('%s', async (reason, end) => {
    await begin();
    if (reason === 'consent withdrawn') {
      const asked = { scopes: ['openid', 'offline_access'], claims: [], resources: {} };
      await world.rooms.consents.record(person.id, client.clientId, asked, by);
    }
    await world.rooms.familyIndex.flush();
    await end();
    await world.rooms.lease.renew();
    await expectReason(reason);
    // The row says the same, for whoever asks after the store forgot the token.
    await world.rooms.familyIndex.settle(world.rooms.database.db);
    expect((await familyOf()).ended?.reason).toBe(reason);
    clock.move(live.familyAbsolute.web + 1);
    await world.rooms.artifacts.sweep?.();
    await world.rooms.lease.renew();
    await expectReason(reason);
  });

  test('a token that is presented wrongly harms nothing', async () => {
    await begin();
    const wrong = await world.refresh(tokens.refresh_token, client, { resource: 'https://nobody.example' });
    expect(wrong.status).toBe(400);
    expect((await world.refresh(tokens.refresh_token, client)).status).toBe(200);
  });

  test('timeline of the account and of the client, in pages without a gap', async () => {
    await begin();
    for (let n = 0; n < 3; n += 1) tokens = (await world.refresh(tokens.refresh_token, client)).json;
    await world.rooms.accounts.setPassword(person.id, 'another long pass phrase 47', by);
    await world.rooms.lease.renew();
    await world.refresh(tokens.refresh_token, client);
    await world.rooms.familyIndex.flush();
    const { timeline } = world.rooms;
    const whole = await timeline.read({ accountId: person.id });
    const kinds = whole.entries.map((entry) => (entry.kind === 'event' ? entry.event.type : 'family'));
    for (const kind of ['family', 'account.signed-in', 'account.password-set', 'grant.refused']) {
      expect(kinds).toContain(kind);
    }
    expect(kinds).not.toContain('token.refreshed');
    const family = whole.entries.find((entry) => entry.kind === 'family')?.family;
    expect(family).toMatchObject({
      clientId: client.clientId,
      scopes: 'openid offline_access',
      refreshes: 3,
      ended: { reason: 'password changed', by: 'operator' },
    });
    const paged = [];
    let after: string | undefined;
    do {
      const page = await timeline.read({ accountId: person.id }, { after, limit: 2 });
      paged.push(...page.entries);
      after = page.next;
    } while (after !== undefined);
    expect(paged).toEqual(whole.entries);
    const ofClient = await timeline.read({ clientId: client.clientId });
    expect(ofClient.entries.some((entry) => entry.kind === 'family')).toBe(true);
    await expect(timeline.read({ accountId: person.id }, { after: 'nonsense' })).rejects.toThrow(RangeError);
  });

  test('families that run out get their event; what is over for long is forgotten', async () => {
    await begin();
    await world.rooms.familyIndex.flush();
    const { db } = world.rooms.database;
    clock.move(live.familyIdle.web + 1);
    const settled = await world.rooms.familyIndex.settle(db);
    expect(settled.some(({ accountId }) => accountId === person.id)).toBe(true);
    expect((await familyOf()).ended).toMatchObject({ reason: 'expired idle' });
    clock.move(live.familyAbsolute.web + live.familyHistory);
    expect(await world.rooms.familyIndex.sweep()).toBeGreaterThan(0);
    expect(await world.rooms.familyIndex.list({ accountId: person.id, limit: 9 })).toEqual([]);
  });

  test('the list is closed', () => {
    expect(new Set(endReasons).size).toBe(11);
  });
});
