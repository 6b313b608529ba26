/** P6, D10: requests that are not what they seem, as bytes on a connection. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openWorld, type World } from '../flows/world.ts';
import { sendRaw } from './raw-request.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld('full');
});
afterAll(() => world?.close());

const host = () => new URL(world.issuer).host;
const raw = (text: string) => sendRaw(world.server.settings.port, text);

test('P6 headers of more than 16 kB: 431', async () => {
  expect((await raw(`GET / HTTP/1.1\r\nHost: ${host()}\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`)).status).toBe(
    431,
  );
});

describe('P6 request smuggling', () => {
  test.each([
    ['both lengths', `Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x`],
    ['two lengths', `Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef`],
    ['an odd coding', `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
    ['a bare line feed', `Content-Length: 3\nX: y\r\n\r\nabc`],
  ])('%s: 400', async (_, rest) => {
    const { status } = await raw(`POST /oauth2/token HTTP/1.1\r\nHost: ${host()}\r\n${rest}`);
    expect(status).toBe(400);
  });
});

test('D10 P1 a second Host, none, or another: refused', async () => {
  expect((await raw(`GET / HTTP/1.1\r\n\r\n`)).status).toBe(400);
  expect(
    (await raw(`GET / HTTP/1.1\r\nHost: ${host()}\r\nHost: evil.example\r\n\r\n`)).status,
  ).toBeGreaterThanOrEqual(400);
  expect((await raw(`GET http://evil.example/ HTTP/1.1\r\nHost: ${host()}\r\n\r\n`)).status).toBe(421);
});
