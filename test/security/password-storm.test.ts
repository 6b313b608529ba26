/** A13, A14, A11: a storm of sign-ins over HTTP, and which passwords and addresses the first page takes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authorizeQuery, freshAgent, openWorld, type World } from '../flows/world.ts';
import { formTo, type Page } from '../harness/agent.ts';
import { allow, type SeededClient, seedApi, seedClient, seedWebClient, signIn } from '../harness/seed.ts';

let world: World;
let web: SeededClient;
beforeAll(async () => {
  world = await openWorld('full', {
    CARDEA_PROOF_OF_WORK: 'off',
    CARDEA_ARGON2_CONCURRENCY: '1',
    CARDEA_ARGON2_QUEUE_LENGTH: '20',
    CARDEA_ARGON2_QUEUE_SECONDS: '1s',
  });
  web = await seedWebClient(world.rooms);
});
afterAll(() => world?.close());

test('A13 a storm of sign-ins slows sign-ins alone: the rest is shed, and tokens and keys go on', async () => {
  const api = await seedApi(world.rooms);
  const service = await seedClient(world.rooms, { name: 'x', type: 'service', resources: [api] });
  const forms = await Promise.all(
    Array.from({ length: 120 }, async () => {
      const agent = freshAgent(world);
      const form = formTo(await agent.follow(await agent.get(authorizeQuery(web))), '/sign-in');
      return { agent, form };
    }),
  );
  const before = world.rooms.passwords.computedCount();
  let isOver = false;
  const storm = Promise.all(
    forms.map(({ agent, form }, n) =>
      agent.post(form.action, {
        ...form.fields,
        email: `storm-${n}@example.com`,
        password: 'no such password',
      }),
    ),
  ).finally(() => {
    isOver = true;
  });
  const beside: number[] = [];
  const form = { grant_type: 'client_credentials', scope: 'orders:read', resource: api };
  while (!isOver) {
    const startedAt = performance.now();
    const [token, keys] = await Promise.all([world.token(form, service), world.ask('/oauth2/jwks')]);
    expect([token.status, keys.status]).toEqual([200, 200]);
    beside.push(performance.now() - startedAt);
  }
  const answers = await storm;
  const tried = answers.filter(({ status }) => status === 422).length;
  const shed = answers.filter(({ status }) => status === 503);
  expect(tried + shed.length).toBe(answers.length);
  expect(shed.length).toBeGreaterThan(0);
  expect(world.rooms.passwords.computedCount() - before).toBe(tried);
  for (const { headers, text } of shed) {
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(text).toContain('could not check your password');
  }
  expect(beside.length).toBeGreaterThan(3);
  expect(beside.toSorted((a, b) => a - b)[Math.floor(beside.length / 2)]).toBeLessThan(500);
  const agent = freshAgent(world);
  const page = await agent.follow(await agent.get(authorizeQuery(web)));
  expect((await allow(agent, await signIn(agent, page, world.person))).location).toContain('code=');
});

describe('A11, A14 the first administrator’s page', () => {
  async function attempt(fields: Record<string, string>): Promise<Page> {
    const agent = freshAgent(world);
    const page = await agent.get(`/setup/${await world.rooms.setupLink.offer()}`);
    const form = formTo(page, new URL(page.url).pathname.split('/').at(-1) ?? '');
    return agent.post(form.action, { ...form.fields, email: 'root@example.com', name: '', ...fields });
  }

  test.each([
    ['short', 'elevenchars', 'The password must have at least 12 characters.'],
    ['common', 'password1234', 'This is one of the most common passwords. Choose another one.'],
    ['the address itself', 'ROOT@example.com', 'The password must not be made of your name, your address'],
    ['1,025 bytes', 'x'.repeat(1025), 'This password is too long: 1,024 bytes are the most.'],
  ])('A14 a password that is %s: refused in a sentence, never shown again', async (_, password, words) => {
    const page = await attempt({ password });
    expect(page.status).toBe(422);
    expect(page.text).toContain(words);
    expect(page.text).not.toContain(password);
    expect(page.text).toContain('value="root@example.com"');
  });

  test.each([
    'two@@example.com',
    '"quoted"@example.com',
    'a@b@example.com',
    'ro\u200Bot@example.com',
    'root@[127.0.0.1]',
  ])('A11 the address %s: refused in a sentence', async (email) => {
    const page = await attempt({ email, password: 'seven quiet herons wade' });
    expect(page.status).toBe(422);
    expect(page.text).toContain('Enter an e-mail address such as name@example.com.');
  });

  test('A14 no rule about kinds of characters, spaces at the ends count, and one account for all spellings', async () => {
    const password = ' only small letters here ';
    expect((await attempt({ email: 'Ｒoot@EXAMPLE.com', password })).status).toBe(303);
    const signedIn = async (email: string, typed: string) => {
      const agent = freshAgent(world);
      const page = await agent.follow(await agent.get(authorizeQuery(web)));
      const form = formTo(page, '/sign-in');
      return (await agent.post(form.action, { ...form.fields, email, password: typed })).status;
    };
    expect(await signedIn('root@example.com', password)).toBe(303);
    expect(await signedIn('ROOT@Example.Com', password)).toBe(303);
    expect(await signedIn('root@example.com', password.trim())).toBe(422);
  });
});
