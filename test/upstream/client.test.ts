/** Microsoft’s tenants, GitHub, and providers that are down: what is asked of them and what is believed of the answer. */
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { OutboundFailed } from '../../src/outbound/outbound-faults.ts';
import type { Preset, Provider } from '../../src/upstream/provider.ts';
import { judgeProvider } from '../../src/upstream/provider-rules.ts';
import { createUpstreamClient } from '../../src/upstream/upstream-client.ts';

type Answer = (form: URLSearchParams, headers: Headers) => unknown;

let keys: Awaited<ReturnType<typeof generateKeyPair>>;
let jwk: object;
/** What stands at which address; a function answers, a Response is sent as it is, whatever else as JSON. */
let web: Record<string, unknown>;
let asked: string[];
let now: number;
beforeAll(async () => {
  keys = await generateKeyPair('RS256', { extractable: true });
  jwk = { ...(await exportJWK(keys.publicKey)), kid: 'k', alg: 'RS256', use: 'sig' };
});
beforeEach(() => {
  web = {};
  asked = [];
  now = Date.now();
});

const client = () =>
  createUpstreamClient({
    clock: { now: () => now },
    fetch: async (input, init) => {
      const url = String(input);
      asked.push(url);
      const there = web[url];
      const body = new URLSearchParams(String(init?.body ?? ''));
      const said =
        typeof there === 'function' ? await (there as Answer)(body, new Headers(init?.headers)) : there;
      if (said === undefined) throw new OutboundFailed('timeout', new URL(url).host, 'it took too long');
      return said instanceof Response ? said : Response.json(said);
    },
  });

function preset(name: Preset, more: object = {}): Provider {
  const judged = judgeProvider({ providerId: name, preset: name, clientId: 'cardea', ...more }, true);
  if (judged.kind === 'faults') throw new Error(JSON.stringify(judged.faults));
  return { ...judged.provider, enabled: true, createdAt: 0, updatedAt: 0 };
}

const secrets = { state: 's'.repeat(43), nonce: 'n'.repeat(43), verifier: 'v'.repeat(43) };
const at = { ...secrets, redirectUri: 'https://id.example/upstream/callback/x', fresh: false };
const redeem = (provider: Provider, more: Record<string, string> = {}) =>
  client().redeem(provider, 'secret', new URLSearchParams({ code: 'c', state: secrets.state, ...more }), {
    ...at,
    startedAt: now,
  });

describe('Microsoft: one discovery document for every tenant', () => {
  const base = 'https://login.microsoftonline.com';
  const tenant = '11111111-2222-3333-4444-555555555555';
  const other = '99999999-2222-3333-4444-555555555555';
  const issuerOf = (tid: string) => `${base}/${tid}/v2.0`;
  const idToken = (claims: object) =>
    new SignJWT({ aud: 'cardea', sub: 'ms-1', nonce: secrets.nonce, email: 'ada@corp.example', ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'k' })
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(keys.privateKey);
  beforeEach(() => {
    web[`${base}/common/v2.0/.well-known/openid-configuration`] = {
      issuer: `${base}/{tenantid}/v2.0`,
      authorization_endpoint: `${base}/common/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/common/oauth2/v2.0/token`,
      jwks_uri: `${base}/common/discovery/v2.0/keys`,
      response_types_supported: ['code'],
      id_token_signing_alg_values_supported: ['RS256'],
    };
    web[`${base}/common/discovery/v2.0/keys`] = () => ({ keys: [jwk] });
  });
  const answered = (claims: object, more: object = {}) => {
    web[`${base}/common/oauth2/v2.0/token`] = async () => ({
      access_token: 'a',
      token_type: 'Bearer',
      id_token: await idToken(claims),
    });
    return redeem(preset('microsoft', more));
  };

  test('who somebody is names the tenant; the address is not believed', async () => {
    const came = await answered({ iss: issuerOf(tenant), tid: tenant, email_verified: true, xms_edov: true });
    expect(came).toMatchObject({
      kind: 'person',
      person: { issuer: issuerOf(tenant), subject: 'ms-1', email: 'ada@corp.example', emailTrusted: false },
    });
    // The same subject of another tenant is somebody else.
    const elsewhere = await answered({ iss: issuerOf(other), tid: other });
    expect(elsewhere).toMatchObject({ kind: 'person', person: { issuer: issuerOf(other) } });
  });

  test('of a list of tenants, only their people', async () => {
    const tenants = { tenants: [other.toUpperCase(), tenant] };
    expect(await answered({ iss: issuerOf(tenant), tid: tenant }, tenants)).toMatchObject({ kind: 'person' });
    expect(await answered({ iss: issuerOf(other), tid: other }, tenants)).toMatchObject({ kind: 'person' });
    const third = '77777777-2222-3333-4444-555555555555';
    expect(await answered({ iss: issuerOf(third), tid: third }, tenants)).toMatchObject({
      kind: 'failed',
      reason: 'tenant',
      detail: 'its tenant is none that may sign in',
    });
    expect(await answered({ iss: issuerOf(third), tid: third }, { tenants: [] })).toMatchObject({
      kind: 'person',
    });
  });

  test.each([
    ['the issuer of another tenant', { iss: issuerOf(other), tid: tenant }],
    ['no tenant', { iss: issuerOf(tenant) }],
    ['the template itself', { iss: `${base}/{tenantid}/v2.0`, tid: tenant }],
    [
      'a host that only looks like it',
      { iss: `https://login.microsoftonline.com.evil.example/${tenant}/v2.0`, tid: tenant },
    ],
    ['a tenant that is a path', { iss: `${base}/${tenant}/v2.0`, tid: `${other}/../${tenant}` }],
    ['a tenant that is an array', { iss: issuerOf(other), tid: [tenant] }],
  ])('%s is refused', async (_, claims) => {
    expect(await answered(claims)).toMatchObject({ kind: 'failed', reason: 'refused' });
  });
});

describe('GitHub: no ID token', () => {
  const api = 'https://api.github.com';
  const token = 'https://github.com/login/oauth/access_token';
  const good = {
    id: 1234567,
    login: 'ada',
    name: 'Ada',
    avatar_url: 'https://a.example/1.png',
    email: 'public@x.example',
  };
  const primary = { email: 'ada@corp.example', primary: true, verified: true };
  beforeEach(() => {
    web[token] = (form: URLSearchParams) =>
      form.get('code_verifier') === secrets.verifier
        ? { access_token: 'gho_x', token_type: 'bearer', scope: 'read:user,user:email' }
        : { error: 'bad_verification_code' };
    web[`${api}/user`] = (_: unknown, headers: Headers) =>
      headers.get('authorization')?.toLowerCase() === 'bearer gho_x'
        ? good
        : new Response('', { status: 401 });
    web[`${api}/user/emails`] = [{ email: 'old@x.example', primary: false, verified: true }, primary];
  });

  test('its number is the subject, and the verified primary address is the address', async () => {
    expect(await redeem(preset('github'))).toEqual({
      kind: 'person',
      person: {
        providerId: 'github',
        issuer: 'https://github.com/login/oauth',
        subject: '1234567',
        email: 'ada@corp.example',
        emailTrusted: true,
        profile: { preferred_username: 'ada', name: 'Ada', picture: 'https://a.example/1.png' },
      },
    });
  });

  test.each([
    ['not verified', [{ ...primary, verified: false }], 'ada@corp.example'],
    ['verified by a word', [{ ...primary, verified: 'true' }], 'ada@corp.example'],
    ['an array', [{ ...primary, email: ['ada@corp.example'] }], undefined],
    ['of none that is primary', [{ ...primary, primary: false }], undefined],
    ['primary by a word', [{ ...primary, primary: 'yes' }], undefined],
    ['behind 200 others', [...Array.from({ length: 200 }, () => ({})), primary], undefined],
    ['no list', { message: 'Not Found' }, undefined],
    ['among things that are none', [null, 'ada@corp.example', 7, [primary]], undefined],
  ])('an address that is %s is not believed', async (_, emails, email) => {
    web[`${api}/user/emails`] = emails;
    const came = await redeem(preset('github'));
    expect(came).toMatchObject({ kind: 'person', person: { emailTrusted: false } });
    // Nor is the public one of the profile taken in its place.
    expect(came.kind === 'person' && came.person.email).toBe(email);
  });

  test.each([
    ['no number', { ...good, id: undefined }],
    ['a number that is none', { ...good, id: 1.5 }],
    ['too large a number', { ...good, id: 2 ** 60 }],
    ['an object', { ...good, id: { $gt: 0 } }],
    ['a list', [good]],
    ['nothing', null],
  ])('a person who is %s is nobody', async (_, user) => {
    web[`${api}/user`] = () => user;
    expect(await redeem(preset('github'))).toMatchObject({ kind: 'failed', reason: 'refused' });
  });

  test('an error with status 200, as it sends, signs nobody in', async () => {
    web[token] = { error: 'bad_verification_code', error_description: 'expired' };
    expect(await redeem(preset('github'))).toMatchObject({ kind: 'failed', reason: 'refused' });
  });

  test('an answer that names another issuer is another provider’s', async () => {
    const mixed = await redeem(preset('github'), { iss: 'https://evil.example' });
    expect(mixed).toMatchObject({ kind: 'failed', reason: 'refused' });
    expect(asked).toEqual([]);
  });
});

describe('a provider that does not answer', () => {
  test('after five in a row people are told at once; after 20 seconds one of them finds out', async () => {
    const there = client();
    const provider = preset('google');
    const go = () => there.authorizationUrl(provider, 'secret', at);
    for (let tries = 1; tries <= 5; tries += 1) {
      expect(await go()).toMatchObject({ kind: 'failed', reason: 'unreachable' });
      expect(asked).toHaveLength(tries);
    }
    now += 19_000;
    expect(await go()).toMatchObject({ kind: 'failed', reason: 'unreachable' });
    expect(asked).toHaveLength(5);
    now += 2_000;
    expect((await Promise.all([go(), go(), go()])).map(({ kind }) => kind)).toEqual([
      'failed',
      'failed',
      'failed',
    ]);
    expect(asked).toHaveLength(6);
    web['https://accounts.google.com/.well-known/openid-configuration'] = {
      issuer: 'https://accounts.google.com',
      authorization_endpoint: 'https://accounts.google.com/auth',
      token_endpoint: 'https://accounts.google.com/token',
      jwks_uri: 'https://accounts.google.com/jwks',
      response_types_supported: ['code'],
    };
    now += 21_000;
    expect(await go()).toMatchObject({ kind: 'url' });
    // Its token endpoint answers again as well, though only to refuse: nobody is held back any more.
    web['https://accounts.google.com/token'] = () =>
      Response.json({ error: 'invalid_grant' }, { status: 400 });
    const answer = new URLSearchParams({ code: 'c', state: secrets.state });
    const came = await there.redeem(provider, 'secret', answer, { ...at, startedAt: now });
    expect(came).toMatchObject({ kind: 'failed', reason: 'refused' });
    expect((await Promise.all([go(), go()])).map(({ kind }) => kind)).toEqual(['url', 'url']);
  });

  test('another provider is not held back by it', async () => {
    const there = client();
    const down = preset('google');
    for (let tries = 0; tries < 6; tries += 1) await there.authorizationUrl(down, 'secret', at);
    expect(await there.authorizationUrl(preset('github'), 'secret', at)).toMatchObject({ kind: 'url' });
  });
});
