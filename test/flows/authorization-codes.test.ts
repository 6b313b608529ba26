/** RFC 6749 sections 4.1.2 and 4.1.3, RFC 7636: a code is worth one redemption, by whom it was made for. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { redeemForm } from '../harness/codes.ts';
import { redirectUri, type SeededClient, seedClient, seedWebClient } from '../harness/seed.ts';
import { everySetup, openWorld, type World } from './world.ts';

describe.each(everySetup)('codes with %s: %s', (setup) => {
  let world: World;
  let one: SeededClient;
  let other: SeededClient;
  let spa: SeededClient;

  beforeAll(async () => {
    world = await openWorld(setup);
    const two = { redirectUris: [redirectUri, 'https://app.example.com/second'], firstParty: true };
    one = await seedWebClient(world.rooms, two);
    other = await seedWebClient(world.rooms, two);
    spa = await seedClient(world.rooms, { name: 'Tab', type: 'spa', ...two });
  });
  afterAll(() => world?.close());

  test('T1 a code again: refused, and what the first redemption gave is dead', async () => {
    const code = await world.browser(one).code('openid offline_access');
    const first = await world.redeem(code, one);
    expect(first.status).toBe(200);
    expect((await world.userinfo(first.json.access_token)).status).toBe(200);
    const second = await world.redeem(code, one);
    expect([second.status, second.json.error]).toEqual([400, 'invalid_grant']);
    expect((await world.userinfo(first.json.access_token)).status).toBe(401);
    const refreshed = await world.refresh(first.json.refresh_token, one);
    expect([refreshed.status, refreshed.json.error]).toEqual([400, 'invalid_grant']);
  });

  test('T1 another browser tab of the same person and client lives on', async () => {
    const browser = world.browser(one);
    const kept = await world.redeem(await browser.code('openid offline_access'), one);
    const code = await browser.code('openid offline_access');
    await world.redeem(code, one);
    await world.redeem(code, one);
    expect((await world.refresh(kept.json.refresh_token, one)).status).toBe(200);
  });

  test('T3 the code of one client at another, with the right secret of each: refused', async () => {
    const code = await world.browser(one).code('openid');
    for (const thief of [other, spa]) {
      const stolen = await world.redeem(code, thief);
      expect([stolen.status, stolen.json.error]).toEqual([400, 'invalid_grant']);
    }
    // RFC 6749 section 10.5 lets a server end everything on abuse; a stranger's try must not be enough.
    expect((await world.redeem(code, one)).status).toBe(200);
  });

  test('T3 another redirect_uri, none, or another verifier: refused, and no token comes of it', async () => {
    const tries: Record<string, string | undefined>[] = [
      { redirect_uri: 'https://app.example.com/second' },
      { redirect_uri: undefined },
      { redirect_uri: `${redirectUri}?` },
      { code_verifier: 'x'.repeat(43) },
      { code_verifier: undefined },
      { code_verifier: 'short' },
    ];
    for (const change of tries) {
      const code = await world.browser(one).code('openid');
      const form = Object.entries({ ...redeemForm(code), ...change }).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      );
      const { status, json } = await world.token(Object.fromEntries(form), one);
      expect(status, JSON.stringify(change)).toBe(400);
      expect(json.error).toMatch(/^invalid_(?:grant|request)$/);
      expect(json.access_token).toBeUndefined();
    }
  });

  test('T3 a mangled code, or something else in its place: refused', async () => {
    const code = await world.browser(one).code('openid offline_access');
    const { json } = await world.redeem(await world.browser(one).code('openid offline_access'), one);
    const last = code.code.at(-1) === 'a' ? 'b' : 'a';
    for (const bad of [
      code.code.slice(0, -1),
      `${code.code}a`,
      code.code.slice(0, -1) + last,
      code.code.toUpperCase(),
      `${code.code} `,
      `${code.code}\u0000`,
      json.access_token,
      json.refresh_token,
      'urn:ietf:params:oauth:request_uri:abc',
      '__proto__',
      '',
      'x'.repeat(10_000),
    ]) {
      const answer = await world.redeem({ ...code, code: bad }, one);
      expect(answer.status, bad.slice(0, 60)).toBe(400);
      expect(answer.json.error).toMatch(/^invalid_(?:grant|request)$/);
    }
    expect((await world.redeem(code, one)).status).toBe(200);
    expect((await world.userinfo(json.access_token)).status).toBe(200);
  });

  test('T3 a code is no refresh token, a refresh token no access token, an access token neither', async () => {
    const code = await world.browser(one).code('openid offline_access');
    const { json } = await world.redeem(await world.browser(one).code('openid offline_access'), one);
    for (const bad of [code.code, json.access_token, json.id_token]) {
      expect((await world.refresh(bad, one)).json.error).toBe('invalid_grant');
    }
    for (const bad of [code.code, json.refresh_token, json.id_token]) {
      expect((await world.userinfo(bad)).status).toBe(401);
    }
  });
});
