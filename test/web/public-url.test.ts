import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPublicUrl, isLoopbackHost } from '../../src/web/public-url.ts';
import { type ServedDoors, serveDoors } from './serve-doors.ts';

let served: ServedDoors;
beforeAll(async () => {
  const { door } = createPublicUrl({ issuer: 'https://id.example' });
  served = await serveDoors('https://id.example', [
    door,
    (ctx) => {
      const { protocol, host, hostname, origin, secure, href } = ctx.request;
      ctx.body = { path: ctx.path, protocol, host, hostname, origin, secure, href, headers: ctx.headers };
    },
  ]);
});
afterAll(() => served.close());

async function get(target: string, headers: readonly string[]): Promise<{ status: number; body: string }> {
  const text = await served.raw(
    `GET ${target} HTTP/1.1\r\n${headers.join('\r\n')}\r\nConnection: close\r\n\r\n`,
  );
  return { status: Number(text.split(' ')[1]), body: text.slice(text.indexOf('\r\n\r\n') + 4) };
}

describe('D10 one public URL', () => {
  test.each([
    ['the issuer', 'id.example', 200],
    ['with its default port', 'id.example:443', 200],
    ['in any case', 'ID.Example', 200],
    ['another host', 'evil.example', 421],
    ['another port', 'id.example:8443', 421],
    ['the port of another scheme', 'id.example:80', 421],
    ['a host that begins alike', 'id.example.evil.example', 421],
    ['a host that ends alike', 'evil-id.example', 421],
    ['with a trailing dot', 'id.example.', 421],
    ['with a user before it', 'id.example@evil.example', 421],
    ['the address it listens on', '127.0.0.1', 421],
    ['empty', '', 421],
  ])('Host is %s', async (_, host, status) => {
    expect((await get('/x', [`Host: ${host}`])).status).toBe(status);
  });

  test('two Host headers are refused', async () => {
    expect((await get('/x', ['Host: id.example', 'Host: evil.example'])).status).toBeGreaterThanOrEqual(400);
  });

  test.each([
    ['foreign', 'http://evil.example/x', 421],
    ['foreign, right scheme', 'https://evil.example/x', 421],
    ['ours by the wrong scheme', 'http://id.example/x', 421],
    ['ours with a user', 'https://evil@id.example/x', 421],
    ['not a URL', '*', 400],
  ])('an absolute-form target is %s', async (_, target, status) => {
    expect((await get(target, ['Host: id.example'])).status).toBe(status);
  });

  test('an absolute-form target that is ours is read as its path', async () => {
    const { status, body } = await get('https://id.example/x?y=1', ['Host: id.example']);
    expect(status).toBe(200);
    expect(JSON.parse(body).path).toBe('/x');
  });

  test('whatever forwarded headers say, the view is the issuer and they are gone', async () => {
    const { body } = await get('/x?y=1', [
      'Host: id.example',
      'X-Forwarded-Host: evil.example',
      'X-Forwarded-Proto: http',
      'X-Forwarded-Port: 81',
      'Forwarded: host=evil.example;proto=http',
      'X-Original-URL: /admin',
    ]);
    expect(body).not.toMatch(/evil|admin/);
    expect(JSON.parse(body)).toMatchObject({
      protocol: 'https',
      host: 'id.example',
      hostname: 'id.example',
      origin: 'https://id.example',
      secure: true,
      href: 'https://id.example/x?y=1',
    });
  });

  test.each(['/health/live', '/health/ready'])('%s answers for any Host', async (path) => {
    expect((await get(path, ['Host: 10.0.0.7:3000'])).status).toBe(200);
  });

  test.each(['/health/live/../../x', '/Health/live', '/health', '//health/live'])(
    '%s does not',
    async (path) => {
      expect((await get(path, ['Host: evil.example'])).status).toBe(421);
    },
  );
});

test('an issuer with a path: the path is the base of links and is taken off requests', async () => {
  const publicUrl = createPublicUrl({ issuer: 'https://example.com/id' });
  expect(publicUrl).toMatchObject({
    base: '/id',
    origin: 'https://example.com',
    loopback: false,
    secure: true,
  });
  const there = await serveDoors('https://example.com/id', [
    publicUrl.door,
    (ctx) => (ctx.body = `at ${ctx.path}`),
  ]);
  const text = await there.raw(
    'GET /id/interaction/x HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n',
  );
  expect(text).toContain('at /interaction/x');
  await there.close();
});

test.each([
  ['localhost', true],
  ['127.0.0.1', true],
  ['127.8.8.8', true],
  ['[::1]', true],
  ['localhost.evil.example', false],
  ['127.0.0.1.evil.example', false],
  ['10.0.0.1', false],
])('%s is this machine: %s', (host, loopback) => expect(isLoopbackHost(host)).toBe(loopback));
