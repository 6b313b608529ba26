/** Authorizations whose codes nobody redeems leave nothing behind for long; redeeming gives a family its full life. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBrowser, redeemForm } from '../harness/codes.ts';
import { seedPerson, seedWebClient } from '../harness/seed.ts';
import { freshStores, type Setup, type Stores, startServer, type TestServer } from '../harness/server.ts';
import { askPort, basic } from '../harness/two.ts';

const setups: readonly (readonly [Setup, string])[] = [
  ['embedded', 'on embedded'],
  ['full', 'on postgres and redis'],
];

describe.each(setups)('with %s: %s', (setup) => {
  let stores: Stores;
  let server: TestServer;

  beforeAll(async () => {
    stores = await freshStores(setup);
    server = await startServer(stores);
  });
  afterAll(async () => {
    await server?.stop();
    await stores?.drop();
  });

  test('a family lives two minutes until its code is redeemed, then as long as was granted', async () => {
    const person = await seedPerson(server.rooms);
    const client = await seedWebClient(server.rooms);
    const browser = createBrowser(server.issuer, client, person);
    const code = await browser.code('openid offline_access');
    const before = await server.rooms.artifacts.find('AuthorizationCode', code.code);
    const grant = before.grant;
    expect(grant?.expiresAt).toBeLessThanOrEqual(Date.now() + 121_000);

    const host = new URL(server.issuer).host;
    const redeemed = await askPort(server.settings.port, host, '/oauth2/token', {
      form: redeemForm(code),
      headers: basic(client),
    });
    expect(redeemed.status).toBe(200);
    const family = String(grant?.payload.jti);
    const { artifact } = await server.rooms.artifacts.find('Grant', family);
    const days = ((artifact?.expiresAt ?? 0) - Date.now()) / 86_400_000;
    // A web client's family: 90 days.
    expect(days).toBeGreaterThan(89.9);
    expect(days).toBeLessThanOrEqual(90);
  });
});
