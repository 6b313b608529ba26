/**
 * Issue "seen" 6: kill -9 of the embedded process loses nothing that it had acknowledged. What was acknowledged is
 * written down here and asked for afterwards.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askToken, createCaller, isAnswer, jsonOf, keepGoing } from '../drills/load.ts';
import { openWorld, type World } from '../drills/world.ts';
import { createBrowser, redeemForm } from '../harness/codes.ts';
import { runCommand } from '../harness/processes.ts';
import type { SeededClient } from '../harness/seed.ts';
import { freshStores, type Stores } from '../harness/server.ts';

let stores: Stores;
let world: World;
beforeAll(async () => {
  stores = await freshStores('embedded');
  world = await openWorld(stores);
}, 60_000);
afterAll(async () => {
  await world?.close();
  await stores?.drop();
});

test('I2: kill -9 under load, three times on embedded: accounts, clients, consents, refresh successors, revocations', async () => {
  const command = (args: readonly string[], input = '') =>
    runCommand({
      args: [...args, '--json'],
      env: { ...stores.environment, CARDEA_ISSUER: world.issuer },
      input,
    });
  const ledger = {
    accounts: [] as string[],
    clients: [] as SeededClient[],
    revoked: [] as string[],
    refreshToken: '',
    consented: false,
  };
  const { web, person } = world.seeds;
  let refreshes = 0;
  for (let round = 0; round < 3; round += 1) {
    let caller = createCaller(world.balancer.port, world.host);
    const browser = createBrowser(world.issuer, web, person);
    const redeem = async () =>
      String(
        jsonOf(await askToken(caller, web, redeemForm(await browser.code('openid offline_access'))))
          .refresh_token,
      );
    const goneToken = await redeem();
    const revocation = await caller.ask('/oauth2/revoke', {
      form: { token: goneToken, client_id: web.clientId, client_secret: web.secret },
    });
    if (isAnswer(revocation) && revocation.status === 200) ledger.revoked.push(goneToken);
    ledger.refreshToken = await redeem();
    ledger.consented = true;

    const load = keepGoing(3, async (loop) => {
      if (loop === 0) {
        const form = { grant_type: 'refresh_token', refresh_token: ledger.refreshToken };
        const outcome = await askToken(caller, web, form);
        if (isAnswer(outcome) && outcome.status === 200) {
          ledger.refreshToken = String(jsonOf(outcome).refresh_token);
          refreshes += 1;
        }
      } else if (loop === 1) {
        const email = `person-${ledger.accounts.length}-${round}@example.com`;
        const made = await command(
          ['user', 'create', '--email', email, '--password-stdin'],
          'a long enough pass phrase\n',
        );
        if (made.code === 0) ledger.accounts.push(email);
      } else {
        const made = await command(['client', 'create', '--name', 'Worker', '--type', 'service']);
        if (made.code === 0) {
          const { client_id: clientId, client_secret: secret } = JSON.parse(made.stdout) as Record<
            string,
            string
          >;
          ledger.clients.push({ clientId: clientId ?? '', secret: secret ?? '' });
        }
      }
    });
    const enough = { accounts: ledger.accounts.length + 2, clients: ledger.clients.length + 1 };
    await expect
      .poll(() => ledger.accounts.length >= enough.accounts && ledger.clients.length >= enough.clients, {
        timeout: 30_000,
      })
      .toBe(true);
    await world.processes[0]?.kill();
    await load.stop();
    caller.close();
    await world.spawn();

    caller = createCaller(world.balancer.port, world.host);
    const accounts = JSON.parse((await command(['user', 'list', '--limit', '200'])).stdout) as {
      accounts: { email: string }[];
    };
    const emails = new Set(accounts.accounts.map(({ email }) => email));
    expect(ledger.accounts.filter((email) => !emails.has(email))).toEqual([]);
    const listed = (await command(['client', 'list', '--limit', '200'])).stdout;
    expect(ledger.clients.filter(({ clientId }) => !listed.includes(clientId))).toEqual([]);
    const successor = await askToken(caller, web, {
      grant_type: 'refresh_token',
      refresh_token: ledger.refreshToken,
    });
    expect(successor).toMatchObject({ status: 200 });
    for (const token of ledger.revoked) {
      const answer = await askToken(caller, web, { grant_type: 'refresh_token', refresh_token: token });
      expect(jsonOf(answer)).toMatchObject({ error: 'invalid_grant' });
    }
    // The browser's session and the consent are there still: a code comes without any page.
    const page = await browser.agent.follow(
      await browser.agent.get(
        `${world.issuer}/oauth2/authorize?${new URLSearchParams({
          client_id: web.clientId,
          response_type: 'code',
          redirect_uri: 'https://app.example.com/callback',
          scope: 'openid offline_access',
          code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
          code_challenge_method: 'S256',
        })}`,
      ),
    );
    expect(page.location).toMatch(/[?&]code=/);
    caller.close();
  }
  const { accounts, clients, revoked } = ledger;
  console.log(
    `embedded, 3 kills: ${accounts.length} accounts, ${clients.length} clients, ${revoked.length} revocations, ` +
      `${refreshes} refreshes acknowledged; 0 lost`,
  );
}, 120_000);
