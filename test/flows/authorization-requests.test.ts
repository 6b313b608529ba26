/** What the authorization endpoint refuses, and how: RFC 6749 section 4.1, RFC 7636, RFC 9207, RFC 9700. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formsOf } from '../harness/agent.ts';
import { processorMs } from '../harness/cost.ts';
import { redirectUri, type SeededClient, seedClient, seedWebClient, signIn } from '../harness/seed.ts';
import { authorizeQuery, freshAgent, openWorld, payloadOf, type World } from './world.ts';

let world: World;
let web: SeededClient;
let spa: SeededClient;
let legacy: SeededClient;

beforeAll(async () => {
  world = await openWorld('full');
  web = await seedWebClient(world.rooms, { firstParty: true });
  spa = await seedClient(world.rooms, { name: 'Tab', type: 'spa', redirectUris: [redirectUri] });
  legacy = await seedWebClient(world.rooms, { legacyWithoutPkce: true, firstParty: true });
});
afterAll(() => world?.close());

/** Asks and reads the error that comes back to the client. */
async function refused(query: string) {
  const { status, headers, text } = await world.ask(query);
  expect(status, text).toBe(303);
  const location = new URL(String(headers.location));
  expect(location.origin + location.pathname).toBe(redirectUri);
  const answer = Object.fromEntries(location.searchParams);
  // R16 (RFC 9207 section 2): error responses name the issuer too.
  expect(answer).toMatchObject({ iss: world.issuer, state: 'the-state', reference: expect.any(String) });
  return answer;
}

describe('R7 a parameter that is sent twice (RFC 6749 section 3.1)', () => {
  test.each(['scope', 'code_challenge', 'response_type', 'nonce'])('%s: refused', async (name) => {
    const answer = await refused(`${authorizeQuery(web, { nonce: 'n' })}&${name}=other`);
    expect(answer.error).toBe('invalid_request');
  });

  test('state: refused, and neither of the two is sent back', async () => {
    const { headers } = await world.ask(`${authorizeQuery(web)}&state=other`);
    const { searchParams } = new URL(String(headers.location));
    expect(searchParams.get('error')).toBe('invalid_request');
    expect(searchParams.has('code')).toBe(false);
  });

  test('client_id or redirect_uri: never a redirect to the second one', async () => {
    const twice = await world.ask(`${authorizeQuery(web)}&client_id=${spa.clientId}`);
    expect([twice.status, twice.headers.location]).toEqual([400, undefined]);
    const uris = await world.ask(`${authorizeQuery(web)}&redirect_uri=https%3A%2F%2Fevil.com%2F`);
    expect(String(uris.headers.location ?? '')).not.toContain('evil.com');
    expect(uris.text).not.toContain('code=');
  });
});

describe('R11 response_mode', () => {
  test.each(['web_message', 'web_message.jwt', 'nonsense'])('%s: refused', async (mode) => {
    const answer = await refused(authorizeQuery(web, { response_mode: mode }));
    expect(answer.error).toBe('unsupported_response_mode');
  });

  test('form_post: our page, with a button, the fields and no inline script', async () => {
    const agent = freshAgent(world);
    const page = await agent.follow(
      await agent.get(authorizeQuery(web, { response_mode: 'form_post', state: '"><script>x</script>' })),
    );
    const posted = await signIn(agent, page, world.person);
    expect(posted.status).toBe(200);
    const [form] = formsOf(posted);
    expect(form).toMatchObject({
      action: redirectUri,
      fields: { code: expect.any(String), iss: world.issuer, state: '"><script>x</script>' },
    });
    expect(posted.text).toMatch(/<button\b/);
    expect(posted.text).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|<script>x/i);
    const policy = posted.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain(`form-action`);
    expect(policy).toContain(new URL(redirectUri).origin);
    expect(policy).not.toContain('unsafe-inline');
    expect(posted.headers.get('cache-control')).toContain('no-store');
  });
});

test.each(['token', 'id_token', 'id_token token', 'code token', 'code id_token', 'nonsense'])(
  'R12 response_type=%s: unsupported, no token in any URL',
  async (responseType) => {
    const { headers, status } = await world.ask(
      authorizeQuery(web, { response_type: responseType, nonce: 'n' }),
    );
    const location = String(headers.location);
    expect(status).toBe(303);
    expect(location).toMatch(/error=unsupported_response_type/);
    expect(location).not.toMatch(/access_token|id_token=/);
  },
);

test.each(['password', 'implicit', 'urn:ietf:params:oauth:grant-type:saml2-bearer', 'nonsense'])(
  'R12 grant_type=%s: unsupported',
  async (grantType) => {
    const { status, json } = await world.token(
      { grant_type: grantType, username: world.person.email, password: world.person.password },
      web,
    );
    expect([status, json.error]).toEqual([400, 'unsupported_grant_type']);
  },
);

describe('R13, R14 PKCE (RFC 9700 section 2.1.1)', () => {
  const without = { code_challenge: undefined, code_challenge_method: undefined };

  test('R13 without a challenge: refused for public and confidential clients alike', async () => {
    for (const client of [web, spa]) {
      expect((await refused(authorizeQuery(client, without))).error).toBe('invalid_request');
    }
  });

  test('R13 a confidential client that was registered as legacy may go without', async () => {
    expect((await world.ask(authorizeQuery(legacy, without))).headers.location).toMatch(/^\/interaction\//);
  });

  test.each([
    ['plain', 'plain'],
    ['no method, which means plain', undefined],
    ['an unknown method', 'S512'],
  ])('R14 %s: refused', async (_name, method) => {
    for (const client of [web, spa, legacy]) {
      const answer = await refused(authorizeQuery(client, { code_challenge_method: method }));
      expect(answer.error).toBe('invalid_request');
    }
  });

  test('R14 a method without a challenge, and a challenge that is no S256 digest: refused', async () => {
    for (const change of [{ code_challenge: undefined }, { code_challenge: 'short' }]) {
      expect((await refused(authorizeQuery(web, change))).error).toBe('invalid_request');
    }
  });
});

test('R15 no downgrade: a challenge needs its verifier, a verifier needs its challenge', async () => {
  const browser = world.browser(legacy);
  const with_ = await browser.code('openid');
  const { code_verifier: _, ...bare } = redeemable(with_.code, with_.verifier);
  const noVerifier = await world.token(bare, legacy);
  expect([noVerifier.status, noVerifier.json.error]).toEqual([400, 'invalid_grant']);

  const { headers } = await browser.agent
    .get(authorizeQuery(legacy, { code_challenge: undefined, code_challenge_method: undefined }))
    .then(({ location }) => ({ headers: new URL(String(location)).searchParams }));
  const unchallenged = await world.token(redeemable(headers.get('code') ?? '', with_.verifier), legacy);
  expect([unchallenged.status, unchallenged.json.error]).toEqual([400, 'invalid_grant']);
});

function redeemable(code: string, verifier: string): Record<string, string> {
  return { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri };
}

test('R16 success names the issuer, in the query as in the metadata and the ID token (RFC 9207)', async () => {
  const browser = world.browser(web);
  await browser.code('openid');
  const { location } = await browser.agent.get(authorizeQuery(web));
  expect(new URL(String(location)).searchParams.get('iss')).toBe(world.issuer);
  const metadata = JSON.parse((await world.ask('/.well-known/openid-configuration')).text);
  expect(metadata).toMatchObject({
    issuer: world.issuer,
    authorization_response_iss_parameter_supported: true,
  });
  const { id_token } = await world.signIn(web, 'openid');
  expect(payloadOf(id_token).iss).toBe(world.issuer);
});

describe('R21 giant and nested input', () => {
  const nested = `${'{"userinfo":'.repeat(5000)}{}${'}'.repeat(5000)}`;
  test.each([
    ['64 kB of state', () => ({ path: authorizeQuery(web, { state: 'x'.repeat(65_536) }) })],
    [
      '10,000 scopes',
      () => ({
        path: authorizeQuery(web, { scope: Array.from({ length: 10_000 }, (_, n) => `s${n}`).join(' ') }),
      }),
    ],
    ['claims 5,000 levels deep', () => ({ path: authorizeQuery(web, { claims: nested }) })],
    [
      '1 MB of cookies',
      () => ({ path: authorizeQuery(web), headers: { cookie: `a=${'x'.repeat(1_000_000)}` } }),
    ],
    [
      '10,000 parameters',
      () => ({
        path: `${authorizeQuery(web)}&${Array.from({ length: 4_000 }, (_, n) => `p${n}`).join('&')}`,
      }),
    ],
  ])('%s: refused at once', async (_name, make) => {
    const { path, ...o } = make();
    await expectQuick(async () => {
      const status = await world.ask(path, o).then(
        (answer) => answer.status,
        // The server may hang up on a header that is too large before the client has sent all of it.
        (error: NodeJS.ErrnoException) =>
          /ECONNRESET|EPIPE/.test(String(error.code)) ? 431 : Promise.reject(error),
      );
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    });
  });

  test('the same in a body of the authorization endpoint', async () => {
    for (const form of [
      { claims: nested },
      { state: 'x'.repeat(300_000) },
      { scope: 'openid '.repeat(20_000) },
    ]) {
      const query = new URLSearchParams(authorizeQuery(web).split('?')[1]);
      await expectQuick(async () => {
        const answer = await world.ask('/oauth2/authorize', {
          form: { ...Object.fromEntries(query), ...form },
        });
        const to = String(answer.headers.location ?? '');
        if (answer.status === 303) expect(to).toMatch(/error=invalid_(?:request|scope)/);
        else expect(Math.floor(answer.status / 100)).toBe(4);
      });
    }
  });
});

/** The best of three, in processor time: what is measured is the server, not what else this machine does. */
async function expectQuick(work: () => Promise<void>): Promise<void> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round += 1) {
    best = Math.min(best, await processorMs(work));
  }
  expect(best).toBeLessThan(100);
}
