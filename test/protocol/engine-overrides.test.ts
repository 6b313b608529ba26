/**
 * One guard for each line of src/protocol/engine-overrides.ts: that the bare engine still does what made the override
 * necessary, and that it still passes through the method that is overridden. An upgrade that moves the ground fails here.
 */
import { randomUUID } from 'node:crypto';
import { decodeJwt, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import Provider, { type ClientMetadata } from 'oidc-provider';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { buildEngine } from '../../src/protocol/engine.ts';
import { levels } from '../../src/protocol/levels.ts';
import { setPushedRequestLifetime } from '../../src/protocol/pushed-requests.ts';
import { isKind } from '../../src/storage/ids.ts';
import { ask, bareEngine, closeServers, issuer, metadata, overridden } from './overridden-engine.ts';

const grant = { grant_type: 'client_credentials' };
const basic = (secret: string) => ({
  authorization: `Basic ${Buffer.from(`service:${secret}`).toString('base64')}`,
});
let proofKey: { privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey']; jwk: JWK };

beforeAll(async () => {
  const pair = await generateKeyPair('ES256', { extractable: true });
  proofKey = { privateKey: pair.privateKey, jwk: await exportJWK(pair.publicKey) };
});
afterAll(closeServers);

describe('urlFor', () => {
  const path = '/.well-known/openid-configuration';
  test('the bare engine takes addresses from the Host header', async () => {
    expect(JSON.parse((await ask(bareEngine(), path)).text).token_endpoint).toContain('evil.com');
  });
  test('ours are at the origin of mutual TLS when the request came there', () => {
    const { engine, aliasOf } = overridden();
    const { urlFor } = engine.OIDCContext.prototype as unknown as {
      urlFor(this: object, name: string): string;
    };
    expect(urlFor.call({ ctx: {} }, 'token')).toBe(`${issuer}/token`);
    aliasOf.mockReturnValue('https://mtls.example.com:8443');
    expect(urlFor.call({ ctx: {} }, 'token')).toBe('https://mtls.example.com:8443/token');
  });
  test('ours come from the issuer', async () => {
    const document = JSON.parse((await ask(overridden().engine, path)).text);
    expect(document.token_endpoint).toBe(`${issuer}/token`);
  });
});

test('acr: the engine tells what the session says; ours tells the demanded level that it includes', () => {
  const [one, two, three] = levels;
  const told = ({ OIDCContext }: Provider, params: object) =>
    Reflect.get(OIDCContext.prototype, 'acr', { session: { acr: three }, params }) as unknown;
  const demanded = (...values: string[]) => ({
    claims: JSON.stringify({ id_token: { acr: { essential: true, values } } }),
  });
  expect(told(bareEngine(), demanded(two))).toBe(three);
  const { engine } = overridden();
  expect(told(engine, demanded(two))).toBe(two);
  expect(told(engine, demanded(one, two))).toBe(two);
  expect(told(engine, demanded(three, one))).toBe(three);
  expect(told(engine, demanded('urn:elsewhere'))).toBe(three);
  expect(told(engine, { acr_values: one })).toBe(three);
  expect(told(engine, {})).toBe(three);
});

test('audiences of client assertions: the engine takes three, ours is the issuer', () => {
  const audiences = ({ OIDCContext }: Provider) =>
    (
      OIDCContext.prototype as unknown as { clientJwtAuthExpectedAudience(this: object): Set<string> }
    ).clientJwtAuthExpectedAudience.call({ issuer, route: 'introspection', urlFor: (name: string) => name });
  expect([...audiences(bareEngine())]).toEqual([issuer, 'token', 'introspection']);
  expect([...audiences(overridden().engine)]).toEqual([issuer]);
});

test('parameters: the engine takes the client of an assertion from its sub; ours may take it out before', async () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const form = {
    ...grant,
    client_id: 'service',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: `${part({ alg: 'ES256' })}.${part({ sub: 'a workload' })}.x`,
  };
  expect((await ask(bareEngine(), '/token', form)).text).toContain('client_id mismatch');
  const { engine, onParams } = overridden();
  onParams.mockImplementation((_ctx, params) => {
    params.client_assertion = undefined;
    params.client_secret = 'one of several';
  });
  const answer = await ask(engine, '/token', form);
  expect(answer.status).toBe(200);
  expect(onParams).toHaveBeenCalledOnce();
});

test('Client.find is where every request looks its client up, and where JWTs get their stand-in', async () => {
  const { engine, clients, beforeClientLookup } = overridden();
  await ask(engine, '/token/introspection', { token: 'x' }, basic('one of several'));
  expect(beforeClientLookup).toHaveBeenCalled();
  expect(clients.find).toHaveBeenCalledWith('service');
  const [before, find] = [beforeClientLookup, clients.find].map(
    (spy) => spy.mock.invocationCallOrder[0] ?? 0,
  );
  expect(Number(before)).toBeLessThan(Number(find));
});

describe('compareClientSecret', () => {
  test('the bare engine compares with the placeholder', async () => {
    expect((await ask(bareEngine(), '/token', grant, basic('a placeholder'))).status).toBe(200);
  });
  test('it awaits ours, for HTTP Basic and for the body', async () => {
    const { engine, verifySecret } = overridden();
    expect((await ask(engine, '/token', grant, basic('a placeholder'))).status).toBe(401);
    expect((await ask(engine, '/token', grant, basic('one of several'))).status).toBe(200);
    expect(verifySecret).toHaveBeenCalledWith('service', 'one of several');
  });
});

test('ReplayDetection.unique is asked once for each DPoP proof, and its word counts', async () => {
  const { engine, claim } = overridden();
  const jti = randomUUID();
  const proof = await new SignJWT({ jti, htm: 'POST', htu: `${issuer}/token` })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: proofKey.jwk })
    .setIssuedAt()
    .sign(proofKey.privateKey);
  const headers = { ...basic('one of several'), dpop: proof };
  expect((await ask(engine, '/token', grant, headers)).status).toBe(200);
  expect(claim).toHaveBeenCalledTimes(1);
  const [scope, value, expiresAt] = claim.mock.calls[0] ?? [];
  expect([scope, value]).toEqual(['service', jti]);
  // Milliseconds, where the engine has seconds.
  expect(Number(expiresAt)).toBeGreaterThan(Date.now());
  expect(Number(expiresAt)).toBeLessThan(Date.now() + 3_600_000);
  claim.mockResolvedValueOnce(false);
  expect((await ask(engine, '/token', grant, headers)).status).toBe(400);
});

describe('pushed requests', () => {
  const form = { response_type: 'code', redirect_uri: 'https://app.example.com/cb', client_id: 'web' };
  const web: ClientMetadata = {
    ...form,
    client_id: 'web',
    client_secret: 's',
    redirect_uris: [form.redirect_uri],
  };
  const headers = { authorization: `Basic ${Buffer.from('web:s').toString('base64')}` };
  const par = async (engine: Provider) => JSON.parse((await ask(engine, '/request', form, headers)).text);
  const make = () => new Provider(issuer, { clients: [web], pkce: { required: () => false } });

  test('the bare engine keeps one for 60 seconds', async () => {
    expect((await par(make())).expires_in).toBe(60);
  });
  test('ours as long as is set, in the answer and in what is stored', async () => {
    const engine = make();
    setPushedRequestLifetime(engine, 200);
    const saved: { exp: number; request: string }[] = [];
    engine.on('pushed_authorization_request.saved', (one) => saved.push(one as never));
    expect((await par(engine)).expires_in).toBe(200);
    const ends = Date.now() / 1000 + 200;
    const [stored] = saved;
    expect(Math.abs(Number(stored?.exp) - ends)).toBeLessThan(60);
    expect(decodeJwt(stored?.request ?? '').exp).toBe(stored?.exp);
  });
});

describe('generateTokenId', () => {
  const kinds = [
    'AuthorizationCode',
    'AccessToken',
    'RefreshToken',
    'Grant',
    'ClientCredentials',
    'DeviceCode',
  ] as const;

  test.each(kinds)('%s has it, and saving calls it', async (kind) => {
    const bare = bareEngine()[kind] as unknown as { prototype: { generateTokenId?: unknown } };
    expect(typeof bare.prototype.generateTokenId).toBe('function');
    const { engine } = overridden();
    const Model = engine[kind] as unknown as new (
      p: object,
    ) => { save(ttl: number): Promise<string>; jti: string };
    const Grant = engine.Grant as unknown as new (p: object) => { save(ttl: number): Promise<string> };
    const grantId = await new Grant({ accountId: 'a', clientId: 'service' }).save(60);
    const model = new Model({
      clientId: 'service',
      accountId: 'a',
      grantId,
      client: await engine.Client.find('service'),
    });
    await model.save(60);
    expect(isKind(model.jti, kind)).toBe(true);
    // The family's tag: characters 1 to 13.
    if (kind !== 'Grant' && kind !== 'ClientCredentials') {
      expect(model.jti.slice(1, 13)).toBe(grantId.slice(1, 13));
    }
  });

  test('the engine’s own still settles the format of an access token', async () => {
    const { engine } = overridden();
    const Token = engine.AccessToken as unknown as new (
      p: object,
    ) => { save(ttl: number): Promise<string>; format?: string };
    const token = new Token({
      accountId: 'a',
      clientId: 'service',
      client: await engine.Client.find('service'),
    });
    await token.save(60);
    expect(token.format).toBe('opaque');
  });
});

test('the client credentials handler makes its token by engine.ClientCredentials: there ours may make another', async () => {
  const bare = bareEngine();
  const { ClientCredentials } = bare;
  const asked = vi.fn(() => ClientCredentials);
  Object.defineProperty(bare, 'ClientCredentials', { configurable: true, get: asked });
  asked.mockClear();
  expect((await ask(bare, '/token', grant, basic('a placeholder'))).status).toBe(200);
  expect(asked).toHaveBeenCalled();
  const { engine } = overridden();
  expect(engine.ClientCredentials).toBe(engine.ClientCredentials);
  expect((await ask(engine, '/token', grant, basic('one of several'))).status).toBe(200);
});

test('the engine still registers its own handlers where a subclass sees them', () => {
  const names: string[] = [];
  const features = { clientCredentials: { enabled: true }, deviceFlow: { enabled: true } };
  const configuration = { features, clients: [metadata] };
  buildEngine(issuer, configuration, {
    wrapGrant: (name, builtin) => {
      names.push(name);
      return builtin;
    },
    customGrants: (clientCredentials) => {
      expect(typeof clientCredentials).toBe('function');
      return [];
    },
    wrapResponseMode: (mode, builtin) => {
      names.push(mode);
      return builtin;
    },
  });
  expect(names).toEqual(
    expect.arrayContaining([
      'authorization_code',
      'refresh_token',
      'client_credentials',
      'urn:ietf:params:oauth:grant-type:device_code',
      'form_post',
      'query',
    ]),
  );
});

test('the bare engine strips offline_access from a request without prompt=consent: keepOfflineAccess puts it back', async () => {
  const web: ClientMetadata = {
    client_id: 'web',
    client_secret: 's',
    redirect_uris: ['https://app.example.com/cb'],
  };
  const engine = new Provider(issuer, { clients: [web], pkce: { required: () => false } });
  const seen: unknown[] = [];
  engine.on('interaction.started', (ctx) => seen.push(ctx.oidc.params?.scope));
  const query = 'client_id=web&response_type=code&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb';
  await ask(engine, `/auth?${query}&scope=openid%20offline_access`);
  expect(seen).toEqual(['openid']);
});
