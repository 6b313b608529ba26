/** RFC 8705 over real handshakes: both methods, bound tokens, the place where they are spoken. Behind a proxy: mutual-tls-header.test.ts. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as oauth from 'oauth4webapi';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClientInput } from '../../src/clients/client-rules.ts';
import { createAgent } from '../harness/agent.ts';
import { type Certificate, makeAuthority, makeCertificate } from '../harness/certificates.ts';
import { askTls, fetchWith } from '../harness/mutual-tls.ts';
import { freePort, until } from '../harness/ports.ts';
import {
  authorize,
  redirectUri,
  type SeededClient,
  seedApi,
  seedClient,
  seedWebClient,
} from '../harness/seed.ts';
import { authorizeQuery, openWorld, payloadOf, type World } from './world.ts';

const authority = makeAuthority();
const grant = { grant_type: 'client_credentials', scope: 'orders:read' };
const own = makeCertificate({ subject: [['CN', 'own']] });
const issued = makeCertificate({
  subject: [
    ['O', 'Example'],
    ['CN', 'billing'],
  ],
  names: ['DNS:billing.example', 'URI:spiffe://example/billing'],
  by: authority.ca,
});
let world: World;
let port: number;
let api: string;
let base: string;

beforeAll(async () => {
  port = await freePort();
  const server = authority.server();
  const [certFile, keyFile] = [join(authority.dir, 'server.pem'), join(authority.dir, 'server.key')];
  writeFileSync(certFile, server.cert);
  writeFileSync(keyFile, server.key);
  world = await openWorld('full', {
    CARDEA_MTLS_PORT: String(port),
    CARDEA_MTLS_CERT_FILE: certFile,
    CARDEA_MTLS_KEY_FILE: keyFile,
    CARDEA_MTLS_CA_FILE: authority.caFile,
  });
  base = `https://localhost:${port}`;
  api = await seedApi(world.rooms);
});
afterAll(async () => {
  await world?.close();
  authority.remove();
});

const x5cOf = ({ x509 }: Certificate) => ({
  keys: [{ ...x509.publicKey.export({ format: 'jwk' }), x5c: [x509.raw.toString('base64')] }] as never,
});
const service = (more: Partial<ClientInput>): Promise<SeededClient> =>
  seedClient(world.rooms, { name: 'S', type: 'service', resources: [api], scopes: ['orders:read'], ...more });
const selfSigned = (certificate: Certificate, more: Partial<ClientInput> = {}) =>
  service({ authMethod: 'self_signed_tls_client_auth', jwks: x5cOf(certificate), ...more });

const over = (path: string, certificate?: Pick<Certificate, 'cert' | 'key'>, more = {}) => {
  const shown = certificate ? { cert: certificate.cert, key: certificate.key } : {};
  return askTls(base + path, { ca: authority.ca.cert, ...shown, ...more });
};
async function token(client: SeededClient, certificate?: Certificate, form = {}) {
  const answer = await over('/oauth2/token', certificate, {
    form: { ...grant, client_id: client.clientId, ...form },
  });
  return { ...answer, json: JSON.parse(answer.text) };
}
const thumbprint = ({ x509 }: Certificate) =>
  Buffer.from(x509.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');

describe('self_signed_tls_client_auth', () => {
  test('with oauth4webapi, by the aliases of discovery; the token carries the certificate', async () => {
    const client = await selfSigned(own, { certificateBoundTokens: true });
    const issuer = new URL(world.issuer);
    const insecure = { [oauth.allowInsecureRequests]: true };
    const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
    expect(as.mtls_endpoint_aliases?.token_endpoint).toBe(`${base}/oauth2/token`);
    expect(as.tls_client_certificate_bound_access_tokens).toBe(true);
    expect(as.token_endpoint_auth_methods_supported).toEqual(
      expect.arrayContaining(['tls_client_auth', 'self_signed_tls_client_auth']),
    );
    const answer = await oauth.clientCredentialsGrantRequest(
      as,
      { client_id: client.clientId, use_mtls_endpoint_aliases: true },
      oauth.TlsClientAuth(),
      new URLSearchParams({ scope: 'orders:read' }),
      { [oauth.customFetch]: fetchWith({ ca: authority.ca.cert, cert: own.cert, key: own.key }) as never },
    );
    const tokens = await oauth.processClientCredentialsResponse(as, { client_id: client.clientId }, answer);
    expect(payloadOf(tokens.access_token).cnf).toEqual({ 'x5t#S256': thumbprint(own) });
  });

  test('another certificate, none, and one of an authority with the same name: invalid_client', async () => {
    const client = await selfSigned(own);
    expect((await token(client, own)).status).toBe(200);
    for (const wrong of [
      undefined,
      makeCertificate({ subject: [['CN', 'own']] }),
      makeCertificate({ subject: [['CN', 'own']], by: authority.ca }),
    ]) {
      const { status, json } = await token(client, wrong);
      expect([status, json.error]).toEqual([401, 'invalid_client']);
    }
    const plain = await world.token({ ...grant, client_id: client.clientId });
    expect([plain.status, plain.json.error]).toEqual([401, 'invalid_client']);
  });
});

describe('tls_client_auth', () => {
  const named = (more: Partial<ClientInput>) => service({ authMethod: 'tls_client_auth', ...more });

  test.each([
    { tlsSubjectDn: 'CN=billing,O=Example' },
    { tlsSanDns: 'billing.example' },
    { tlsSanUri: 'spiffe://example/billing' },
  ])('the registered subject, %o', async (subject) => {
    expect((await token(await named(subject), issued)).status).toBe(200);
  });

  test('another subject, another authority, itself, an expired one, one for servers: invalid_client', async () => {
    const subject = [
      ['O', 'Example'],
      ['CN', 'billing'],
    ] as const;
    const client = await named({ tlsSubjectDn: 'CN=billing,O=Example' });
    const stranger = makeCertificate({ subject: [['CN', 'test authority']], ca: true });
    const wrong: [string, Certificate | undefined][] = [
      ['none', undefined],
      ['another subject', makeCertificate({ subject: [['CN', 'billing']], by: authority.ca })],
      ['another authority of the same name', makeCertificate({ subject, by: stranger })],
      ['itself', makeCertificate({ subject })],
      ['expired', makeCertificate({ subject, by: authority.ca, validTo: Date.now() - 1000 })],
      ['for servers', makeCertificate({ subject, by: authority.ca, purposes: ['1.3.6.1.5.5.7.3.1'] })],
    ];
    for (const [name, certificate] of wrong) {
      const { status, json } = await token(client, certificate);
      expect([status, json.error], name).toEqual([401, 'invalid_client']);
      const recorded = await until('the refusal', async () => {
        const found = await world.rooms.refusals.find(json.reference);
        if (!found) throw new Error('not yet');
        return found;
      });
      expect(recorded.rule, name).toBe('RFC 8705 section 2');
    }
  });
});

describe('certificate-bound tokens', () => {
  test('serve with the certificate only, at userinfo, and introspection names it', async () => {
    const other = makeCertificate({ subject: [['CN', 'other']] });
    const client = await seedWebClient(world.rooms, {
      authMethod: 'self_signed_tls_client_auth',
      jwks: x5cOf(own),
      certificateBoundTokens: true,
    });
    const code = await world.browser(client).code('openid offline_access');
    const { status, json, text } = await token(client, own, {
      grant_type: 'authorization_code',
      code: code.code,
      code_verifier: code.verifier,
      redirect_uri: redirectUri,
      scope: '',
    });
    expect(status, text).toBe(200);
    const userinfo = async (certificate?: Certificate) =>
      (
        await over('/oauth2/userinfo', certificate, {
          headers: { authorization: `Bearer ${json.access_token}` },
        })
      ).status;
    expect(await userinfo(own)).toBe(200);
    expect(await userinfo(other)).toBe(401);
    expect(await userinfo()).toBe(401);
    expect((await world.userinfo(json.access_token)).status).toBe(401);
    const introspected = await over('/oauth2/introspect', own, {
      form: { token: json.access_token, client_id: client.clientId },
    });
    expect(JSON.parse(introspected.text).cnf).toEqual({ 'x5t#S256': thumbprint(own) });
  });

  test('are not given to whoever shows no certificate, whatever else authenticates', async () => {
    const client = await service({ certificateBoundTokens: true });
    const { status, json } = await world.token(grant, client);
    expect([status, json.access_token]).toEqual([400, undefined]);
  });
});

describe('T21 and the place', () => {
  test('T21 the header of a stranger is no certificate, at either listener', async () => {
    const client = await selfSigned(own);
    const headers = {
      'client-cert': `:${own.x509.raw.toString('base64')}:`,
      'x-client-certificate': encodeURIComponent(own.cert),
      'x-ssl-client-cert': encodeURIComponent(own.cert),
    };
    const form = { ...grant, client_id: client.clientId };
    expect((await world.ask('/oauth2/token', { form, headers })).status).toBe(401);
    expect((await over('/oauth2/token', undefined, { form, headers })).status).toBe(401);
  });

  test('nothing but the addresses of clients is served there, and there alone', async () => {
    expect((await over('/')).status).toBe(421);
    expect((await over('/oauth2/authorize?client_id=x')).status).toBe(421);
    expect((await over('/.well-known/openid-configuration')).status).toBe(421);
    const { host } = new URL(world.issuer);
    expect((await over('/oauth2/token', own, { form: grant, headers: { host } })).status).toBe(421);
    const atMain = await world.ask('/oauth2/token', { form: grant, headers: { host: new URL(base).host } });
    expect(atMain.status).toBe(421);
  });
});

test('5.3.2.1-5 5.3.2.1-6 the profile fapi2 by mutual TLS: PAR, code and token, and nothing without the certificate', async () => {
  const client = await seedWebClient(world.rooms, {
    ...{ profile: 'fapi2', authMethod: 'tls_client_auth', certificateBoundTokens: true },
    ...{ tlsSanDns: 'billing.example', firstParty: true },
  });
  const verifier = 'v'.repeat(43);
  const code_challenge = createHash('sha256').update(verifier).digest('base64url');
  const query = authorizeQuery(client, { code_challenge, scope: 'openid orders:read' });
  const form = Object.fromEntries(new URLSearchParams(query.split('?')[1]));
  expect(JSON.parse((await over('/oauth2/par', undefined, { form })).text).error).toBe('invalid_client');
  const pushed = JSON.parse((await over('/oauth2/par', issued, { form })).text) as { request_uri: string };
  const use = new URLSearchParams({ client_id: client.clientId, request_uri: pushed.request_uri });
  const answer = await authorize(createAgent(world.issuer), `/oauth2/authorize?${use}`, world.person);
  const redeem = {
    ...{ grant_type: 'authorization_code', code: answer.searchParams.get('code') ?? '' },
    ...{ code_verifier: verifier, redirect_uri: redirectUri, scope: '' },
  };
  expect((await token(client, undefined, redeem)).json.error).toBe('invalid_client');
  const { json, text } = await token(client, issued, redeem);
  expect(payloadOf(json.access_token).cnf, text).toEqual({ 'x5t#S256': thumbprint(issued) });
});
