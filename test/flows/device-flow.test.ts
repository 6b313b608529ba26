/** RFC 8628: a device without a browser, a person with one, and whoever tries to come between them. */
import { createHash, randomBytes } from 'node:crypto';
import * as oidc from 'openid-client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DEVICE_GRANT } from '../../src/clients/client-types.ts';
import { defaultLifetimes as live } from '../../src/config/lifetimes.ts';
import { type Agent, formTo, type Page } from '../harness/agent.ts';
import { allow, type SeededClient, seedApi, seedClient, signIn } from '../harness/seed.ts';
import { type MovedClock, moveClock } from './clock.ts';
import { everySetup, freshAgent, openWorld, payloadOf, type World } from './world.ts';

interface Asked {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete: string;
  readonly expires_in: number;
  readonly interval: number;
}

let clock: MovedClock;
beforeAll(async () => {
  clock = await moveClock();
});
afterEach(() => clock.reset());

describe.each(everySetup)('device flow with %s: %s', (setup) => {
  let world: World;
  let second: World;
  let tv: SeededClient;
  let other: SeededClient;
  let api: string;

  beforeAll(async () => {
    world = await openWorld(setup);
    second = setup === 'embedded' ? world : await world.second();
    api = await seedApi(world.rooms);
    tv = await seedClient(world.rooms, { name: 'Orders TV', type: 'device' });
    other = await seedClient(world.rooms, { name: 'Other TV', type: 'device' });
  });
  afterAll(() => world?.close());

  const ask = async (form: Record<string, string> = { scope: 'openid' }, client = tv): Promise<Asked> => {
    const { status, text } = await world.ask('/oauth2/device_authorization', { form, client });
    expect(status, text).toBe(200);
    return JSON.parse(text);
  };
  const poll = (code: string, more: Record<string, string> = {}, at = world, client = tv) =>
    at.token({ grant_type: DEVICE_GRANT, device_code: code, ...more }, client);
  const post = (agent: Agent, page: Page, fields: Record<string, string>) => {
    const form = formTo(page, '/device');
    return agent.post(form.action, { ...form.fields, ...fields });
  };
  /** The page that says who asks. */
  const confirmPage = async (agent: Agent, userCode: string): Promise<Page> =>
    post(agent, await agent.get('/device'), { user_code: userCode });
  const approve = async (userCode: string, agent = freshAgent(world)): Promise<Page> => {
    let page = await agent.follow(await post(agent, await confirmPage(agent, userCode), { confirm: 'yes' }));
    if (page.text.includes('/sign-in"')) page = await signIn(agent, page, world.person);
    return page.text.includes('/consent"') ? allow(agent, page) : page;
  };

  test('a code, a page that says who asks from where and when, a sign-in, a consent, tokens', async () => {
    const asked = await ask({ scope: 'openid offline_access orders:read' });
    expect(asked.user_code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    expect(asked).toMatchObject({
      verification_uri: `${world.issuer}/device`,
      verification_uri_complete: `${world.issuer}/device?user_code=${asked.user_code}`,
      interval: 5,
      expires_in: 600,
    });
    const pending = await poll(asked.device_code);
    expect([pending.status, pending.json.error]).toEqual([400, 'authorization_pending']);

    const agent = freshAgent(world);
    // However it is typed: lower case, without its dash, with spaces.
    const typed = ` ${asked.user_code.toLowerCase().replace('-', ' ')} `;
    const page = await confirmPage(agent, typed);
    expect(page.status).toBe(200);
    for (const said of ['Orders TV', asked.user_code, '127.0.0.1', 'less than a minute ago']) {
      expect(page.text).toContain(said);
    }
    const asks = await agent.follow(await post(agent, page, { confirm: 'yes' }));
    const consent = await signIn(agent, asks, world.person);
    expect(consent.text).toContain('Then go on at your device.');
    const done = await allow(agent, consent);
    expect(done.text).toContain('Your device is connected');

    const { status, json, text } = await poll(asked.device_code, {}, second);
    expect(status, text).toBe(200);
    expect(payloadOf(json.access_token)).toMatchObject({ aud: api, scope: 'orders:read' });
    expect(payloadOf(json.id_token).sub).toBe(world.person.id);
    const next = await world.refresh(json.refresh_token, tv);
    expect(next.status, next.text).toBe(200);
    // One family: what ends it ends all of it.
    await world.revoke(next.json.refresh_token, tv);
    expect((await world.refresh(next.json.refresh_token, tv)).json.error).toBe('invalid_grant');
  });

  test('T22 consumed once: 20 at once on two processes have one winner, and the family ends', async () => {
    const { device_code, user_code } = await ask({ scope: 'openid offline_access' });
    await approve(user_code);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => poll(device_code, {}, n % 2 ? second : world)),
    );
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    for (const { json, status } of answers) {
      if (status !== 200) expect([status, json.error]).toEqual([400, 'invalid_grant']);
    }
    expect((await world.refresh(String(won[0]?.json.refresh_token), tv)).json.error).toBe('invalid_grant');
  });

  test('T22 redeemed by another client: refused, and the device still gets its tokens', async () => {
    const { device_code, user_code } = await ask();
    await approve(user_code);
    const stolen = await poll(device_code, {}, world, other);
    expect([stolen.status, stolen.json.error]).toEqual([400, 'invalid_grant']);
    expect((await poll(device_code)).status).toBe(200);
  });

  test('T22 polling too fast: slow_down; at its pace: authorization_pending', async () => {
    const { device_code } = await ask();
    const first = await Promise.all(
      Array.from({ length: 10 }, (_, n) => poll(device_code, {}, n % 2 ? second : world)),
    );
    const errors = first.map(({ json }) => json.error).sort();
    expect(errors).toEqual(['authorization_pending', ...Array(9).fill('slow_down')]);
    clock.move(5);
    expect((await poll(device_code)).json.error).toBe('authorization_pending');
    expect((await poll(device_code)).json.error).toBe('slow_down');
  });

  test('T22 denied on the first page or at the sign-in: access_denied, as often as it is asked', async () => {
    const early = await ask();
    const agent = freshAgent(world);
    const no = await post(agent, await confirmPage(agent, early.user_code), { abort: 'yes' });
    expect(no.text).toContain('Nothing was connected');
    const late = await ask();
    const page = await agent.follow(
      await post(agent, await confirmPage(agent, late.user_code), { confirm: 'yes' }),
    );
    const form = formTo(page, '/cancel');
    const cancelled = await agent.follow(await agent.post(form.action, form.fields));
    expect(cancelled.text).toContain('Nothing was connected');
    for (const { device_code } of [early, late, early, late]) {
      const { status, json } = await poll(device_code);
      expect([status, json.error]).toEqual([400, 'access_denied']);
    }
  });

  test('T22 lifetime: expired_token for the device, an unknown code for the person', async () => {
    const { device_code, user_code } = await ask();
    clock.move(live.deviceCode + 1);
    const { status, json } = await poll(device_code);
    expect([status, json.error]).toEqual([400, 'expired_token']);
    const page = await confirmPage(freshAgent(world), user_code);
    expect(page.text).toContain('This code is not known here, or it has expired.');
    expect(page.text).toMatch(/id="user_code"[^>]*aria-invalid="true" aria-describedby="user_code-fault"/);
    const fresh = await ask();
    await approve(fresh.user_code);
    clock.move(live.deviceCode - 2);
    expect((await poll(fresh.device_code)).status).toBe(200);
  });

  test('T22 two browsers that decide about one device at once: one goes on', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { device_code, user_code } = await ask();
      const browsers = await Promise.all(
        Array.from({ length: 6 }, async (_, n) => {
          const agent = freshAgent(n % 2 ? second : world);
          return { agent, page: await confirmPage(agent, user_code) };
        }),
      );
      const answers = await Promise.all(
        browsers.map(({ agent, page }, n) =>
          post(agent, page, n % 3 ? { confirm: 'yes' } : { abort: 'yes' }),
        ),
      );
      const decided = answers.filter(
        ({ location, text }) => location !== undefined || text.includes('Nothing was connected'),
      );
      expect(decided).toHaveLength(1);
      const { json } = await poll(device_code);
      expect(json.error).toBe(decided[0]?.location ? 'authorization_pending' : 'access_denied');
    }
  });
});

describe('device flow, in one set-up', () => {
  let world: World;
  let tv: SeededClient;
  beforeAll(async () => {
    world = await openWorld('full');
    tv = await seedClient(world.rooms, { name: 'Orders TV', type: 'device', firstParty: true });
  });
  afterAll(() => world?.close());

  const ask = async (form: Record<string, string> = { scope: 'openid' }): Promise<Asked> =>
    JSON.parse((await world.ask('/oauth2/device_authorization', { form, client: tv })).text);
  const poll = (code: string, more: Record<string, string> = {}) =>
    world.token({ grant_type: DEVICE_GRANT, device_code: code, ...more }, tv);
  const post = (agent: Agent, page: Page, fields: Record<string, string>, headers = {}) => {
    const form = formTo(page, '/device');
    return agent.post(form.action, { ...form.fields, ...fields }, headers);
  };
  const approve = async (userCode: string, agent = freshAgent(world)) => {
    const confirm = await post(agent, await agent.get('/device'), { user_code: userCode });
    const page = await agent.follow(await post(agent, confirm, { confirm: 'yes' }));
    return page.text.includes('/sign-in"') ? signIn(agent, page, world.person) : page;
  };

  test('openid-client does it all, and a signed-in browser is asked only whether it is its device', async () => {
    const config = await oidc.discovery(new URL(world.issuer), tv.clientId, undefined, oidc.None(), {
      execute: [oidc.allowInsecureRequests],
    });
    const agent = freshAgent(world);
    for (const scope of ['openid offline_access', 'openid']) {
      const asked = await oidc.initiateDeviceAuthorization(config, { scope });
      const done = await approve(asked.user_code, agent);
      expect(done.text).toContain('Your device is connected');
      const tokens = await oidc.pollDeviceAuthorizationGrant(config, { ...asked, interval: 1 });
      expect(tokens.claims()?.sub).toBe(world.person.id);
    }
  });

  test('T22 verification_uri_complete fills the field, and decides nothing', async () => {
    const asked = await ask();
    const agent = freshAgent(world);
    const page = await agent.get(asked.verification_uri_complete);
    expect(formTo(page, '/device').fields.user_code).toBe(asked.user_code);
    expect(page.text).not.toContain('confirm');
    expect((await poll(asked.device_code)).json.error).toBe('authorization_pending');
    const confirm = await post(agent, page, {});
    expect(confirm.text).toContain('Is this your device?');
    const nasty = await agent.get(`/device?user_code=${encodeURIComponent('"><script>x</script>')}`);
    expect(formTo(nasty, '/device').fields.user_code).toBe('');
  });

  test('T22 forged: without the page’s token, another browser’s, from another site, by GET', async () => {
    const asked = await ask();
    const agent = freshAgent(world);
    await signInBrowser(agent);
    const page = await post(agent, await agent.get('/device'), { user_code: asked.user_code });
    const stranger = await freshAgent(world).get('/device');
    const forged = [
      await post(agent, page, { xsrf: '', confirm: 'yes' }),
      await post(agent, page, { xsrf: formTo(stranger, '/device').fields.xsrf ?? '', confirm: 'yes' }),
      await post(agent, page, { confirm: 'yes' }, { origin: 'https://evil.example' }),
      await post(agent, page, { confirm: 'yes' }, { 'sec-fetch-site': 'cross-site' }),
      await agent.get(
        `/device?user_code=${asked.user_code}&confirm=yes&xsrf=${formTo(page, '/device').fields.xsrf}`,
      ),
    ];
    for (const { text, location } of forged) {
      expect(text).not.toContain('Your device is connected');
      expect(location).toBeUndefined();
    }
    expect((await poll(asked.device_code)).json.error).toBe('authorization_pending');
    expect((await approve(asked.user_code, agent)).text).toContain('Your device is connected');
  });

  async function signInBrowser(agent: Agent) {
    const { user_code } = await ask();
    expect((await approve(user_code, agent)).text).toContain('Your device is connected');
  }

  test('T22 PKCE, when the device sent a challenge: no tokens without its verifier', async () => {
    const verifier = randomBytes(32).toString('base64url');
    const code_challenge = createHash('sha256').update(verifier).digest('base64url');
    const asked = await ask({ scope: 'openid', code_challenge, code_challenge_method: 'S256' });
    await approve(asked.user_code);
    for (const more of [{}, { code_verifier: 'x'.repeat(43) }, { code_verifier: code_challenge }]) {
      const { status, json } = await poll(asked.device_code, more);
      expect([status, json.error]).toEqual([400, 'invalid_grant']);
    }
    expect((await poll(asked.device_code, { code_verifier: verifier })).status).toBe(200);
    for (const form of [
      { code_challenge, code_challenge_method: 'plain' },
      { code_challenge },
      { code_challenge: 'short', code_challenge_method: 'S256' },
    ]) {
      const { status, json } = await world.ask('/oauth2/device_authorization', { form, client: tv });
      expect([status, json.error]).toEqual([400, 'invalid_request']);
    }
    // A verifier for a code without a challenge is somebody else's (RFC 9700 section 2.1.1).
    const plain = await ask();
    await approve(plain.user_code);
    expect((await poll(plain.device_code, { code_verifier: verifier })).json.error).toBe('invalid_grant');
  });

  test('a client without this grant, and nobody, get no code', async () => {
    const spa = await seedClient(world.rooms, {
      name: 'Tab',
      type: 'spa',
      redirectUris: ['https://app.example.com/callback'],
    });
    const form = { scope: 'openid' };
    const barred = await world.ask('/oauth2/device_authorization', { form, client: spa });
    expect([barred.status, barred.json.error]).toEqual([400, 'unauthorized_client']);
    const nobody = { clientId: 'nobody', secret: '' };
    const unknown = await world.ask('/oauth2/device_authorization', { form, client: nobody });
    expect(unknown.json.error).toBe('invalid_client');
    const strange = await world.ask('/oauth2/device_authorization', {
      form: { scope: 'openid made:up' },
      client: tv,
    });
    expect(strange.json.error).toBe('invalid_scope');
  });

  test('what a device waits for fills no record of refusals, and codes stand in none', async () => {
    const asked = await ask();
    const { json } = await poll(asked.device_code);
    expect(json.reference).toBeUndefined();
    const slow = await poll(asked.device_code);
    expect(slow.json.error).toBe('slow_down');
    const found = await world.rooms.refusals.find(slow.json.reference);
    expect(JSON.stringify(found)).not.toContain(asked.device_code);
    expect(found?.rule).toBe('RFC 8628 section 3.5');
  });

  test('the account is disabled, or everything ended, before the device comes: no tokens', async () => {
    const asked = await ask({ scope: 'openid offline_access' });
    await approve(asked.user_code);
    await world.rooms.accounts.disable(world.person.id, { actor: { kind: 'operator' } });
    await expect
      .poll(async () => (await poll(asked.device_code)).json.error, { timeout: 10_000 })
      .toBe('invalid_grant');
    await world.rooms.accounts.enable(world.person.id, { actor: { kind: 'operator' } });
  });
});

describe('T22 guessing user codes', () => {
  const limits = { network: 30, browser: 10 };
  let world: World;
  let second: World;
  let tv: SeededClient;
  const guessed = () => Array.from(randomBytes(8), (byte) => 'BCDFGHJKLMNPQRSTVWXZ'[byte % 20]).join('');
  const ask = async (): Promise<Asked> =>
    JSON.parse(
      (await world.ask('/oauth2/device_authorization', { form: { scope: 'openid' }, client: tv })).text,
    );

  beforeAll(async () => {
    world = await openWorld('full', {
      CARDEA_LIMIT_USER_CODE_PER_NETWORK: `${limits.network}/15m`,
      CARDEA_LIMIT_USER_CODE_PER_BROWSER: `${limits.browser}/15m`,
    });
    second = await world.second();
    tv = await seedClient(world.rooms, { name: 'Orders TV', type: 'device', firstParty: true });
  });
  afterAll(() => world?.close());

  const open = async (at = world) => {
    const agent = freshAgent(at);
    return { agent, form: formTo(await agent.get('/device'), '/device') };
  };
  type Opened = Awaited<ReturnType<typeof open>>;
  const guess = ({ agent, form }: Opened, code: string) =>
    agent.post(form.action, { ...form.fields, user_code: code });

  test('one browser: its share and no more, then not even the right one', async () => {
    const { user_code } = await ask();
    const browser = await open();
    for (let n = 0; n < limits.browser; n += 1) {
      const page = await guess(browser, guessed());
      expect(page.text, `${n}`).toContain('This code is not known here');
      browser.form = formTo(page, '/device');
    }
    const locked = await guess(browser, user_code);
    expect(locked.status).toBe(429);
    expect(Number(locked.headers.get('retry-after'))).toBeGreaterThan(800);
    expect(locked.text).toContain('Too many wrong codes');
    expect(locked.text).not.toContain('Is this your device?');
    // Another browser of that network goes on, and codes that exist cost nothing.
    const other = await open();
    for (let n = 0; n < limits.browser + 5; n += 1) {
      const page = await guess(other, user_code);
      expect(page.text, `${n}`).toContain('Is this your device?');
    }
  });

  test('many browsers on two processes at once: the share of their network, then not even the right one', async () => {
    // Past the window of the test before.
    clock.move(901);
    const browsers = await Promise.all(Array.from({ length: 200 }, (_, n) => open(n % 2 ? second : world)));
    const pages = await Promise.all(browsers.map((browser) => guess(browser, guessed())));
    const looked = pages.filter(({ text }) => text.includes('This code is not known here'));
    expect(looked).toHaveLength(limits.network);
    expect(pages.filter(({ status }) => status === 429)).toHaveLength(200 - limits.network);
    const { user_code } = await ask();
    expect((await guess(await open(), user_code)).status).toBe(429);
    clock.move(901);
    expect((await guess(await open(), (await ask()).user_code)).text).toContain('Is this your device?');
  });

  test('10,000 in bursts of 500 at once over both processes: not one more than the share is looked up', async () => {
    let looked = 0;
    for (let burst = 0; burst < 20; burst += 1) {
      const outcomes = await Promise.all(
        Array.from({ length: 500 }, (_, n) =>
          (n % 2 ? second : world).rooms.deviceThrottle.checkGuess({
            network: '192.0.2.1',
            browser: `${burst} ${n}`,
          }),
        ),
      );
      looked += outcomes.filter(({ kind }) => kind === 'go').length;
    }
    expect(looked).toBe(limits.network);
  });
});
