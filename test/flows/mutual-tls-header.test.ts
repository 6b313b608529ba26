/** T21, RFC 9440: a proxy ends TLS and hands the certificate over; who else does is not believed. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCertificate } from '../harness/certificates.ts';
import { seedApi, seedClient } from '../harness/seed.ts';
import { openWorld, type World } from './world.ts';

const grant = { grant_type: 'client_credentials', scope: 'orders:read' };
const { cert, x509 } = makeCertificate({ subject: [['CN', 'own']] });
const shapes = { 'RFC 9440': `:${x509.raw.toString('base64')}:`, nginx: encodeURIComponent(cert) };
let world: World;
let clientId: string;

beforeAll(async () => {
  world = await openWorld('full', {
    CARDEA_MTLS_HEADER: 'Client-Cert',
    CARDEA_MTLS_URL: 'https://mtls.example',
    CARDEA_TRUSTED_PROXIES: '127.0.0.1',
  });
  const made = await seedClient(world.rooms, {
    name: 'S',
    type: 'service',
    authMethod: 'self_signed_tls_client_auth',
    jwks: {
      keys: [{ ...x509.publicKey.export({ format: 'jwk' }), x5c: [x509.raw.toString('base64')] }] as never,
    },
    resources: [await seedApi(world.rooms)],
    scopes: ['orders:read'],
  });
  clientId = made.clientId;
});
afterAll(() => world?.close());

const ask = (headers: Record<string, string>, id = clientId) =>
  world.ask('/oauth2/token', { form: { ...grant, client_id: id }, headers });

test.each(Object.entries(shapes))(
  'T21 the certificate in the form of %s, at the issuer and at the alias',
  async (_form, value) => {
    expect((await ask({ 'client-cert': value })).status).toBe(200);
    expect((await ask({ 'client-cert': value, host: 'mtls.example' })).status).toBe(200);
    // At the alias nothing but the addresses of clients.
    const page = await world.ask('/', { headers: { 'client-cert': value, host: 'mtls.example' } });
    expect(page.status).toBe(421);
  },
);

test('T21 another header, and what is no certificate: invalid_client', async () => {
  const wrong: Record<string, string>[] = [
    {},
    { 'client-cert': 'text' },
    { 'client-cert': `${shapes['RFC 9440']}, ${shapes['RFC 9440']}` },
    { 'x-client-cert': shapes.nginx },
    { 'client-cert-chain': shapes['RFC 9440'] },
  ];
  for (const headers of wrong) {
    const { status, json } = await ask(headers);
    expect([status, json.error], JSON.stringify(Object.keys(headers))).toEqual([401, 'invalid_client']);
  }
});

test('without authorities nobody says which certificates are trusted: tls_client_auth is refused and not announced', async () => {
  const named = await seedClient(world.rooms, {
    name: 'N',
    type: 'service',
    authMethod: 'tls_client_auth',
    tlsSubjectDn: 'CN=own',
  });
  const { status, json } = await ask({ 'client-cert': shapes.nginx }, named.clientId);
  expect([status, json.error]).toEqual([401, 'invalid_client']);
  const discovery = JSON.parse((await world.ask('/.well-known/openid-configuration')).text);
  expect(discovery.mtls_endpoint_aliases.token_endpoint).toBe('https://mtls.example/oauth2/token');
  expect(discovery.token_endpoint_auth_methods_supported).not.toContain('tls_client_auth');
});
