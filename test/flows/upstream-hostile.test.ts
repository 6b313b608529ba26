/**
 * A provider, a browser and a network that are against us: whatever is not as it must be signs nobody in, says the same to
 * the person, and leaves a way on. Two processes on one address.
 */
import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Agent, Page } from '../harness/agent.ts';
import { makeAuthority } from '../harness/certificates.ts';
import { type FakeProvider, startFakeProvider } from '../harness/fake-provider.ts';
import { type Person, type SeededClient, seedPerson, seedWebClient } from '../harness/seed.ts';
import { moveClock } from './clock.ts';
import {
  atSignIn,
  codeOf,
  leavesTo,
  outboundTo,
  post,
  said,
  seedProvider,
  through,
} from './upstream-world.ts';
import { freshAgent, openWorld, type World } from './world.ts';

const clock = await moveClock();
const authority = makeAuthority();
let world: World;
let second: World;
let fake: FakeProvider;
let other: FakeProvider;
let client: SeededClient;
let person: Person;

beforeAll(async () => {
  fake = await startFakeProvider(authority.server());
  other = await startFakeProvider(authority.server());
  world = await openWorld('full', {
    ...outboundTo(authority, fake.remote.port, other.remote.port, 1),
    CARDEA_SIGN_UP: 'open',
  });
  second = await world.second();
  client = await seedWebClient(world.rooms, { firstParty: true });
  await seedProvider(world, fake, { trustEmailVerified: true });
  await seedProvider(world, other, { providerId: 'other', name: 'Other' });
  await second.rooms.lease.renew();
  person = await seedPerson(world.rooms);
  // Linked by its password, once.
  fake.claims = { sub: 'linked', email: person.email, email_verified: true };
  const { agent, page } = await atSignIn(world, client);
  const proving = await through(agent, page, fake);
  const done = await agent.follow(await post(agent, proving, '/connect', { password: person.password }));
  if (!codeOf(done)) throw new Error(`not linked: ${done.status} ${done.text}`);
});
afterAll(async () => {
  await world?.close();
  await fake?.close();
  await other?.close();
  authority.remove();
});
afterEach(() => {
  fake.claims = { sub: 'linked', email: person.email, email_verified: true };
  fake.makeIdToken = undefined;
  fake.answerToken = undefined;
  fake.userinfo = undefined;
});

/** On the way: the browser, and the address it was sent to. */
async function onTheWay(
  agent: Agent = freshAgent(world),
): Promise<{ agent: Agent; url: string; page: Page }> {
  const { page } = await atSignIn(world, client, {}, agent);
  return { agent, page, url: leavesTo(await post(agent, page, '/with', { provider: 'corp' })) };
}

const come = async (agent: Agent, url: string) => agent.follow(await agent.get(url));

describe('an ID token that is not as it must be', () => {
  type Make = NonNullable<FakeProvider['makeIdToken']>;
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const now = () => Math.floor(Date.now() / 1000);
  const cases: readonly (readonly [string, Make])[] = [
    ['another issuer', (good, sign) => sign({ ...good, iss: 'https://accounts.google.com' })],
    ['another audience', (good, sign) => sign({ ...good, aud: 'somebody-else' })],
    [
      'two audiences, authorized for the other',
      (good, sign) => sign({ ...good, aud: ['cardea-there', 'x'], azp: 'x' }),
    ],
    ['another nonce', (good, sign) => sign({ ...good, nonce: 'of-another-attempt' })],
    ['no nonce', (good, sign) => sign({ ...good, nonce: undefined })],
    ['expired', (good, sign) => sign({ ...good, iat: now() - 900, exp: now() - 600 })],
    [
      'issued in the future',
      (good, sign) => sign({ ...good, iat: now() + 3600, exp: now() + 7200, nbf: now() + 3600 }),
    ],
    ['no subject', (good, sign) => sign({ ...good, sub: undefined })],
    ['alg none', async (good) => `${part({ alg: 'none' })}.${part(good)}.`],
    [
      'an HMAC by the client secret',
      (good) =>
        new SignJWT(good)
          .setProtectedHeader({ alg: 'HS256' })
          .sign(Buffer.from('the-secret-there-0123456789012345')),
    ],
    [
      'another key under the same kid',
      (good) => new SignJWT(good).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(stranger),
    ],
    ['a kid that is not published', (good, sign) => sign(good, { kid: 'k2' })],
    ['not a JWT', async () => 'not.a.jwt'],
  ];
  test.each(cases)('%s', async (_, make) => {
    fake.makeIdToken = make;
    const { agent, url } = await onTheWay();
    const page = await come(agent, fake.grantUrl(url));
    expect([page.status, codeOf(page)]).toEqual([200, undefined]);
    expect(said(page)).toContain('Signing in with Corp did not work');
    // A way on: the same visit, in the same browser.
    fake.makeIdToken = undefined;
    expect(codeOf(await through(agent, page, fake))).toBeTruthy();
  });

  test('each was written down by the check that it failed, without a value', async () => {
    await world.rooms.audit.flush();
    const { events } = await world.rooms.audit.search({ limit: 200 });
    const refused = events.filter(({ type }) => type === 'identity.refused');
    const reasons = refused.map(({ detail }) => String((detail as { reason?: string }).reason));
    expect(reasons.filter((reason) => reason.includes('(nonce)'))).toHaveLength(1);
    expect(reasons.filter((reason) => reason.includes('(iss)'))).toHaveLength(1);
    expect(reasons.filter((reason) => reason.includes('(aud)')).length).toBeGreaterThan(0);
    expect(JSON.stringify(refused)).not.toMatch(/of-another-attempt|somebody-else|eyJ/);
  });
});

describe('a token or userinfo endpoint that is not as it must be', () => {
  test.each([
    ['500', 500, {}, '{}'],
    ['a redirect inwards', 307, { location: 'https://169.254.169.254/latest' }, ''],
    ['HTML', 200, { 'content-type': 'text/html' }, '<html></html>'],
    ['JSON that is none', 200, { 'content-type': 'application/json' }, '{'],
    [
      'no ID token',
      200,
      { 'content-type': 'application/json' },
      '{"access_token":"x","token_type":"Bearer"}',
    ],
    ['a megabyte', 200, { 'content-type': 'application/json' }, `{"a":"${'x'.repeat(1_000_000)}"}`],
  ] as const)('%s', async (_, status, headers, body) => {
    fake.answerToken = (res) => void res.writeHead(status, headers).end(body);
    const { agent, url } = await onTheWay();
    const page = await come(agent, fake.grantUrl(url));
    expect([page.status, codeOf(page)]).toEqual([200, undefined]);
    expect(said(page)).toMatch(/did not work|does not answer/);
  });

  test('one that never answers is given up', async () => {
    fake.answerToken = () => undefined;
    const { agent, url } = await onTheWay();
    const began = Date.now();
    const page = await come(agent, fake.grantUrl(url));
    expect(said(page)).toContain('Corp does not answer at the moment');
    expect(Date.now() - began).toBeLessThan(15_000);
  });

  test('userinfo of somebody else', async () => {
    fake.claims = { sub: 'somebody-new' };
    fake.userinfo = { sub: 'linked', email: person.email, email_verified: true };
    const { agent, url } = await onTheWay();
    const page = await come(agent, fake.grantUrl(url));
    expect(said(page)).toContain('Signing in with Corp did not work');
  });
});

describe('the answer', () => {
  /** Nobody is told which of these it was. */
  const gone = (page: Page) => [page.status, said(page).includes('This sign-in is over'), codeOf(page)];
  const over = [403, true, undefined];

  test('a state is redeemed once: 20 at once on two processes, one winner', async () => {
    const { agent, url } = await onTheWay();
    const answer = new URL(fake.grantUrl(url));
    const cookie = agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    const before = fake.redeemed.length;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 ? second : world).ask(answer.pathname + answer.search, { headers: { cookie } }),
      ),
    );
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(19);
    expect(fake.redeemed).toHaveLength(before + 1);
  });

  test('what came of it signs in once: 20 at once on two processes, one sign-in', async () => {
    const { agent, url } = await onTheWay();
    const back = await agent.get(fake.grantUrl(url));
    const path = new URL(back.location ?? '').pathname;
    const cookie = agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => (n % 2 ? second : world).ask(path, { headers: { cookie } })),
    );
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1);
  });

  test('in another browser, which leaves it to the one that began', async () => {
    const { agent, url } = await onTheWay();
    const answer = fake.grantUrl(url);
    const thief = freshAgent(world);
    await atSignIn(world, client, {}, thief);
    expect(gone(await come(thief, answer))).toEqual(over);
    expect(gone(await come(freshAgent(world), answer))).toEqual(over);
    expect(codeOf(await come(agent, answer))).toBeTruthy();
  });

  test('login CSRF: the attacker’s own answer in the victim’s browser', async () => {
    const attacker = await onTheWay();
    const answer = fake.grantUrl(attacker.url);
    const victim = await onTheWay();
    expect(gone(await come(victim.agent, answer))).toEqual(over);
  });

  test('a code of another attempt is stopped by its verifier', async () => {
    const stolen = await onTheWay();
    const code = fake.grant(stolen.url).answer.get('code') ?? '';
    const { agent, url } = await onTheWay();
    const { asked, answer } = fake.grant(url);
    answer.set('code', code);
    const page = await come(agent, `${asked.redirectUri}?${answer}`);
    expect(said(page)).toContain('Signing in with Corp did not work');
  });

  test('mix-up: at another provider’s address, or by another issuer, or by none where it says that it is named', async () => {
    const first = await onTheWay();
    const { asked, answer } = fake.grant(first.url);
    const elsewhere = asked.redirectUri.replace('/corp', '/other');
    const before = other.redeemed.length;
    expect(gone(await come(first.agent, `${elsewhere}?${answer}`))).toEqual(over);
    expect(other.redeemed).toHaveLength(before);
    const redeemed = fake.redeemed.length;
    for (const iss of [other.origin, '']) {
      const { agent, url } = await onTheWay();
      const mixed = fake.grant(url);
      mixed.answer.set('iss', iss);
      if (iss === '') mixed.answer.delete('iss');
      const page = await come(agent, `${mixed.asked.redirectUri}?${mixed.answer}`);
      expect(said(page)).toContain('Signing in with Corp did not work');
    }
    expect(fake.redeemed).toHaveLength(redeemed);
  });

  test('no state, a state twice, an unknown one, an unknown provider, HEAD, and huge ones', async () => {
    const { agent, url } = await onTheWay();
    const { asked, answer } = fake.grant(url);
    const at = asked.redirectUri;
    for (const query of [
      '',
      '?code=x',
      `?${answer}&state=${asked.state}`,
      `?code=x&state=${'A'.repeat(43)}`,
      `?answer=${'A'.repeat(43)}`,
      `?${answer}&x=${'y'.repeat(9_000)}`,
    ]) {
      expect(gone(await come(agent, at + query))).toEqual(over);
    }
    expect(gone(await come(agent, `${at.replace('/corp', '/nobody')}?${answer}`))).toEqual(over);
    const cookie = agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    await world.ask(`${new URL(at).pathname}?${answer}`, { method: 'HEAD', headers: { cookie } });
    expect(codeOf(await come(agent, `${at}?${answer}`))).toBeTruthy();
  });

  test('by a cross-site POST, which brings no cookie: kept, and followed by a GET; once', async () => {
    const { agent, url } = await onTheWay();
    const { asked, answer } = fake.grant(url);
    const path = new URL(asked.redirectUri).pathname;
    const headers = { origin: fake.origin, 'sec-fetch-site': 'cross-site' };
    const form = Object.fromEntries(answer);
    const posted = await world.ask(path, { form, headers });
    expect([posted.status, posted.headers['set-cookie']]).toEqual([303, undefined]);
    const next = String(posted.headers.location);
    expect(next).not.toContain(asked.state);
    // The handle alone, in another browser, is nothing.
    expect(gone(await come(freshAgent(world), next))).toEqual(over);
    expect((await second.ask(path, { form, headers })).status).toBe(403);
    const row = await world.rooms.database.db
      .selectFrom('upstream_attempts')
      .selectAll()
      .where('stage', '=', 'answered')
      .executeTakeFirst();
    expect(JSON.stringify(row)).not.toContain(answer.get('code') ?? '-');
    expect(codeOf(await come(agent, leavesTo(await come(agent, next))))).toBeTruthy();
    expect(gone(await come(agent, next))).toEqual(over);
  });
});

describe('S11 every step out of order, empty, replayed or from another browser', () => {
  const acts = [
    {},
    { act: 'password' },
    { act: 'send' },
    { act: 'code' },
    { act: 'join' },
    { act: 'nonsense' },
  ];
  const csrfOf = (page: Page) => /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';

  test('before anybody came back: one 403 for all', async () => {
    const { agent, page } = await atSignIn(world, client);
    const action = `${new URL(page.url).pathname}/connect`;
    for (const act of acts) {
      const answer = await agent.post(action, { csrf: csrfOf(page), ...act });
      expect([answer.status, /class="main" href="[^"]*interaction/.test(answer.text)]).toEqual([403, true]);
    }
    // Without its token, and from another site.
    expect((await agent.post(action, { act: 'join' })).status).toBe(403);
    const foreign = await agent.post(action, { csrf: csrfOf(page) }, { 'sec-fetch-site': 'cross-site' });
    expect(foreign.status).toBe(403);
    expect((await agent.post(action.replace('connect', 'with'), { csrf: csrfOf(page) })).status).toBe(422);
  });

  test('while an account is to be proved: joining, another browser’s cookie, and what is over', async () => {
    fake.claims = { sub: 'prove-1', email: (await seedPerson(world.rooms)).email, email_verified: true };
    const { agent, page } = await atSignIn(world, client);
    const proving = await through(agent, page, fake);
    const action = `${new URL(proving.url).pathname}/connect`;
    for (const act of [{}, { act: 'join' }, { act: 'nonsense' }]) {
      expect((await agent.post(action, { csrf: csrfOf(proving), ...act })).status).toBe(403);
    }
    const handle = agent.cookies.find(({ name }) => name.endsWith('upstream'))?.value ?? '';
    const thief = await atSignIn(world, client);
    const own = new URL(thief.page.url).pathname;
    const cookie = [
      ...thief.agent.cookies.map(({ name, value }) => `${name}=${value}`),
      `cardea.upstream=${handle}`,
    ];
    const stolen = await world.ask(own, { headers: { cookie: cookie.join('; ') } });
    expect(stolen.text).not.toContain('Connect Corp');
    const left = await agent.follow(await post(agent, proving, '/connect', { act: 'other' }));
    expect(said(left)).toContain('Continue with Corp');
    expect((await agent.post(action, { csrf: csrfOf(proving), act: 'send' })).status).toBe(403);
  });

  test('joining: of 20 at once on two processes one account, linked once', async () => {
    fake.claims = { sub: 'join-1', email: 'join@corp.example', email_verified: true };
    const { agent, page } = await atSignIn(world, client);
    const joining = await through(agent, page, fake);
    const path = `${new URL(joining.url).pathname}/connect`;
    const cookie = agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    const form = { csrf: csrfOf(joining), act: 'join', name: 'J' };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 ? second : world).ask(path, { form, headers: { cookie, origin: world.issuer } }),
      ),
    );
    const finished = answers.filter(
      ({ status, headers }) => status === 303 && String(headers.location).includes('/oauth2/'),
    );
    expect(finished).toHaveLength(1);
    const { db } = world.rooms.database;
    const linked = await db
      .selectFrom('upstream_identities')
      .selectAll()
      .where('subject', '=', 'join-1')
      .execute();
    expect(linked).toHaveLength(1);
  });
});

describe('two tabs, and time', () => {
  const csrfOf = (page: Page) => /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';

  test('S10 two visits at two providers in one browser: each answer goes to its own, in any order', async () => {
    const agent = freshAgent(world);
    const first = await onTheWay(agent);
    const { page } = await atSignIn(world, client, { state: 'the-other-tab' }, agent);
    const url = leavesTo(await post(agent, page, '/with', { provider: 'other' }));
    other.claims = { sub: 'tab-2', email: 'tab-2@corp.example' };
    const proving = await come(agent, other.grantUrl(url));
    expect(said(proving)).toContain('Connect Other');
    expect(proving.url).toBe(page.url);
    // The first tab's answer, with the second one waiting: its own visit, its own person.
    const done = await come(agent, fake.grantUrl(first.url));
    expect(new URL(done.location ?? '').searchParams.get('state')).toBe('the-state');
    expect(codeOf(done)).toBeTruthy();
    // What the other provider said has not moved into the first visit, nor is it lost.
    const forged = await agent.post(`${new URL(first.page.url).pathname}/connect`, {
      csrf: csrfOf(first.page),
      act: 'send',
    });
    expect(forged.status).toBe(403);
    expect(said(await agent.get(page.url))).toContain('Connect Other');
  });

  test('the same visit at two providers: the one that comes back last counts, and neither is the other', async () => {
    const agent = freshAgent(world);
    const first = await onTheWay(agent);
    const url = leavesTo(await post(agent, first.page, '/with', { provider: 'other' }));
    other.claims = { sub: 'both', email: 'both@corp.example' };
    const back = await agent.get(other.grantUrl(url));
    expect(back.status).toBe(303);
    expect(codeOf(await come(agent, fake.grantUrl(first.url)))).toBeTruthy();
    const { db } = world.rooms.database;
    const linked = await db.selectFrom('upstream_identities').select('subject').execute();
    expect(linked.map(({ subject }) => subject)).not.toContain('both');
  });

  test('an answer that comes after a quarter of an hour is over, and so is what came of it', async () => {
    const late = await onTheWay();
    const answer = fake.grantUrl(late.url);
    const redeemed = fake.redeemed.length;
    clock.move(15 * 60 + 1);
    expect((await come(late.agent, answer)).status).toBe(403);
    expect(fake.redeemed).toHaveLength(redeemed);
    // The way on: the page that waits begins anew.
    expect(codeOf(await through(late.agent, await late.agent.get(late.page.url), fake))).toBeTruthy();

    fake.claims = { sub: 'late', email: 'late@corp.example', email_verified: true };
    const { agent, page } = await atSignIn(world, client);
    const joining = await through(agent, page, fake);
    expect(said(joining)).toContain('Create your account');
    clock.move(15 * 60 + 1);
    expect((await post(agent, joining, '/connect', { name: 'Late' })).status).toBe(403);
    expect(said(await agent.get(page.url))).toContain('Continue with Corp');
    expect(await world.rooms.accounts.findByEmail('late@corp.example')).toBeUndefined();
    await world.rooms.upstream.sweep();
    const rows = await world.rooms.database.db.selectFrom('upstream_attempts').select('expires_at').execute();
    expect(rows.every(({ expires_at }) => expires_at.getTime() > Date.now())).toBe(true);
    clock.reset();
  });
});

test('a new account takes what the provider says of the person as far as it is well-formed; roles never', async () => {
  fake.claims = {
    sub: 'claims-1',
    email: 'claims@corp.example',
    email_verified: true,
    name: 'Grace Hopper',
    given_name: 'Grace',
    family_name: ['Hopper'],
    locale: 'de',
    picture: 'javascript:alert(1)',
    zoneinfo: 'Nowhere/At-all\n',
    roles: ['administrator'],
    groups: ['administrator'],
  };
  const { agent, page } = await atSignIn(world, client);
  const joining = await through(agent, page, fake);
  expect(codeOf(await agent.follow(await post(agent, joining, '/connect')))).toBeTruthy();
  const account = await world.rooms.accounts.findByEmail('claims@corp.example');
  expect(account?.profile).toEqual({ name: 'Grace Hopper', given_name: 'Grace', locale: 'de' });
  expect(JSON.stringify(account)).not.toContain('administrator');
});

test.each([
  ['login_required', 'did not work'],
  ['temporarily_unavailable', 'did not work'],
  ['access_denied', 'You did not go on at Corp'],
  ['<script>alert(1)</script>', 'did not work'],
])('the provider answers %s: plain words, and a way on', async (error, words) => {
  const { agent, url } = await onTheWay();
  const { asked } = fake.grant(url);
  const answer = new URLSearchParams({
    error,
    error_description: '<b>its own words</b>',
    state: asked.state,
    iss: fake.origin,
  });
  const page = await come(agent, `${asked.redirectUri}?${answer}`);
  expect([page.status, said(page).includes(words)]).toEqual([200, true]);
  expect(page.text).not.toMatch(/its own words|alert\(1\)/);
  expect(codeOf(await through(agent, page, fake))).toBeTruthy();
});

test('a provider that is down: told within the cap, then at once; the other ways still work', async () => {
  const providerId = 'down';
  await seedProvider(world, { origin: 'https://localhost:1' }, { providerId, name: 'Down' });
  for (let tries = 0; tries < 7; tries += 1) {
    const { agent, page } = await atSignIn(world, client);
    const began = performance.now();
    const told = await post(agent, page, '/with', { provider: providerId });
    expect([told.status, said(told).includes('Down does not answer at the moment')]).toEqual([502, true]);
    expect(performance.now() - began).toBeLessThan(9_000);
    if (tries < 6) continue;
    const typed = { email: person.email, password: person.password };
    expect(codeOf(await agent.follow(await post(agent, told, '/sign-in', typed)))).toBeTruthy();
  }
});
