/** Signing in with others: the journeys, on both set-ups, with a provider that says what it is told to. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeAuthority } from '../harness/certificates.ts';
import { type FakeProvider, startFakeProvider } from '../harness/fake-provider.ts';
import { allow, type SeededClient, seedPerson, seedWebClient } from '../harness/seed.ts';
import type { Setup } from '../harness/server.ts';
import {
  atSignIn,
  codeOf,
  leavesTo,
  mailedCode,
  outboundTo,
  post,
  said,
  seedProvider,
  through,
} from './upstream-world.ts';
import { authorizeQuery, openWorld, payloadOf, type World } from './world.ts';

const authority = makeAuthority();
afterAll(() => authority.remove());

const setups: readonly (readonly [Setup, string])[] = [
  ['full', 'on postgres and redis'],
  ['embedded', 'on embedded'],
];

describe.each(setups)('%s', (setup) => {
  let world: World;
  let fake: FakeProvider;
  let client: SeededClient;
  beforeAll(async () => {
    fake = await startFakeProvider(authority.server());
    world = await openWorld(setup, {
      ...outboundTo(authority, fake.remote.port),
      CARDEA_LIMIT_CODE_TRIES_PER_NETWORK: '100/15m',
      CARDEA_SIGN_UP: 'domains',
      CARDEA_SIGN_UP_DOMAINS: 'corp.example',
    });
    client = await seedWebClient(world.rooms, { firstParty: true });
    await seedProvider(world, fake, { trustEmailVerified: true, domains: ['corp.example'] });
  });
  afterAll(async () => {
    await world?.close();
    await fake?.close();
  });

  const identities = () => world.rooms.database.db.selectFrom('upstream_identities').selectAll().execute();

  test('somebody new makes an account with the verified address, and is known the next time', async () => {
    fake.claims = { sub: 'new-1', email: 'new@corp.example', email_verified: true, name: 'New Person' };
    const { agent, page } = await atSignIn(world, client);
    const joining = await through(agent, page, fake);
    expect(said(joining)).toContain('There is no account for new@corp.example yet');
    expect(joining.text).toContain('value="New Person"');
    const done = await agent.follow(await post(agent, joining, '/connect'));
    expect(codeOf(done)).toBeTruthy();
    const account = await world.rooms.accounts.findByEmail('new@corp.example');
    expect(account).toMatchObject({ emailVerified: true, profile: { name: 'New Person' } });

    const again = await atSignIn(world, client);
    const back = await through(again.agent, again.page, fake);
    expect(codeOf(back)).toBeTruthy();
    expect((await identities()).filter(({ subject }) => subject === 'new-1')).toMatchObject([
      { account_id: account?.id, issuer: fake.origin, email: 'new@corp.example' },
    ]);
  });

  test('the tokens say upstream, one factor; the redemption was by PKCE at one redirect URI', async () => {
    const verifier = 'v'.repeat(64);
    const { agent, page } = await atSignIn(world, client, {
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      claims: '{"id_token":{"acr":null,"amr":null}}',
    });
    const code = codeOf(await through(agent, page, fake));
    const { json } = await world.redeem({ code: code ?? '', verifier }, client);
    expect(payloadOf(json.id_token)).toMatchObject({
      amr: ['upstream', 'upstream:corp'],
      acr: 'urn:cardea:acr:1',
    });
    const sent = fake.redeemed.at(-1);
    expect(sent?.get('redirect_uri')).toBe(`${world.issuer}/upstream/callback/corp`);
    expect(sent?.get('code_verifier')).toMatch(/^[\w-]{43}$/);
  });

  test('A5 an account with that address is never linked by the address: its password is, and the holder is told', async () => {
    const person = await seedPerson(world.rooms, `by-password-${setup}@example.com`);
    fake.claims = { sub: 'p-1', email: person.email, email_verified: true };
    const { agent, page } = await atSignIn(world, client);
    const proving = await through(agent, page, fake);
    expect([proving.status, codeOf(proving)]).toEqual([200, undefined]);
    expect(said(proving)).toContain('Connect Corp');
    const wrong = await post(agent, proving, '/connect', { password: 'not the password' });
    expect(wrong.status).toBe(422);
    expect(await identities()).not.toContainEqual(expect.objectContaining({ subject: 'p-1' }));
    const done = await agent.follow(await post(agent, wrong, '/connect', { password: person.password }));
    expect(codeOf(done)).toBeTruthy();
    expect(await identities()).toContainEqual(
      expect.objectContaining({ subject: 'p-1', account_id: person.id }),
    );
    const mails = (await world.rooms.mail.box()).filter(({ to }) => to === person.email);
    expect(mails.map(({ subject }) => subject).join()).toContain('Corp was connected to your account');
    const again = await atSignIn(world, client);
    expect(codeOf(await through(again.agent, again.page, fake))).toBeTruthy();
  });

  test('or a mailed code, which works once and only the newest', async () => {
    const person = await seedPerson(world.rooms, `by-code-${setup}@example.com`);
    fake.claims = { sub: 'c-1', email: person.email, email_verified: true };
    const { agent, page } = await atSignIn(world, client);
    const proving = await through(agent, page, fake);
    const send = (at: typeof proving) => post(agent, at, '/connect', { act: 'send' });
    const asked = await agent.follow(await send(proving));
    const older = await mailedCode(world, person.email);
    const again = await agent.follow(await send(asked));
    const newest = await mailedCode(world, person.email);
    expect((await post(agent, again, '/connect', { act: 'code', code: older })).status).toBe(422);
    const done = await agent.follow(await post(agent, again, '/connect', { act: 'code', code: newest }));
    expect(codeOf(done)).toBeTruthy();
    expect(await identities()).toContainEqual(
      expect.objectContaining({ subject: 'c-1', account_id: person.id }),
    );
  });

  test('S12 an address that is not verified there: the same page and answers with an account and without', async () => {
    const person = await seedPerson(world.rooms, `unverified-${setup}@example.com`);
    const answers = [];
    for (const [n, email] of [person.email, `nobody-${setup}@example.com`].entries()) {
      fake.claims = { sub: `u-${n}`, email, email_verified: false };
      const { agent, page } = await atSignIn(world, client, { ui_locales: 'de' });
      const proving = await through(agent, page, fake);
      const wrong = await post(agent, proving, '/connect', { password: 'not the password' });
      const asked = await agent.follow(await post(agent, wrong, '/connect', { act: 'send' }));
      const bad = await post(agent, asked, '/connect', { act: 'code', code: '0000 0000' });
      const strip = (text: string) =>
        text
          .replaceAll(email, 'E')
          .replace(/interaction\/[\w-]+/g, 'I')
          .replace(/value="[\w-]{43}"/g, 'T');
      answers.push([proving, wrong, asked, bad].map(({ status, text }) => [status, strip(text)]));
      // Both are mailed, so that the time tells nothing either.
      expect(await mailedCode(world, email)).toBeTruthy();
      const mail = (await world.rooms.mail.box()).find(({ to }) => to === email);
      expect(mail?.html).toContain('lang="de"');
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]?.map(([status]) => status)).toEqual([200, 422, 200, 422]);
  });

  test('A7 nobody new where sign-up is closed to the address; with a proved one where it is open', async () => {
    fake.claims = { sub: 'closed-1', email: 'somebody@elsewhere.example', email_verified: true };
    const { agent, page } = await atSignIn(world, client);
    const closed = await through(agent, page, fake);
    expect(said(closed)).toContain('There is no account for you here');
    // Its form is not on the page, and is refused all the same.
    const forced = await post(agent, closed, '/connect', { act: 'join', name: 'X' });
    expect(forced.status).toBe(403);
    expect(await world.rooms.accounts.findByEmail('somebody@elsewhere.example')).toBeUndefined();

    fake.claims = { sub: 'open-1', email: 'unproved@corp.example', email_verified: false };
    const other = await atSignIn(world, client);
    const proving = await through(other.agent, other.page, fake);
    expect((await post(other.agent, proving, '/connect', { act: 'join', name: 'X' })).status).toBe(403);
    const asked = await other.agent.follow(await post(other.agent, proving, '/connect', { act: 'send' }));
    const code = await mailedCode(world, 'unproved@corp.example');
    const joining = await other.agent.follow(
      await post(other.agent, asked, '/connect', { act: 'code', code }),
    );
    expect(said(joining)).toContain('Create your account');
    const done = await other.agent.follow(await post(other.agent, joining, '/connect', { name: '' }));
    expect(codeOf(done)).toBeTruthy();
    expect(await world.rooms.accounts.findByEmail('unproved@corp.example')).toMatchObject({
      emailVerified: true,
    });
  });

  test('an address of its domain leads there, whatever stands beside it, with an account and without', async () => {
    const person = await seedPerson(world.rooms, `home-${setup}@corp.example`);
    for (const email of [person.email, 'stranger@CORP.example']) {
      for (const password of ['', person.password]) {
        const { agent, page } = await atSignIn(world, client);
        const url = new URL(leavesTo(await post(agent, page, '/sign-in', { email, password })));
        expect([url.origin, url.searchParams.get('login_hint')]).toEqual([fake.origin, email]);
      }
    }
  });

  test('a disabled account, a provider that was disabled meanwhile, a person who gave up there', async () => {
    fake.claims = { sub: 'new-1', email: 'new@corp.example' };
    const account = await world.rooms.accounts.findByEmail('new@corp.example');
    const operator = { actor: { kind: 'operator' } } as const;
    await world.rooms.accounts.disable(account?.id ?? '', operator);
    const first = await atSignIn(world, client);
    expect(said(await through(first.agent, first.page, fake))).toContain('Signing in with Corp did not work');
    await world.rooms.accounts.enable(account?.id ?? '', operator);

    const second = await atSignIn(world, client);
    const url = leavesTo(await post(second.agent, second.page, '/with', { provider: 'corp' }));
    const { asked } = fake.grant(url);
    const cancelled = new URLSearchParams({ error: 'access_denied', state: asked.state, iss: fake.origin });
    const page = await second.agent.follow(await second.agent.get(`${asked.redirectUri}?${cancelled}`));
    expect(said(page)).toContain('You did not go on at Corp');

    await world.rooms.providers.setEnabled('corp', false, operator.actor);
    await world.rooms.lease.renew();
    expect((await post(second.agent, page, '/with', { provider: 'corp' })).status).toBe(422);
    await world.rooms.providers.setEnabled('corp', true, operator.actor);
    await world.rooms.lease.renew();
  });

  test('an app that takes one way is not reached by another, nor by a session of another', async () => {
    const byCorp = await seedWebClient(world.rooms, { firstParty: true, signInWith: ['corp', 'passkey'] });
    const byPassword = await seedWebClient(world.rooms, { firstParty: true, signInWith: ['password'] });
    const person = await seedPerson(world.rooms, `ways-${setup}@example.com`);
    const typed = { email: person.email, password: person.password };

    const { agent, page } = await atSignIn(world, byCorp);
    expect(page.text).not.toContain('name="password"');
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const forced = await agent.post(`${new URL(page.url).pathname}/sign-in`, { csrf, ...typed });
    expect([forced.status, said(forced).includes('This way to sign in is not offered')]).toEqual([422, true]);

    const other = await atSignIn(world, byPassword);
    expect(other.page.text).not.toContain('Continue with Corp');
    expect(
      (
        await other.agent.post(`${new URL(other.page.url).pathname}/with`, {
          csrf: /name="csrf" value="([^"]+)"/.exec(other.page.text)?.[1] ?? '',
          provider: 'corp',
        })
      ).status,
    ).toBe(422);
    expect(
      codeOf(await other.agent.follow(await post(other.agent, other.page, '/sign-in', typed))),
    ).toBeTruthy();
    // Single sign-on: this browser's session was made by password.
    const again = await atSignIn(world, byCorp, {}, other.agent);
    expect(again.page.text).toContain('Continue with Corp');
    const silent = await other.agent.follow(
      await other.agent.get(authorizeQuery(byCorp, { prompt: 'none' })),
    );
    expect(new URL(silent.location ?? '').searchParams.get('error')).toBe('login_required');
    fake.claims = { sub: 'new-1', email: 'new@corp.example' };
    // The account changes, so the engine ends the old session by a form that sends itself.
    const switched = await through(other.agent, again.page, fake);
    expect(codeOf(await other.agent.follow(await post(other.agent, switched, '')))).toBeTruthy();
    expect(codeOf((await atSignIn(world, byCorp, {}, other.agent)).page)).toBeTruthy();
  });

  test('consent and another account’s session are as ever', async () => {
    const asking = await seedWebClient(world.rooms);
    fake.claims = { sub: 'new-1', email: 'new@corp.example' };
    const { agent, page } = await atSignIn(world, asking, { scope: 'openid email' });
    const consent = await through(agent, page, fake);
    expect(consent.text).toContain('/consent"');
    expect(codeOf(await allow(agent, consent))).toBeTruthy();
  });

  // The last one: nobody of this network types a code after it.
  test('A16 codes typed here count with all others of the network, and the right one waits as well', async () => {
    const person = await seedPerson(world.rooms, `too-many-${setup}@example.com`);
    fake.claims = { sub: 'm-1', email: person.email, email_verified: true };
    const { agent, page } = await atSignIn(world, client);
    const proving = await through(agent, page, fake);
    const asked = await agent.follow(await post(agent, proving, '/connect', { act: 'send' }));
    const code = await mailedCode(world, person.email);
    while ((await world.rooms.codeThrottle.check('127.0.0.1')).kind === 'go');
    const held = await post(agent, asked, '/connect', { act: 'code', code });
    expect(held.status).toBe(429);
    expect(Number(held.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(held.text).toContain('Too many codes were entered');
    expect(await identities()).not.toContainEqual(expect.objectContaining({ subject: 'm-1' }));
  });
});
