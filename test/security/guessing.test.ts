/** Guessing passwords over HTTP: what a guesser learns, what it costs, and whom it locks out. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authorizeQuery, freshAgent, openWorld, type World } from '../flows/world.ts';
import { type Agent, formTo, type Page } from '../harness/agent.ts';
import { allow, type SeededClient, seedPerson, seedWebClient, signIn } from '../harness/seed.ts';

/** The limits of an installation that sets none, except that a network may try 20 times where a network is tested. */
const defaults = {
  // What stands before these limits is another test's matter (test/flows/proof-of-work.test.ts).
  CARDEA_PROOF_OF_WORK: 'off',
  CARDEA_LIMIT_SIGN_IN_PER_ACCOUNT: '10/15m',
  CARDEA_LIMIT_SIGN_IN_PER_ACCOUNT_AND_NETWORK: '5/15m',
  CARDEA_LIMIT_SIGN_IN_PER_NETWORK: '20/15m',
  CARDEA_LIMIT_SIGN_IN_PER_DEVICE: '10/15m',
};

let world: World;
let behindProxy: World;
let web: SeededClient;
let proxied: SeededClient;
beforeAll(async () => {
  behindProxy = await openWorld('full', { ...defaults, CARDEA_TRUSTED_PROXIES: '127.0.0.0/8' });
  world = await openWorld('full', { ...defaults, CARDEA_LIMIT_SIGN_IN_PER_NETWORK: '1000/15m' });
  web = await seedWebClient(world.rooms);
  proxied = await seedWebClient(behindProxy.rooms);
});
afterAll(async () => {
  await world?.close();
  await behindProxy?.close();
});

const clientOf = (place: World) => (place === world ? web : proxied);
const open = async (place: World, agent: Agent) =>
  agent.follow(await agent.get(authorizeQuery(clientOf(place))));
/** One try in a browser of its own, as a network says it is. */
async function attempt(place: World, email: string, password: string, headers = {}): Promise<Page> {
  const agent = freshAgent(place);
  const form = formTo(await open(place, agent), '/sign-in');
  return agent.post(form.action, { ...form.fields, email, password }, headers);
}
const from = (address: string) => ({ 'x-forwarded-for': address });
const hashes = (place: World) => place.rooms.passwords.computedCount();
const by = { actor: { kind: 'operator' } } as const;

/** The answer without what differs between any two answers. */
function masked({ status, headers, text }: Page, email: string) {
  const names = [...headers.keys()].filter((name) => !['date', 'x-request-id', 'set-cookie'].includes(name));
  const cookies = headers
    .getSetCookie()
    .map((line) => line.replace(/=.*?;/, '=;').replace(/interaction\/[^;]+/, 'uid'));
  const body = text
    .replaceAll(email, 'EMAIL')
    .replace(/interaction\/[\w-]+/g, 'interaction/UID')
    .replace(/visit=[\w-]+/g, 'visit=UID')
    .replace(/name="csrf" value="[\w-]+"/g, 'CSRF');
  return { status, cookies, body, headers: names.map((name) => [name, headers.get(name)]) };
}

describe('S12 enumeration by text', () => {
  test('unknown, wrong, disabled, without a password and nonsense: one answer, one hash each', async () => {
    const email = () => `who-${randomBytes(4).toString('hex')}@example.com`;
    const known = await seedPerson(world.rooms, email());
    const disabled = await seedPerson(world.rooms, email());
    await world.rooms.accounts.disable(disabled.id, by);
    const bare = email();
    await world.rooms.accounts.create({ email: bare }, by);
    const tries: readonly [string, string, string][] = [
      ['unknown', email(), 'not the password'],
      ['wrong', known.email, 'not the password'],
      ['disabled, right', disabled.email, disabled.password],
      ['disabled, wrong', disabled.email, 'not the password'],
      ['without a password', bare, 'not the password'],
      ['nonsense', `who ${randomBytes(4).toString('hex')} example com`, 'not the password'],
    ];
    const answers = [];
    for (const [kind, address, password] of tries) {
      const before = hashes(world);
      answers.push([kind, masked(await attempt(world, address, password), address)]);
      expect(hashes(world) - before, kind).toBe(1);
    }
    const [[, first] = []] = answers;
    expect(first).toMatchObject({ status: 422 });
    expect(answers).toEqual(tries.map(([kind]) => [kind, first]));
  });

  test('S13 locked answers alike too, without a hash', async () => {
    const known = await seedPerson(world.rooms);
    const unknown = `nobody-${randomBytes(2).toString('hex')}@example.com`;
    const locked = async (email: string, last: string) => {
      for (let tries = 0; tries < 5; tries += 1) await attempt(world, email, 'not the password');
      const before = hashes(world);
      const page = await attempt(world, email, last);
      expect(hashes(world)).toBe(before);
      const seconds = /in \d+ seconds|in \d+ minutes/g;
      const { headers, ...rest } = masked(page, email);
      return { ...rest, body: rest.body.replace(seconds, 'soon'), names: headers.map(([name]) => name) };
    };
    const answer = await locked(unknown, 'not the password');
    expect(answer.status).toBe(429);
    expect(await locked(known.email, 'not the password')).toEqual(answer);
    // S14: the right password during the throttle tells nothing either.
    const other = await seedPerson(world.rooms);
    expect(await locked(other.email, other.password)).toEqual(answer);
  });
});

describe('S14, S15 one account', () => {
  test('S14 from 60 networks at once: at most the limit is hashed, however the address is spelled (A11)', async () => {
    const { email } = await seedPerson(
      behindProxy.rooms,
      `lovelace-${randomBytes(3).toString('hex')}@example.com`,
    );
    const spellings = [
      email,
      email.toUpperCase(),
      ` ${email} `,
      email.replace('l', 'ｌ'),
      email.replace('example', 'EXAMPLE'),
    ];
    const before = hashes(behindProxy);
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        attempt(
          behindProxy,
          spellings[n % spellings.length] ?? email,
          'not the password',
          from(`198.51.100.${n + 1}`),
        ),
      ),
    );
    const tried = answers.filter(({ status }) => status === 422).length;
    expect(tried).toBeLessThanOrEqual(10);
    expect(hashes(behindProxy) - before).toBe(tried);
    for (const { status, headers } of answers.filter((answer) => answer.status !== 422)) {
      expect(status).toBe(429);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
  });

  test('S15 the browser that the account knows gets in while strangers have locked it', async () => {
    const victim = await seedPerson(world.rooms);
    const own = freshAgent(world);
    await allow(own, await signIn(own, await open(world, own), victim));
    for (let tries = 0; tries < 6; tries += 1) await attempt(world, victim.email, 'not the password');
    expect((await attempt(world, victim.email, victim.password)).status).toBe(429);
    const page = await own.follow(await own.get(authorizeQuery(web, { prompt: 'login' })));
    expect((await signIn(own, page, victim)).location).toContain('code=');
    // For another account the same browser is a stranger.
    const other = await seedPerson(world.rooms);
    for (let tries = 0; tries < 6; tries += 1) await attempt(world, other.email, 'not the password');
    const again = await own.follow(await own.get(authorizeQuery(web, { prompt: 'login' })));
    const form = formTo(again, '/sign-in');
    expect(
      (await own.post(form.action, { ...form.fields, email: other.email, password: other.password })).status,
    ).toBe(429);
  });
});

describe('S16, S17 one network', () => {
  const spray = async (count: number, headersOf: (n: number) => Record<string, string>) => {
    const statuses: number[] = [];
    for (let n = 0; n < count; n += 1) {
      const page = await attempt(
        behindProxy,
        `spray-${n}-${randomBytes(3).toString('hex')}@example.com`,
        'Summer 2026 !',
        headersOf(n),
      );
      statuses.push(page.status);
    }
    return statuses;
  };
  const isHeld = (statuses: readonly number[]) =>
    expect(statuses).toEqual([...Array(20).fill(422), ...Array(statuses.length - 20).fill(429)]);

  test('S16 one password for many accounts: the network’s share, and others go on', async () => {
    isHeld(await spray(23, () => from('203.0.113.7')));
    expect((await attempt(behindProxy, 'someone@example.com', 'no', from('203.0.113.8'))).status).toBe(422);
  });

  test('S17 behind a proxy the right-most address counts; what was sent to the proxy does not', async () => {
    isHeld(
      await spray(22, (n) => ({
        'x-forwarded-for': `10.0.${n}.1, 192.0.2.55`,
        'x-real-ip': `10.1.${n}.1`,
        'cf-connecting-ip': `10.2.${n}.1`,
        forwarded: `for=10.3.${n}.1`,
      })),
    );
  });

  test('S17 an IPv6 network is its /64', async () => {
    isHeld(await spray(22, (n) => from(`2001:db8:7:7:${n + 1}::${n + 1}`)));
  });

  test('S17 without a configured proxy nothing that a header says counts', async () => {
    const { email } = await seedPerson(world.rooms);
    const statuses: number[] = [];
    for (let n = 0; n < 6; n += 1) {
      const page = await attempt(world, email, 'not the password', {
        'x-forwarded-for': `198.51.100.${n}`,
        'x-real-ip': `198.51.100.${n}`,
        forwarded: `for=198.51.100.${n}`,
        'true-client-ip': `198.51.100.${n}`,
      });
      statuses.push(page.status);
    }
    expect(statuses).toEqual([422, 422, 422, 422, 429, 429]);
  });

  test.each([
    '/oauth2/TOKEN',
    '/oauth2/token/',
    '/oauth2/%74oken',
    '/oauth2/./token/',
    '/oauth2//token',
    '/OAUTH2/token',
    '/oauth2/Authorize',
    '/oauth2/authorize/',
    '/oauth2/introspect/',
    '/oauth2/JWKS',
    '/.well-known/OpenID-Configuration',
    '/Interaction/0123456789abcdefghij',
  ])('S17 another spelling of an address is no way around its limit: %s', async (path) => {
    const answer = await world.ask(path, { form: { grant_type: 'client_credentials' }, client: web });
    expect(answer.status).toBe(404);
    expect((await world.ask(path)).status).toBe(404);
  });
});
