/** RFC 7591 section 2, `jwks_uri`: keys that a client publishes, rotates and withdraws; D4 and D5 through this door. */
import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import * as oauth from 'oauth4webapi';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { makeAuthority } from '../harness/certificates.ts';
import { type RemoteServer, startRemote } from '../harness/https-server.ts';
import { until } from '../harness/ports.ts';
import { type SeededClient, seedApi, seedClient } from '../harness/seed.ts';
import { openWorld, type World } from './world.ts';

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const grant = { grant_type: 'client_credentials', scope: 'orders:read' };
const authority = makeAuthority();
let world: World;
let second: World;
let remote: RemoteServer;
let api: string;
let keys: JWK[] = [];

beforeAll(async () => {
  remote = await startRemote(authority.server(), (req, res) => {
    if (req.url?.startsWith('/dead')) return;
    if (req.url?.startsWith('/moved')) return void res.writeHead(302, { location: '/keys' }).end();
    res.writeHead(200, { 'cache-control': 'max-age=60' }).end(JSON.stringify({ keys }));
  });
  world = await openWorld('full', {
    CARDEA_OUTBOUND_ALLOW: `localhost:${remote.port}`,
    CARDEA_OUTBOUND_CA_FILE: authority.caFile,
  });
  second = await world.second();
  api = await seedApi(world.rooms);
});
afterAll(async () => {
  await world?.close();
  await remote?.close();
  authority.remove();
});

interface Key {
  readonly privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
  readonly jwk: JWK;
}
async function newKey(kid: string): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' } };
}
const service = (jwksUri: string): Promise<SeededClient> =>
  seedClient(world.rooms, {
    name: 'Signer',
    type: 'service',
    authMethod: 'private_key_jwt',
    jwksUri,
    resources: [api],
    scopes: ['orders:read'],
  });
async function present(client: SeededClient, key: Key, to = world, kid = key.jwk.kid) {
  const assertion = await new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', ...(kid ? { kid } : {}) })
    .setIssuer(client.clientId)
    .setSubject(client.clientId)
    .setAudience(world.issuer)
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(key.privateKey);
  return to.token({ ...grant, client_assertion_type: assertionType, client_assertion: assertion });
}
const asked = (path: string) => remote.asked.filter((one) => one === path).length;
let path = '';
beforeEach(() => {
  path = `/keys/${randomUUID()}`;
});

test('a client signs with a key that it publishes; the set is asked for once, by each process', async () => {
  const key = await newKey('k1');
  keys = [key.jwk];
  const client = await service(remote.origin + path);
  const answers = await Promise.all(Array.from({ length: 10 }, () => present(client, key)));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(asked(path)).toBe(1);
  expect((await present(client, key, second)).status).toBe(200);
  expect(asked(path)).toBe(2);
});

test('with oauth4webapi', async () => {
  const key = await newKey('k1');
  keys = [key.jwk];
  const client = await service(remote.origin + path);
  const insecure = { [oauth.allowInsecureRequests]: true };
  const issuer = new URL(world.issuer);
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
  const auth = oauth.PrivateKeyJwt({ key: key.privateKey, kid: 'k1' });
  const answer = await oauth.clientCredentialsGrantRequest(
    as,
    { client_id: client.clientId },
    auth,
    new URLSearchParams({ scope: 'orders:read' }),
    insecure,
  );
  const tokens = await oauth.processClientCredentialsResponse(as, { client_id: client.clientId }, answer);
  expect(tokens.access_token).toBeTruthy();
});

test('T12 an unknown kid makes us ask again, but strangers cannot make us ask often', async () => {
  const [old, next, strange] = [await newKey('old'), await newKey('next'), await newKey('strange')];
  keys = [old.jwk];
  const client = await service(remote.origin + path);
  expect((await present(client, old)).status).toBe(200);
  // Thirty strangers' kids within the pause: not one request.
  for (let n = 0; n < 30; n += 1) expect((await present(client, strange, world, `s${n}`)).status).toBe(401);
  expect(asked(path)).toBe(1);
  expect((await present(client, next)).status).toBe(401);
  keys = [old.jwk, next.jwk];
  const after = second;
  expect((await present(client, next, after)).status).toBe(200);
});

test('D4 a jwks_uri that leads inside, or is redirected: refused, and the refusal says so', async () => {
  const key = await newKey('k1');
  keys = [key.jwk];
  for (const uri of [
    'https://169.254.169.254/keys',
    `https://127.0.0.1:${remote.port}/keys`,
    `https://[::ffff:7f00:1]:${remote.port}/keys`,
    `${remote.origin}/moved`,
  ]) {
    const client = await service(uri);
    const { status, json } = await present(client, key);
    expect([status, json.error], uri).toEqual([401, 'invalid_client']);
    const recorded = await until('the refusal', async () => {
      const found = await world.rooms.refusals.find(json.reference);
      if (!found) throw new Error('not yet');
      return found;
    });
    expect(recorded.received, uri).toMatch(
      /jwks_uri of the client: (?:outbound request refused|it answered with status 302)/,
    );
  }
  expect(asked('/keys')).toBe(0);
});

test('D5 a dead jwks_uri keeps its own client waiting, and nobody else', async () => {
  const key = await newKey('k1');
  keys = [key.jwk];
  const [dead, alive] = [await service(`${remote.origin}/dead`), await service(remote.origin + path)];
  const waiting = Promise.all(Array.from({ length: 20 }, () => present(dead, key)));
  let isOver = false;
  const over = waiting.then((answers) => {
    isOver = true;
    return answers;
  });
  expect((await present(alive, key)).status).toBe(200);
  expect(isOver).toBe(false);
  for (const { status, json } of await over) expect([status, json.error]).toEqual([401, 'invalid_client']);
  // One request for all of them; and for a while none more.
  expect((await present(dead, key)).status).toBe(401);
  expect(asked('/dead')).toBe(1);
});
