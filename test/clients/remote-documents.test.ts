/** When a published document is asked for again, and when not, on a clock that is moved. */
import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { readPublishedJwks } from '../../src/clients/jwks-rules.ts';
import { createRemoteDocuments } from '../../src/clients/remote-documents.ts';
import { OutboundFailed } from '../../src/outbound/outbound-faults.ts';
import { makeCertificate } from '../harness/certificates.ts';

const url = 'https://app.example/keys';

function world(maxAge?: number) {
  const state = { now: 1_000_000_000_000, asked: 0, content: 'a', broken: false, status: 200 };
  const documents = createRemoteDocuments({
    clock: { now: () => state.now },
    parse: (json) => (typeof json === 'string' ? { text: json } : undefined),
    send: async ({ url: to }) => {
      state.asked += 1;
      if (state.broken) throw new OutboundFailed('timeout', new URL(to).host, 'it took too long');
      const headers: Record<string, string> =
        maxAge === undefined ? {} : { 'cache-control': `public, max-age=${maxAge}` };
      return { status: state.status, headers, body: Buffer.from(JSON.stringify(state.content)) };
    },
  });
  const text = async (isWanted?: (value: { text: string }) => boolean) => {
    const outcome = await documents.get(url, isWanted);
    return outcome.kind === 'document' ? outcome.value.text : outcome.kind;
  };
  return { state, documents, text };
}

test.each([
  ['nothing', undefined, 300],
  ['0 s', 0, 60],
  ['10 min', 600, 600],
  ['a year', 31_536_000, 3600],
])(
  'a document that says %s is kept for its time, within a minute and an hour',
  async (_said, maxAge, seconds) => {
    const { state, text } = world(maxAge);
    expect(await text()).toBe('a');
    state.content = 'b';
    state.now += seconds * 1000 - 1;
    expect(await text()).toBe('a');
    state.now += 1;
    expect(await text()).toBe('b');
    expect(state.asked).toBe(2);
  },
);

test('what lacks the wanted is asked for again every 30 s at most', async () => {
  const { state, text } = world();
  const wantsB = ({ text: found }: { text: string }) => found === 'b';
  expect(await text()).toBe('a');
  state.content = 'b';
  state.now += 29_999;
  expect(await text(wantsB)).toBe('a');
  state.now += 1;
  expect(await text(wantsB)).toBe('b');
  expect(state.asked).toBe(2);
});

test('who asks at once waits for one request', async () => {
  const { state, text } = world();
  expect(await Promise.all(Array.from({ length: 20 }, () => text()))).toEqual(Array(20).fill('a'));
  expect(state.asked).toBe(1);
});

test('a dead address is tried every 15 s; what was known counts for an hour more and then no longer', async () => {
  const { state, text } = world();
  expect(await text()).toBe('a');
  state.broken = true;
  state.now += 300_000;
  expect(await text()).toBe('a');
  expect(await text()).toBe('a');
  expect(state.asked).toBe(2);
  state.now += 15_000;
  expect(await text()).toBe('a');
  expect(state.asked).toBe(3);
  state.now += 3_600_000 - 15_000;
  expect(await text()).toBe('failed');
  state.broken = false;
  state.now += 15_000;
  expect(await text()).toBe('a');
});

test('another status and another content are failures', async () => {
  const { state, documents } = world();
  state.status = 302;
  expect(await documents.get(url)).toEqual({ kind: 'failed', why: 'it answered with status 302' });
  state.status = 200;
  state.now += 15_000;
  state.content = { no: 'text' } as never;
  expect(await documents.get(url)).toEqual({ kind: 'failed', why: 'its content cannot be used' });
});

test('five hundred addresses are kept, the latest ones', async () => {
  const { state, documents } = world();
  for (let n = 0; n < 501; n += 1) await documents.get(`https://app.example/${n}`);
  expect(state.asked).toBe(501);
  await documents.get('https://app.example/500');
  expect(state.asked).toBe(501);
  await documents.get('https://app.example/0');
  expect(state.asked).toBe(502);
});

test('of a published set the usable keys are taken, and no private member', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = publicKey.export({ format: 'jwk' });
  const read = readPublishedJwks({
    keys: [
      { ...jwk, kid: 'good', use: 'sig', extra: 'x' },
      { ...jwk, kid: 'svid', use: 'jwt-svid' },
      { ...jwk, kid: 'enc', use: 'enc' },
      { ...privateKey.export({ format: 'jwk' }), kid: 'private' },
      { kty: 'oct', k: 'AAAA', kid: 'secret' },
      { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'small' },
      'text',
      null,
    ],
  });
  expect(read?.keys).toEqual([
    { ...jwk, kid: 'good', use: 'sig' },
    { ...jwk, kid: 'svid', use: 'sig' },
  ]);
  for (const json of [undefined, null, [], {}, { keys: {} }, { keys: Array(101).fill(jwk) }]) {
    expect(readPublishedJwks(json)).toBeUndefined();
  }
});

test('RFC 7517 section 4.7: an x5c is of the key beside it, or the key is not taken', () => {
  const { x509 } = makeCertificate({ subject: [['CN', 'app']] });
  const own = x509.publicKey.export({ format: 'jwk' });
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
  const x5c = [x509.raw.toString('base64')];
  expect(readPublishedJwks({ keys: [{ ...own, x5c: [...x5c, 'next'] }] })?.keys).toEqual([{ ...own, x5c }]);
  for (const bad of [
    { ...other, x5c },
    { ...own, x5c: 'text' },
    { ...own, x5c: ['AAAA'] },
    { ...own, x5c: [] },
  ]) {
    expect(readPublishedJwks({ keys: [bad] })?.keys).toEqual([]);
  }
});
