/**
 * T7, S23: what ends access in one process is known in the other within the lease: refresh, userinfo, introspection,
 * codes and the browser's session. The lease is renewed by hand, so that nothing waits.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { EndReason } from '../../src/storage/end-reasons.ts';
import { formTo } from '../harness/agent.ts';
import type { Browser } from '../harness/codes.ts';
import { type Person, type SeededClient, seedApi, seedPerson, seedWebClient } from '../harness/seed.ts';
import type { Setup } from '../harness/server.ts';
import { authorizeQuery, openWorld, type Wire, type World } from './world.ts';

const by = { actor: { kind: 'operator' } } as const;

const setups: readonly (readonly [Setup, string])[] = [
  ['full', 'on postgres and redis, two servers'],
  ['plain', 'on postgres, two servers'],
  ['embedded', 'on embedded, one server'],
];

describe.each(setups)('ended access with %s: %s', (setup) => {
  let world: World;
  let other: World;
  let person: Person;
  let client: SeededClient;
  let browser: Browser;
  let tokens: Wire;
  let jwt: Wire;
  let unredeemed: Awaited<ReturnType<Browser['code']>>;

  beforeAll(async () => {
    world = await openWorld(setup);
    other = setup === 'embedded' ? world : await world.second();
    await seedApi(world.rooms);
  });
  afterAll(() => world?.close());

  beforeEach(async () => {
    person = await seedPerson(world.rooms);
    client = await seedWebClient(world.rooms, { firstParty: true });
    browser = world.browser(client, person);
    tokens = (await other.redeem(await browser.code('openid offline_access'), client)).json;
    jwt = (await other.redeem(await browser.code('openid offline_access orders:read'), client)).json;
    unredeemed = await browser.code('openid offline_access');
    expect((await other.userinfo(tokens.access_token)).status).toBe(200);
    expect((await other.introspect(jwt.access_token, client)).json.active).toBe(true);
  });

  /** Everything that was handed out before is worth nothing on the other process. */
  async function expectAllDead({
    clientLives = true,
    session = true,
    reason,
  }: {
    clientLives?: boolean;
    session?: boolean;
    reason?: EndReason;
  } = {}) {
    await other.rooms.lease.renew();
    expect((await other.userinfo(tokens.access_token)).status).toBe(401);
    for (const token of [tokens.refresh_token, jwt.refresh_token]) {
      const refused = await other.refresh(token, client);
      if (clientLives) expect([refused.status, refused.json.error]).toEqual([400, 'invalid_grant']);
      else expect([refused.status, refused.json.error]).toEqual([401, 'invalid_client']);
    }
    if (reason) await expectReason(reason);
    const redeemed = await other.redeem(unredeemed, client);
    expect(redeemed.json.error).toBe(clientLives ? 'invalid_grant' : 'invalid_client');
    if (clientLives) {
      for (const token of [tokens.access_token, tokens.refresh_token, jwt.access_token]) {
        expect((await other.introspect(token, client)).json).toEqual({ active: false });
      }
    }
    if (session) {
      const cookie = browser.agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
      const query = authorizeQuery(client, { prompt: 'none' });
      const { headers } = await other.ask(query, { headers: { cookie } });
      expect(new URL(String(headers.location)).searchParams.get('error')).toBe('login_required');
    }
  }

  /** The refusals of both refresh tokens, on the other process, were recorded with this reason. */
  async function expectReason(reason: EndReason) {
    await other.rooms.familyIndex.flush();
    await other.rooms.audit.flush();
    const { events } = await other.rooms.audit.search({ clientId: client.clientId, type: 'grant.refused' });
    expect(events.length).toBeGreaterThanOrEqual(2);
    for (const { detail, accountId } of events.slice(0, 2)) {
      expect(detail).toMatchObject({ reason, token: 'refresh_token' });
      expect(accountId).toBe(person.id);
    }
  }

  test('an account that is disabled', async () => {
    await world.rooms.accounts.disable(person.id, by);
    await expectAllDead({ reason: 'account disabled' });
    // Enabled again, what was ended stays ended.
    await world.rooms.accounts.enable(person.id, by);
    await expectAllDead({ reason: 'account disabled' });
  });

  test('an account that is deleted', async () => {
    await world.rooms.accounts.delete(person.id, by);
    await expectAllDead({ reason: 'account disabled' });
  });

  test('a password that is changed', async () => {
    const changed = await world.rooms.accounts.setPassword(person.id, 'another long pass phrase 47', by);
    expect(changed.kind).toBe('changed');
    await expectAllDead({ reason: 'password changed' });
  });

  test('signing out everywhere, offline families too', async () => {
    await world.rooms.sessions.signOutEverywhere(person.id, by);
    await expectAllDead({ reason: 'signed out' });
  });

  test('a consent that is withdrawn ends what its client has, and not the session', async () => {
    const asked = { scopes: ['openid', 'offline_access'], claims: [], resources: {} };
    await world.rooms.consents.record(person.id, client.clientId, asked, by);
    await world.rooms.consents.withdraw(person.id, client.clientId, by);
    await expectAllDead({ session: false, reason: 'consent withdrawn' });
  });

  test('a family that its client gives back', async () => {
    for (const token of [tokens.refresh_token, jwt.refresh_token]) await world.revoke(token, client);
    for (const token of [tokens.refresh_token, jwt.refresh_token]) {
      expect((await other.refresh(token, client)).json.error).toBe('invalid_grant');
    }
    await expectReason('revoked by client');
  });

  test('S9 signing out ends the session and what is not offline there too, and nothing else', async () => {
    const inSession = (await other.redeem(await browser.code('openid'), client)).json;
    const page = await browser.agent.get('/oauth2/logout');
    const form = formTo(page, '/logout/confirm');
    const cookie = browser.agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    await browser.agent.post(form.action, { ...form.fields, logout: 'yes' });
    const query = authorizeQuery(client, { prompt: 'none' });
    const { headers } = await other.ask(query, { headers: { cookie } });
    expect(String(headers.location)).toContain('error=login_required');
    expect((await other.userinfo(inSession.access_token)).status).toBe(401);
    expect((await other.refresh(tokens.refresh_token, client)).status).toBe(200);
    // What the other process knows is written within a second.
    await other.rooms.familyIndex.flush();
    const { entries } = await world.rooms.timeline.read({ accountId: person.id });
    const ended = entries.flatMap((one) => (one.kind === 'family' && one.family.ended ? [one.family] : []));
    expect(ended).toMatchObject([{ offline: false, ended: { reason: 'signed out', by: 'account' } }]);
  });

  test('a client that is disabled; enabled again, what was ended stays ended', async () => {
    await world.rooms.clients.disable(client.clientId, by.actor);
    await expectAllDead({ clientLives: false, session: false });
    await world.rooms.clients.enable(client.clientId, by.actor);
    await expectAllDead({ session: false, reason: 'revoked by administrator' });
  });

  test('a client that is deleted', async () => {
    await world.rooms.clients.delete(client.clientId, by.actor);
    await expectAllDead({ clientLives: false, session: false });
  });

  test('another person and another client notice nothing', async () => {
    const bystander = await seedPerson(world.rooms);
    const kept = await seedWebClient(world.rooms, { firstParty: true });
    const theirs = (
      await other.redeem(await world.browser(kept, bystander).code('openid offline_access'), kept)
    ).json;
    await world.rooms.accounts.disable(person.id, by);
    await world.rooms.clients.disable(client.clientId, by.actor);
    await other.rooms.lease.renew();
    expect((await other.userinfo(theirs.access_token)).status).toBe(200);
    expect((await other.refresh(theirs.refresh_token, kept)).status).toBe(200);
  });

  test('a role that is taken away is gone from the next token', async () => {
    const audience = 'https://api.example.com';
    await world.rooms.roles.create({ audience, name: 'clerk', permissions: ['orders.ship'] }, by);
    const reference = { role: 'clerk', audience };
    await world.rooms.roles.grant(person.id, reference, by);
    await other.rooms.lease.renew();
    const withRole = (await other.refresh(jwt.refresh_token, client)).json;
    const claims = (token: string) =>
      JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    expect(claims(withRole.access_token)).toMatchObject({ roles: ['clerk'], permissions: ['orders.ship'] });
    await world.rooms.roles.revoke(person.id, reference, by);
    await other.rooms.lease.renew();
    const without = claims((await other.refresh(withRole.refresh_token, client)).json.access_token);
    expect(without.roles).toBeUndefined();
    expect(without.permissions).toBeUndefined();
  });
});
