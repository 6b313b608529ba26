/** RFC 9700 section 2.1, RFC 6749 section 3.1.2, RFC 8252 section 7.3: where an answer may go. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SeededClient, seedClient, seedWebClient } from '../harness/seed.ts';
import { authorizeQuery, openWorld, type World } from './world.ts';

const registered = 'https://rp.example.com/cb';
let world: World;
let web: SeededClient;
let native: SeededClient;
let local: SeededClient;

beforeAll(async () => {
  world = await openWorld('full');
  web = await seedWebClient(world.rooms, { redirectUris: [registered] });
  native = await seedClient(world.rooms, {
    name: 'Phone',
    type: 'native',
    redirectUris: ['http://127.0.0.1/cb', 'com.example.app:/cb'],
  });
  local = await seedWebClient(world.rooms, { redirectUris: ['http://127.0.0.1:8080/cb'] });
});
afterAll(() => world?.close());

const asked = (client: SeededClient, redirectUri: string) =>
  world.ask(authorizeQuery(client, { redirect_uri: redirectUri }));

/** An error page on our side: nothing leads away, and nothing of what was sent gets into a header. */
async function expectNoRedirect(client: SeededClient, redirectUri: string) {
  const answer = await asked(client, redirectUri);
  expect(answer.status, redirectUri).toBe(400);
  expect(answer.headers.location, redirectUri).toBeUndefined();
  expect(answer.headers['content-type']).toMatch(/text\/html/);
  expect(answer.headers['x-1'], 'split header').toBeUndefined();
  expect(answer.text).not.toMatch(/<(?:a|form|meta|script)[^>]*(?:evil|javascript:)/i);
}

test('the registered URI itself is accepted: everything below differs from it alone', async () => {
  const answer = await asked(web, registered);
  expect(answer.status).toBe(303);
  expect(answer.headers.location).toMatch(/^\/interaction\//);
});

test.each([
  ['R1 a suffix', `${registered}/x`],
  ['R1 traversal', `${registered}/../evil`],
  ['R1 encoded traversal', `${registered}%2f..%2fevil`],
  ['R1 double-encoded traversal', `${registered}/%252e%252e/evil`],
  ['R1 a semicolon', `${registered};/../evil`],
  ['R1 the path alone', '/cb'],
  ['R1 an empty one', ''],
  ['R2 a fragment', `${registered}#x`],
  ['R2 an empty fragment', `${registered}#`],
  ['R2 an added query', `${registered}?x=1`],
  ['R2 an empty query', `${registered}?`],
  ['R3 userinfo', 'https://rp.example.com@evil.com/cb'],
  ['R3 userinfo with a port', 'https://rp.example.com:80@evil.com/cb'],
  ['R3 a backslash', 'https://rp.example.com\\@evil.com/cb'],
  ['R3 a subdomain', 'https://rp.example.com.evil.com/cb'],
  ['R3 a sibling', 'https://evil.example.com/cb'],
  ['R4 upper case', 'https://RP.example.com/cb'],
  ['R4 another case in the path', 'https://rp.example.com/CB'],
  ['R4 the default port', 'https://rp.example.com:443/cb'],
  ['R4 http', 'http://rp.example.com/cb'],
  ['R4 a trailing dot', 'https://rp.example.com./cb'],
  ['R4 a Cyrillic а', 'https://rp.exаmple.com/cb'],
  ['R4 NUL', `${registered}\u0000`],
  ['R4 an encoded NUL', `${registered}%00`],
  ['R4 CRLF', `${registered}\r\nX-1: 1`],
  ['R4 an encoded CRLF', `${registered}%0d%0aX-1:1`],
  ['R4 white space', ` ${registered}`],
  ['R5 javascript', 'javascript:alert(1)//rp.example.com/cb'],
  ['R5 data', 'data:text/html,<script>alert(1)</script>'],
  ['R5 vbscript', 'vbscript:msgbox(1)'],
  ['R5 file', 'file:///etc/passwd'],
])('%s is answered by a page, never by a redirect', (_name, redirectUri) =>
  expectNoRedirect(web, redirectUri),
);

test('R6 only the port of a registered loopback address may differ, and only for a native app', async () => {
  expect((await asked(native, 'http://127.0.0.1:51234/cb')).status).toBe(303);
  for (const other of [
    'http://localhost:51234/cb',
    'http://[::1]:51234/cb',
    'http://127.0.0.1:51234/other',
    'http://127.0.0.2:51234/cb',
    'https://127.0.0.1:51234/cb',
    'http://127.0.0.1:51234@evil.com/cb',
    'com.example.app:/other',
    'com.example.app://evil/cb',
  ]) {
    await expectNoRedirect(native, other);
  }
  expect((await asked(local, 'http://127.0.0.1:8080/cb')).status).toBe(303);
  await expectNoRedirect(local, 'http://127.0.0.1:51234/cb');
});

test('R5, R9 neither wildcards nor scripts can be registered, by whatever way', async () => {
  for (const uri of [
    'https://*.example.com/cb',
    'https://rp.example.com/*',
    '^https://.*$',
    'https://rp.example.com/(a|b)',
    'javascript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'http://rp.example.com/cb',
    `${registered}#x`,
    `${registered}?code=1`,
  ]) {
    for (const type of ['web', 'spa', 'native'] as const) {
      const made = await world.rooms.clients.create(
        { name: 'Bad', type, redirectUris: [uri] },
        { kind: 'operator' },
      );
      // Parentheses are plain characters of a path: no pattern is ever made of them.
      if (made.kind === 'created') expect(uri).toBe('https://rp.example.com/(a|b)');
      else {
        const fields = made.kind === 'faults' ? made.faults.map(({ field }) => field) : [];
        expect(new Set(fields), uri).toEqual(new Set(['redirectUris']));
      }
    }
  }
});
