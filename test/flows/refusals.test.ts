/**
 * "Every refusal carries a reference; rule, expected and received are recorded under it": asked for at every address,
 * in every shape, and read back. No code, token, secret or password is in what is kept.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { redeemForm } from '../harness/codes.ts';
import { redirectUri, type SeededClient, seedApi, seedClient, seedWebClient } from '../harness/seed.ts';
import { authorizeQuery, bearer, openWorld, type Reply, type World } from './world.ts';

const canary = `canary_${randomBytes(32).toString('base64url')}`;
let world: World;
let client: SeededClient;
let service: SeededClient;
let strict: SeededClient;
let bound: SeededClient;

beforeAll(async () => {
  world = await openWorld('full');
  const api = await seedApi(world.rooms);
  client = await seedWebClient(world.rooms, { firstParty: true });
  strict = await seedWebClient(world.rooms, { profile: 'high' });
  const tab = { name: 'Tab', type: 'spa', redirectUris: [redirectUri], firstParty: true } as const;
  bound = await seedClient(world.rooms, { ...tab, dpopBoundTokens: true });
  service = await seedClient(world.rooms, { name: 'S', type: 'service', resources: [api] });
});
afterAll(() => world?.close());

/** The reference of an answer: in JSON, in the redirect, or on the page. */
function referenceOf({ json, headers, text }: Reply): string | undefined {
  if (json.reference) return json.reference;
  if (headers.location) return new URL(String(headers.location)).searchParams.get('reference') ?? undefined;
  return /\b[0-9A-Z]{4}-[0-9A-Z]{4}\b/.exec(text)?.[0];
}

interface Case {
  readonly name: string;
  readonly kind: string;
  readonly error: string;
  readonly rule: string;
  readonly received?: string;
  readonly ask: () => Promise<Reply>;
}

const token = (form: Record<string, string>, by?: SeededClient) => world.token(form, by);
const grant = { grant_type: 'client_credentials' };

const cases: readonly Case[] = [
  {
    name: 'a redirect_uri that is not registered',
    kind: 'authorize',
    error: 'invalid_redirect_uri',
    rule: 'RFC 9700 section 2.1',
    received: 'https://app.example.com/other',
    ask: () =>
      world.ask(authorizeQuery(client, { redirect_uri: `https://app.example.com/other?x=${canary}` })),
  },
  {
    name: 'an unknown client',
    kind: 'authorize',
    error: 'invalid_client',
    rule: 'RFC 6749 section 5.2',
    ask: () => world.ask(authorizeQuery({ clientId: 'nobody' })),
  },
  {
    name: 'no PKCE',
    kind: 'authorize',
    error: 'invalid_request',
    rule: 'RFC 9700 section 2.1.1',
    ask: () =>
      world.ask(authorizeQuery(client, { code_challenge: undefined, code_challenge_method: undefined })),
  },
  {
    name: 'a parameter twice',
    kind: 'authorize',
    error: 'invalid_request',
    rule: 'RFC 6749 section 3.1',
    ask: () => world.ask(`${authorizeQuery(client)}&nonce=${canary}&nonce=${canary}`),
  },
  {
    name: 'a scope that nobody owns',
    kind: 'authorize',
    error: 'invalid_scope',
    rule: 'RFC 6749 section 3.3',
    received: 'scope="openid nonsense"',
    ask: () => world.ask(authorizeQuery(client, { scope: 'openid nonsense', state: canary })),
  },
  {
    name: 'an unknown resource',
    kind: 'authorize',
    error: 'invalid_target',
    rule: 'RFC 8707 section 2',
    ask: () => world.ask(authorizeQuery(client, { resource: 'https://unknown.example.com' })),
  },
  {
    name: 'nobody signed in',
    kind: 'authorize',
    error: 'login_required',
    rule: 'OpenID Connect Core section 3.1.2.6',
    ask: () => world.ask(authorizeQuery(client, { prompt: 'none', login_hint: canary })),
  },
  {
    name: 'a request object without a signature',
    kind: 'par',
    error: 'invalid_request_object',
    rule: 'RFC 9101 section 6.3',
    ask: () => {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const request = `${part({ alg: 'none' })}.${part({ client_id: client.clientId, nonce: canary })}.`;
      return world.ask('/oauth2/par', { form: { request }, client });
    },
  },
  {
    name: 'a pushed request that is not there',
    kind: 'authorize',
    error: 'invalid_request_uri',
    rule: 'RFC 9126 section 4',
    ask: () =>
      world.ask(authorizeQuery(client, { request_uri: `urn:ietf:params:oauth:request_uri:${canary}` })),
  },
  {
    name: 'a request that had to be pushed',
    kind: 'authorize',
    error: 'invalid_request',
    rule: 'RFC 9126 section 6',
    ask: () => world.ask(authorizeQuery(strict)),
  },
  {
    name: 'a token request without the proof that is asked for',
    kind: 'token',
    error: 'invalid_dpop_proof',
    rule: 'RFC 9449 section 5.2',
    ask: async () => {
      const code = await world.browser(bound).code('openid');
      return token({ ...redeemForm(code), client_id: bound.clientId });
    },
  },
  {
    name: 'a wrong secret',
    kind: 'token',
    error: 'invalid_client',
    rule: 'RFC 6749 section 5.2',
    ask: () => token(grant, { clientId: service.clientId, secret: canary }),
  },
  {
    name: 'an unknown code',
    kind: 'token',
    error: 'invalid_grant',
    rule: 'RFC 6749 section 5.2',
    ask: () => token(redeemForm({ code: canary, verifier: canary }), client),
  },
  {
    name: 'an unknown refresh token',
    kind: 'token',
    error: 'invalid_grant',
    rule: 'RFC 6749 section 5.2',
    ask: () => token({ grant_type: 'refresh_token', refresh_token: canary }, client),
  },
  {
    name: 'another verifier',
    kind: 'token',
    error: 'invalid_grant',
    rule: 'RFC 7636 section 4.6',
    ask: async () => {
      const { code } = await world.browser(client).code('openid');
      return token(redeemForm({ code, verifier: canary }), client);
    },
  },
  {
    name: 'another redirect_uri',
    kind: 'token',
    error: 'invalid_grant',
    rule: 'RFC 6749 section 4.1.3',
    ask: async () => {
      const code = await world.browser(client).code('openid');
      return token(redeemForm(code, 'https://app.example.com/other'), client);
    },
  },
  {
    name: 'a grant type that this client has not',
    kind: 'token',
    error: 'unauthorized_client',
    rule: 'RFC 6749 section 5.2',
    ask: () => token({ grant_type: 'refresh_token', refresh_token: canary }, service),
  },
  {
    name: 'an unknown grant type',
    kind: 'token',
    error: 'unsupported_grant_type',
    rule: 'RFC 6749 section 5.2',
    received: 'grant_type="password"',
    ask: () => token({ grant_type: 'password', password: canary, username: canary }, client),
  },
  {
    name: 'a dead access token',
    kind: 'userinfo',
    error: 'invalid_token',
    rule: 'RFC 6750 section 3.1',
    ask: () => world.ask('/oauth2/userinfo', { headers: bearer(canary) }),
  },
  {
    name: 'introspection with a wrong secret',
    kind: 'introspect',
    error: 'invalid_client',
    rule: 'RFC 6749 section 5.2',
    ask: () => world.introspect(canary, { ...service, secret: canary }),
  },
  {
    name: 'revocation without a token',
    kind: 'revoke',
    error: 'invalid_request',
    rule: 'RFC 6749 section 4.1.2.1',
    ask: () => world.ask('/oauth2/revoke', { form: { token_type_hint: 'access_token' }, client: service }),
  },
  {
    name: 'a logout to an unregistered address',
    kind: 'logout',
    error: 'invalid_request',
    rule: 'OpenID Connect RP-Initiated Logout section 3',
    ask: () =>
      world.ask(
        `/oauth2/logout?client_id=${client.clientId}&post_logout_redirect_uri=https://evil.com/&state=${canary}`,
      ),
  },
];

describe('refused, with a reference that tells why', () => {
  test.each(cases)('$name', async ({ kind, error, rule, received, ask }) => {
    const answer = await ask();
    const reference = referenceOf(answer);
    expect(reference, answer.text.slice(0, 500)).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    const told =
      answer.json.error ?? new URL(String(answer.headers.location ?? 'x:')).searchParams.get('error');
    if (told) expect(told).toBe(error);

    await world.rooms.refusals.flush();
    const found = await world.rooms.refusals.find(String(reference));
    expect(found).toMatchObject({ kind, error, rule, expected: expect.any(String), network: '127.0.0.1' });
    expect(found?.expected?.length).toBeGreaterThan(10);
    if (received) expect(found?.received).toContain(received);
    expect(JSON.stringify(found)).not.toContain(canary);
  });
});

test('a family that was ended says why', async () => {
  const { refresh_token } = await world.signIn(client, 'openid offline_access');
  await world.revoke(refresh_token, client);
  const { json } = await world.refresh(refresh_token, client);
  await world.rooms.refusals.flush();
  const found = await world.rooms.refusals.find(json.reference);
  expect(found?.received).toContain('revoked by client');
  expect(JSON.stringify(found)).not.toContain(refresh_token);
});

test('no refusal of the whole run holds a canary, in its row or in the audit trail', async () => {
  await world.rooms.refusals.flush();
  await world.rooms.audit.flush();
  const { db } = world.rooms.database;
  const kept = JSON.stringify([
    await db.selectFrom('refusals').selectAll().execute(),
    await db.selectFrom('audit_events').selectAll().execute(),
  ]);
  expect(kept.length).toBeGreaterThan(1_000);
  for (const secret of [canary, client.secret, service.secret, world.person.password]) {
    expect(kept).not.toContain(secret);
  }
});
