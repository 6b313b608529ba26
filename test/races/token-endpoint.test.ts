/** T2, T5, T6: one code, one refresh token, many askers at once on two processes; and a crash where it hurts most. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, createBrowser, redeemForm } from '../harness/codes.ts';
import { type SeededClient, seedPerson, seedWebClient } from '../harness/seed.ts';
import { freshStores, type Setup, type Stores, startServer } from '../harness/server.ts';
import { type Answer, askPort, basic, spawnServer } from '../harness/two.ts';

const setups: readonly (readonly [Setup, string, number])[] = [
  ['full', 'on postgres and redis, two processes', 2],
  ['plain', 'on postgres, two processes', 2],
  ['embedded', 'on embedded, one process', 1],
];
const ROUNDS = Number(process.env.RACE_ROUNDS ?? 50);
const PARALLEL = 20;

describe.each(setups)('%s: %s', (setup, _name, count) => {
  let stores: Stores;
  /** This process, with the rooms that seed, and others of their own. */
  let servers: { readonly port: number; stop(): Promise<unknown> }[];
  let issuer: string;
  let client: SeededClient;
  let browser: Browser;

  beforeAll(async () => {
    stores = await freshStores(setup);
    const first = await startServer(stores, { environment: wide });
    ({ issuer } = first);
    servers = [{ port: first.settings.port, stop: () => first.stop() }];
    for (let more = 1; more < count; more += 1) {
      servers.push(await spawnServer(stores, { issuer, environment: wide }));
    }
    const person = await seedPerson(first.rooms);
    client = await seedWebClient(first.rooms);
    browser = createBrowser(issuer, client, person);
  });
  afterAll(async () => {
    for (const server of servers ?? []) await server.stop();
    await stores?.drop();
  });

  const host = () => new URL(issuer).host;
  const token = (place: number, form: Record<string, string>): Promise<Answer> =>
    askPort(servers[place % servers.length]?.port ?? 0, host(), '/oauth2/token', {
      form,
      headers: basic(client),
    });
  const refresh = (place: number, refreshToken: string) =>
    token(place, { grant_type: 'refresh_token', refresh_token: refreshToken });
  const all = <T>(work: (place: number) => Promise<T>) =>
    Promise.all(Array.from({ length: PARALLEL }, (_, n) => work(n)));

  test(`T2 ${PARALLEL} redemptions of one code: never two winners`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const code = await browser.code('openid offline_access');
      const answers = await all((place) => token(place, redeemForm(code)));
      const winners = answers.filter(({ status }) => status === 200);
      expect(winners.length).toBeLessThanOrEqual(1);
      for (const loser of answers.filter(({ status }) => status !== 200)) {
        expect(JSON.parse(loser.text)).toMatchObject({ error: 'invalid_grant' });
      }
    }
  }, 180_000);

  test(`T6 ${PARALLEL} refreshes at once: one successor, the same answer for all`, async () => {
    const first = await token(0, redeemForm(await browser.code('openid offline_access')));
    let current = JSON.parse(first.text).refresh_token as string;
    for (let round = 0; round < ROUNDS; round += 1) {
      const answers = await all((place) => refresh(place, current));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
      current = JSON.parse(answers[0]?.text ?? '{}').refresh_token;
    }
    expect((await refresh(0, current)).status).toBe(200);
  }, 180_000);

  test('T5 the first token again once its successor was used: that family ends, another goes on', async () => {
    const one = JSON.parse((await token(0, redeemForm(await browser.code('openid offline_access')))).text);
    const other = JSON.parse((await token(0, redeemForm(await browser.code('openid offline_access')))).text);
    const second = JSON.parse((await refresh(0, one.refresh_token)).text);
    const third = JSON.parse((await refresh(1, second.refresh_token)).text);
    const theft = await refresh(0, one.refresh_token);
    expect(JSON.parse(theft.text)).toMatchObject({ error: 'invalid_grant', reference: expect.any(String) });
    expect((await refresh(1, third.refresh_token)).status).toBe(400);
    expect((await refresh(1, other.refresh_token)).status).toBe(200);
  });

  test('another request with the same token inside the window is refused and harms nobody', async () => {
    const one = JSON.parse(
      (await token(0, redeemForm(await browser.code('openid profile offline_access')))).text,
    );
    const second = JSON.parse((await refresh(0, one.refresh_token)).text);
    const narrowed = await token(1, {
      grant_type: 'refresh_token',
      refresh_token: one.refresh_token,
      scope: 'openid',
    });
    expect(narrowed.status).toBe(400);
    expect((await refresh(1, second.refresh_token)).status).toBe(200);
  });
});

/** Limits are another test's matter. */
const wide = {
  CARDEA_LIMIT_TOKEN_PER_NETWORK: '1000000/1m',
  CARDEA_LIMIT_TOKEN_PER_CLIENT: '1000000/1m',
  CARDEA_LIMIT_AUTHORIZE_PER_NETWORK: '100000/1m',
  CARDEA_LIMIT_PAGES_PER_NETWORK: '100000/1m',
};
