/**
 * F28: what another release may have left in the stores and in browsers. Nothing is released yet, so each form is made by
 * hand: a seal of another version, a member nobody knows, a cookie signed by another key.
 */
import { sql } from 'kysely';
import { createAgent, type Page } from '../harness/agent.ts';
import { createBrowser, redeemForm } from '../harness/codes.ts';
import { openLedger } from './ledger.ts';
import { askToken, clientCredentials, createCaller, isAnswer, jsonOf, type Outcome } from './load.ts';
import { type Drill, pause } from './rig.ts';
import { authorizeUrl, signedInAgent } from './traffic.ts';

const f28: Drill = {
  id: 'F28',
  title: 'sessions, tokens, rows and cookies in a form of another release',
  async run({ world, redis }) {
    const ledger = openLedger();
    const { web, service, person } = world.seeds;
    const caller = createCaller(world.balancer.port, world.host);
    const browser = createBrowser(world.issuer, web, person);
    const link = redis.connect();
    const sealedIn = async (tag: string): Promise<string[]> => {
      const keys = await link.keys(`c:{${tag}}*`);
      const has = await Promise.all(keys.map((key) => link.hexists(key, 'p').catch(() => 0)));
      return keys.filter((_, n) => has[n] === 1);
    };
    /** Everything of a tag, sealed by a version that is not known here. */
    const remake = async (tag: string) => {
      const keys = await sealedIn(tag);
      if (keys.length === 0) throw new Error(`nothing is sealed under ${tag}`);
      for (const key of keys) {
        const text = await link.hget(key, 'p');
        await link.hset(key, 'p', String(text).replace(/^s1\./, 's9.'));
      }
    };
    const refresh = (token: string) =>
      askToken(caller, web, { grant_type: 'refresh_token', refresh_token: token });
    const tagOf = (id: string) => id.slice(1, 13);
    const cleanly = (what: string, outcome: Outcome, allowed: readonly number[]) =>
      void ledger.note(outcome, allowed, what);
    const pageOf = (what: string, page: Page, wanted: string) => {
      if (page.status >= 500 || !(page.location ?? page.text).includes(wanted))
        ledger.violate('F28', `${what}: ${page.status} ${page.url}`);
    };

    const tokens = jsonOf(
      await askToken(caller, web, redeemForm(await browser.code('openid offline_access'))),
    );
    const kept = jsonOf(await askToken(caller, web, redeemForm(await browser.code('openid offline_access'))));
    await remake(tagOf(String(tokens.refresh_token)));
    cleanly('a refresh token of another form', await refresh(String(tokens.refresh_token)), [400]);
    const headers = { authorization: `Bearer ${String(tokens.access_token)}` };
    cleanly('an access token of another form', await caller.ask('/oauth2/userinfo', { headers }), [401]);
    const code = await browser.code('openid');
    await remake(tagOf(code.code));
    cleanly('a code of another form', await askToken(caller, web, redeemForm(code)), [400]);

    const old = await signedInAgent(world);
    const session = old.cookies.find(({ name }) => name.includes('session') && !name.endsWith('.sig'));
    await remake(tagOf(session?.value ?? ''));
    pageOf('a session of another form', await old.follow(await old.get(authorizeUrl(world))), '/sign-in"');

    const signed = await signedInAgent(world);
    const forged = signed.cookies.map((cookie) =>
      cookie.name.endsWith('.sig') ? { ...cookie, value: 'x'.repeat(cookie.value.length) } : cookie,
    );
    const stranger = createAgent(world.issuer, forged);
    pageOf(
      'a cookie of another key',
      await stranger.follow(await stranger.get(authorizeUrl(world))),
      '/sign-in"',
    );

    // A newer release, rolled back, has written what this one does not know.
    const { db } = world.rooms.database;
    const later = sql`metadata || '{"of_a_later_release": {"a": 1}}'::jsonb`;
    await sql`update clients set metadata = ${later} where client_id = ${service.clientId}`.execute(db);
    await pause(1_500); // the lease
    const asked = await askToken(caller, service, clientCredentials);
    cleanly('a client of a later release', asked, [200]);
    const fresh = await world.spawn();
    const form = {
      grant_type: 'client_credentials',
      client_id: service.clientId,
      client_secret: service.secret,
    };
    cleanly('the same in a new process', await fresh.ask('/oauth2/token', { form }), [200]);
    await fresh.stop();

    // Who was not touched goes on.
    const alive = await refresh(String(kept.refresh_token));
    if (!isAnswer(alive) || alive.status !== 200) ledger.violate('I2', 'another family was lost');
    link.disconnect();
    caller.close();
    return {
      told: 'a session, a code and both tokens under another seal, a forged cookie, a client with an unknown member: no 5xx; others go on',
      violations: ledger.violations,
    };
  },
};

export const upgradeDrills: readonly Drill[] = [f28];
