/** R17, RFC 9101, RFC 9126: nothing is fetched or unpacked that a request points to. */
import { UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SeededClient, seedWebClient } from '../harness/seed.ts';
import { authorizeQuery, openWorld, type World } from './world.ts';

let world: World;
let client: SeededClient;

beforeAll(async () => {
  world = await openWorld('full');
  client = await seedWebClient(world.rooms);
});
afterAll(() => world?.close());

test.each([
  [
    'request',
    'request_not_supported',
    () => new UnsecuredJWT({ redirect_uri: 'https://evil.com/' }).encode(),
  ],
  ['request_uri', 'request_uri_not_supported', () => 'http://169.254.169.254/latest'],
  ['request_uri', 'request_uri_not_supported', () => 'urn:ietf:params:oauth:request_uri:stolen'],
  ['registration', 'registration_not_supported', () => '{}'],
])('R17 %s: %s', async (name, error, value) => {
  const { status, headers, text } = await world.ask(authorizeQuery(client, { [name]: value() }));
  expect(text).not.toContain('evil.com');
  if (status === 303) {
    const location = new URL(String(headers.location));
    expect(location.origin).toBe('https://app.example.com');
    expect(location.searchParams.get('error')).toBe(error);
  } else {
    expect([status, headers.location]).toEqual([400, undefined]);
    expect(text).toContain(error);
  }
});
