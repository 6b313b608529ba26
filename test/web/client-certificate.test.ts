/** T21: whose word about a certificate counts. */
import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { createClientCertificates, readHeader } from '../../src/web/client-certificate.ts';
import { makeCertificate } from '../harness/certificates.ts';

const ca = makeCertificate({ subject: [['CN', 'authority']], ca: true });
const own = makeCertificate({ subject: [['CN', 'app']], by: ca });
const nginx = encodeURIComponent(own.cert);
const rfc9440 = `:${own.x509.raw.toString('base64')}:`;
const now = Date.now();

function seen(header: string | string[], from: string, more: { authorities?: string; at?: number } = {}) {
  const certificates = createClientCertificates({
    header: 'client-cert',
    isTrustedProxy: (address) => address === '10.0.0.1',
    authorities: more.authorities ?? ca.cert,
    clock: { now: () => more.at ?? now },
  });
  const all = [header].flat();
  const req = {
    headers: { 'client-cert': all.join(', ') },
    rawHeaders: all.flatMap((value) => ['Client-Cert', value]),
    socket: { remoteAddress: from },
  } as unknown as IncomingMessage;
  certificates.door({ req } as never, async () => undefined);
  expect(req.headers['client-cert']).toBeUndefined();
  return certificates.of(req);
}

test.each([
  ['URL-encoded PEM', nginx],
  ['RFC 9440', rfc9440],
])('T21 %s of the trusted proxy counts', (_form, value) => {
  expect(seen(value, '10.0.0.1')).toMatchObject({ isTrusted: true });
  expect(seen(value, '10.0.0.1')?.certificate.raw).toEqual(own.x509.raw);
});

test('T21 of anybody else it is taken away and does not count', () => {
  for (const from of ['10.0.0.2', '127.0.0.1', '::1', '']) {
    for (const value of [nginx, rfc9440]) expect(seen(value, from)).toBeUndefined();
  }
});

test('T21 a second one, which a client sends through a proxy that only adds its own: none counts', () => {
  expect(seen([rfc9440, rfc9440], '10.0.0.1')).toBeUndefined();
  expect(seen([nginx, rfc9440], '10.0.0.1')).toBeUndefined();
});

test.each([
  '',
  '%',
  'text',
  ':AAAA:',
  '::',
  encodeURIComponent(own.key),
  encodeURIComponent(own.cert + own.cert),
  `${rfc9440}, ${rfc9440}`,
  own.x509.raw.toString('base64'),
])('T21 what is no certificate is none: %s', (value) => expect(readHeader(value)).toBeUndefined());

test('it is trusted when an authority issued it, in its time, for clients', () => {
  const day = 86_400_000;
  const stranger = makeCertificate({ subject: [['CN', 'authority']], ca: true });
  const trusts = (certificate: { x509: { raw: Buffer } }, more = {}) =>
    seen(`:${certificate.x509.raw.toString('base64')}:`, '10.0.0.1', more)?.isTrusted;
  const app = { subject: [['CN', 'app']] } as const;
  expect(trusts(own)).toBe(true);
  expect(trusts(own, { authorities: stranger.cert })).toBe(false);
  expect(trusts(own, { authorities: stranger.cert + ca.cert })).toBe(true);
  expect(trusts(own, { at: now + 400 * day })).toBe(false);
  expect(trusts(own, { at: now - 2 * day })).toBe(false);
  expect(trusts(makeCertificate(app))).toBe(false);
  expect(trusts(makeCertificate({ ...app, by: own }))).toBe(false);
  expect(trusts(makeCertificate({ ...app, by: ca, ca: true }))).toBe(false);
  expect(trusts(makeCertificate({ ...app, by: ca, validTo: now - 1000 }))).toBe(false);
  expect(trusts(makeCertificate({ ...app, by: ca, purposes: ['1.3.6.1.5.5.7.3.1'] }))).toBe(false);
  expect(trusts(makeCertificate({ ...app, by: ca, purposes: ['1.3.6.1.5.5.7.3.2'] }))).toBe(true);
  for (const authorities of ['', 'text', own.cert, ca.cert + own.cert]) {
    expect(() => seen(rfc9440, '10.0.0.1', { authorities })).toThrow(/CARDEA_MTLS_CA_FILE/);
  }
});
