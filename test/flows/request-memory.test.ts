/**
 * What a request needed must be gone with the next young collection. What is not (whatever a long-lived set, an accessor
 * or a timer still reaches) is copied twice, fills the old generation, and makes everybody wait for its collections.
 */
import { Agent, request } from 'node:http';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { redirectUri, seedApi, seedClient, seedWebClient } from '../harness/seed.ts';
import { freshStores, type Stores, startServer, type TestServer } from '../harness/server.ts';
import { basic } from '../harness/two.ts';

const resource = 'https://api.example.com';
/** Several at a time, as under load: a set that grows and shrinks is one of the ways to keep what is dead. */
const atOnce = 8;
const turns = 200;
/** Bytes. What is batched for a second (audit events) is among them. */
const most = 4000;
const wide = '100000/1m';

let stores: Stores;
let server: TestServer;
let collect: (options: { type: 'minor' | 'major'; execution: 'sync' }) => void;
const kept = new Agent({ keepAlive: true, maxSockets: atOnce });

beforeAll(async () => {
  setFlagsFromString('--expose-gc');
  collect = runInNewContext('gc');
  stores = await freshStores('full');
  server = await startServer(stores, {
    environment: {
      CARDEA_LIMIT_TOKEN_PER_CLIENT: wide,
      CARDEA_LIMIT_TOKEN_PER_NETWORK: wide,
      CARDEA_LIMIT_AUTHORIZE_PER_NETWORK: wide,
      CARDEA_LIMIT_PAGES_PER_NETWORK: wide,
    },
  });
  await seedApi(server.rooms, resource);
});
afterAll(async () => {
  kept.destroy();
  await server?.stop();
  await stores?.drop();
});

const oldBytes = () =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0;

/** Bytes in the old generation that one request leaves when only young collections run. */
async function leftBy(ask: () => Promise<void>): Promise<number> {
  const turn = () => Promise.all(Array.from({ length: atOnce }, ask));
  for (let n = 0; n < turns; n += 1) await turn();
  collect({ type: 'major', execution: 'sync' });
  let left = 0;
  let before = oldBytes();
  for (let n = 1; n <= turns; n += 1) {
    await turn();
    if (n % 5 !== 0) continue;
    // Twice: what survives two of them is moved to the old generation.
    for (let twice = 0; twice < 2; twice += 1) collect({ type: 'minor', execution: 'sync' });
    const now = oldBytes();
    // A full collection in between, by V8 itself, takes no other turn's bytes along.
    left += Math.max(0, now - before);
    before = now;
  }
  return left / (turns * atOnce);
}

function send(
  path: string,
  status: number,
  { form, headers = {} }: { form?: Record<string, string>; headers?: Record<string, string> } = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    const { port, host } = new URL(server.issuer);
    const method = form ? 'POST' : 'GET';
    const asked = request({ port, path, method, host: '127.0.0.1', agent: kept });
    for (const [name, value] of Object.entries({ host, ...headers })) asked.setHeader(name, value);
    if (form) asked.setHeader('content-type', 'application/x-www-form-urlencoded');
    asked.on('error', reject);
    asked.on('response', (answer) => {
      if (answer.statusCode !== status) reject(new Error(`status ${answer.statusCode} instead of ${status}`));
      answer.resume().on('end', resolve);
    });
    asked.end(form && new URLSearchParams(form).toString());
  });
}

test('a token of a service', { timeout: 120_000 }, async () => {
  const service = await seedClient(server.rooms, { name: 'Billing', type: 'service', resources: [resource] });
  const form = { grant_type: 'client_credentials', scope: 'orders:read', resource };
  const headers = basic(service);
  expect(await leftBy(() => send('/oauth2/token', 200, { form, headers }))).toBeLessThan(most);
});

test('an authorization request, up to the page that it leads to', { timeout: 120_000 }, async () => {
  const { clientId } = await seedWebClient(server.rooms);
  const query = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  });
  expect(await leftBy(() => send(`/oauth2/authorize?${query}`, 303))).toBeLessThan(most);
});

test('a page', { timeout: 120_000 }, async () => {
  expect(await leftBy(() => send('/device', 200, { headers: { accept: 'text/html' } }))).toBeLessThan(most);
});
