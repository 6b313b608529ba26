/** What HTTP itself allows at the protocol's addresses: methods, bodies, caching, origins. */
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explain } from '../../src/protocol/explanation.ts';
import { redirectUri, type SeededClient, seedClient, seedWebClient } from '../harness/seed.ts';
import { type Answer, basic } from '../harness/two.ts';
import { authorizeQuery, bearer, freshAgent, openWorld, type Wire, type World } from './world.ts';

const origin = new URL(redirectUri).origin;
let world: World;
let web: SeededClient;
let spa: SeededClient;
let tokens: Wire;

beforeAll(async () => {
  world = await openWorld('full');
  web = await seedWebClient(world.rooms, { firstParty: true });
  spa = await seedClient(world.rooms, {
    name: 'Tab',
    type: 'spa',
    redirectUris: [redirectUri],
    firstParty: true,
  });
  tokens = await world.signIn(spa, 'openid offline_access');
});
afterAll(() => world?.close());

/** Sends bytes as they are, and reads until the server ends the connection or has answered. */
function raw(text: string | Buffer, until = 2_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(world.server.settings.port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    const done = () => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(until, done);
    socket.on('data', (chunk) => {
      answer += chunk;
      if (answer.includes('\r\n\r\n')) done();
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' ? done() : reject(error),
    );
    socket.on('close', done);
  });
}

describe('T14 methods and bodies', () => {
  const send = async (type: string, body: string | Buffer, more: Record<string, string> = {}) => {
    const headers = { ...basic(web), 'content-type': type, ...more };
    const answer = await fetch(`${world.issuer}/oauth2/token`, { method: 'POST', headers, body });
    return { status: answer.status, json: (await answer.json()) as Wire };
  };
  const form = 'grant_type=refresh_token&refresh_token=x';

  test.each(['/oauth2/token', '/oauth2/introspect', '/oauth2/revoke'])(
    'GET %s: no such thing',
    async (path) => {
      for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'HEAD']) {
        const answer = await world.ask(`${path}?grant_type=refresh_token`, { method });
        expect([404, 405], `${method} ${path}`).toContain(answer.status);
      }
    },
  );

  test.each([
    ['JSON', 'application/json', JSON.stringify({ grant_type: 'refresh_token', refresh_token: 'x' })],
    ['text', 'text/plain', form],
    ['a multipart form', 'multipart/form-data; boundary=x', `--x\r\n${form}\r\n--x--`],
    ['no body', 'application/x-www-form-urlencoded', ''],
    ['broken UTF-8', 'application/x-www-form-urlencoded', Buffer.from([0x67, 0xff, 0xfe, 0x3d, 0x80])],
    ['broken percent signs', 'application/x-www-form-urlencoded', 'grant_type=%zz&%&=%e0%a4'],
    [
      'prototype names',
      'application/x-www-form-urlencoded',
      '__proto__=x&constructor=y&grant_type=__proto__',
    ],
  ])('%s: 4xx with the OAuth shape, never 500', async (_name, type, body) => {
    const { status, json } = await send(type, body);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(json.error).toMatch(/^(?:invalid_request|unsupported_grant_type)$/);
    expect(json.reference).toBeTruthy();
  });

  test('200 kB, and a gzip bomb: refused', async () => {
    const big = await send('application/x-www-form-urlencoded', `${form}&pad=${'x'.repeat(200_000)}`);
    expect([400, 413]).toContain(big.status);
    const bomb = gzipSync(Buffer.alloc(20_000_000, 'a'));
    const zipped = await send('application/x-www-form-urlencoded', bomb, { 'content-encoding': 'gzip' });
    expect([400, 413, 415]).toContain(zipped.status);
  });

  test('a body that says it is longer, and one sent twice over, smuggle nothing', async () => {
    const { host } = new URL(world.issuer);
    const head = `POST /oauth2/token HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/x-www-form-urlencoded\r\n`;
    const both = await raw(`${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x`);
    expect(both).toMatch(/^HTTP\/1\.1 4\d\d/);
    const twice = await raw(`${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\na=bcd`);
    expect(twice).toMatch(/^HTTP\/1\.1 4\d\d/);
  });
});

test('T15 nothing that is personal is cached', async () => {
  const agent = freshAgent(world);
  const page = await agent.follow(await agent.get(authorizeQuery(web)));
  const answers: [string, Pick<Answer, 'headers'> | { headers: Headers }][] = [
    ['token', await world.refresh('nothing', web)],
    ['token, good', await world.refresh(tokens.refresh_token, spa)],
    ['userinfo', await world.userinfo(tokens.access_token)],
    ['userinfo, bad', await world.userinfo('nothing')],
    ['introspection', await world.introspect(tokens.access_token, web)],
    ['revocation', await world.revoke('nothing', web)],
    ['authorization, redirect', await world.ask(authorizeQuery(web))],
    ['authorization, error', await world.ask('/oauth2/authorize')],
    ['logout', await world.ask('/oauth2/logout')],
    ['page', page],
    ['front', await world.ask('/', { headers: { accept: 'text/html' } })],
  ];
  for (const [name, { headers }] of answers) {
    const value = headers instanceof Headers ? headers.get('cache-control') : headers['cache-control'];
    expect(String(value), name).toContain('no-store');
  }
});

describe('T16 other origins', () => {
  const ask = (path: string, from: string, o: Parameters<World['ask']>[1] = {}) =>
    world.ask(path, { ...o, headers: { origin: from, ...o.headers } });
  const allowed = ({ headers }: Answer) => headers['access-control-allow-origin'];
  const refreshForm = { grant_type: 'refresh_token', refresh_token: 'x' };

  test.each(['https://evil.com', 'null', 'https://app.example.com.evil.com', 'http://app.example.com'])(
    '%s may call nothing',
    async (from) => {
      const calls = [
        await ask('/oauth2/token', from, { form: refreshForm, client: spa }),
        await ask('/oauth2/userinfo', from, { headers: bearer(tokens.access_token) }),
        await ask('/oauth2/revoke', from, { form: { token: 'x' }, client: spa }),
        await ask('/interaction/x', from),
        await ask('/', from),
      ];
      for (const answer of calls) {
        expect(allowed(answer)).not.toBe('*');
        if (answer.status < 400) expect(allowed(answer)).toBeUndefined();
        expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
        expect(answer.json.access_token).toBeUndefined();
      }
    },
  );

  test('the origin of its redirect URI may call for a public client, without cookies', async () => {
    const next = (await world.signIn(spa, 'openid offline_access')).refresh_token;
    const answer = await ask('/oauth2/token', origin, {
      form: { grant_type: 'refresh_token', refresh_token: next },
      client: spa,
    });
    expect([answer.status, allowed(answer)]).toEqual([200, origin]);
    expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
    const info = await ask('/oauth2/userinfo', origin, { headers: bearer(answer.json.access_token) });
    expect([info.status, allowed(info)]).toEqual([200, origin]);
  });

  test('never for a confidential client: its secret belongs in no browser', async () => {
    const answer = await ask('/oauth2/token', origin, { form: refreshForm, client: web });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.json.error).toBe('invalid_request');
  });

  test('errors can be read from a registered origin, at every address that pages call', async () => {
    const own = await seedClient(world.rooms, {
      name: 'Page',
      type: 'spa',
      redirectUris: [redirectUri],
      corsOrigins: ['https://other.example.com', 'http://localhost:5173'],
    });
    for (const from of [origin, 'https://other.example.com', 'http://localhost:5173']) {
      const refused = [
        await ask('/oauth2/token', from, { form: refreshForm, client: own }),
        await ask('/oauth2/token', from, { form: { grant_type: 'nonsense' }, client: own }),
        await ask('/oauth2/revoke', from, { form: {}, client: own }),
        await ask('/oauth2/par', from, { form: { redirect_uri: 'https://x.example' }, client: own }),
      ];
      for (const answer of refused) {
        expect([answer.status, allowed(answer)]).toEqual([400, from]);
        expect(answer.json.reference).toMatch(/^....-....$/);
      }
    }
    const info = await ask('/oauth2/userinfo', 'https://evil.com', { headers: bearer('unknown') });
    expect([info.status, info.json.error]).toEqual([401, 'invalid_token']);
  });

  test('a refused origin is recorded, explained and mended by the command that is told', async () => {
    const own = await seedClient(world.rooms, { name: 'Page', type: 'spa', redirectUris: [redirectUri] });
    const refused = await ask('/oauth2/token', 'https://app.example.com:8443', {
      form: refreshForm,
      client: own,
    });
    expect([refused.status, allowed(refused)]).toEqual([400, undefined]);
    await world.rooms.refusals.flush();
    const found = await world.rooms.refusals.find(refused.json.reference);
    expect(found).toMatchObject({
      rule: 'Fetch Standard section 3.2',
      sent: { origin: 'https://app.example.com:8443' },
    });
    if (!found) throw new Error('not recorded');
    const told = explain(found, await world.rooms.clients.find(own.clientId), []);
    expect(told.difference).toMatchObject({ parameter: 'origin', nearest: origin, at: origin.length });
    expect(told.mend.commands).toEqual([
      `npx cardea client update ${own.clientId} --cors-origin https://app.example.com:8443`,
    ]);
    await world.rooms.clients.update(
      own.clientId,
      { corsOrigins: ['https://app.example.com:8443'] },
      { kind: 'operator' },
    );
    await world.rooms.lease.renew();
    const again = await ask('/oauth2/token', 'https://app.example.com:8443', {
      form: refreshForm,
      client: own,
    });
    expect(allowed(again)).toBe('https://app.example.com:8443');
  });

  test('introspection is no call of a page, and a confidential client’s origin counts at userinfo alone', async () => {
    const site = await seedClient(world.rooms, {
      name: 'Site',
      type: 'web',
      redirectUris: [redirectUri],
      corsOrigins: ['https://pages.example.com'],
    });
    const got = await world.signIn(site, 'openid');
    const info = await ask('/oauth2/userinfo', 'https://pages.example.com', {
      headers: bearer(got.access_token),
    });
    expect([info.status, allowed(info)]).toEqual([200, 'https://pages.example.com']);
    for (const path of ['/oauth2/introspect', '/oauth2/token', '/oauth2/revoke']) {
      const answer = await ask(path, 'https://pages.example.com', {
        form: { token: got.access_token },
        client: site,
      });
      expect([answer.status, allowed(answer)]).toEqual([400, undefined]);
      expect(answer.json.active).toBeUndefined();
    }
  });

  test('the documents are open to all', async () => {
    for (const path of ['/.well-known/openid-configuration', '/oauth2/jwks']) {
      expect(allowed(await ask(path, 'https://evil.com'))).toBe('*');
    }
  });

  test('a preflight allows no credentials', async () => {
    const preflight = await world.ask('/oauth2/token', {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.com', 'access-control-request-method': 'POST' },
    });
    expect(preflight.headers['access-control-allow-credentials']).toBeUndefined();
  });
});
