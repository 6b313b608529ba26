/**
 * The yardstick: the engine alone, with its in-memory adapter, its own sign-in pages for development, no limits, no
 * log, no audit, and the client's secret in clear. What it must do for a request is what Cardea's engine must do too:
 * the same addresses, features, algorithms, grants and rotation.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import Provider, { type Configuration } from 'oidc-provider';
import { bareClients, resource } from './bare-scene.ts';

const port = Number(process.env.PORT);
const issuer = `http://localhost:${port}`;

const keys = [
  {
    ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
    alg: 'ES256',
  },
  {
    ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
    alg: 'RS256',
  },
].map((key) => ({ ...key, use: 'sig' })) as NonNullable<Configuration['jwks']>['keys'];

const engine = new Provider(issuer, {
  clients: bareClients,
  jwks: { keys },
  cookies: { keys: ['0123456789abcdef0123456789abcdef'] },
  scopes: ['openid', 'offline_access', 'profile', 'email'],
  claims: { openid: ['sub'], profile: ['name', 'updated_at'], email: ['email', 'email_verified'] },
  responseTypes: ['code'],
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  // Like Cardea's, its tokens ask for no session: two look-ups fewer.
  expiresWithSession: async () => false,
  ttl: {
    AccessToken: 900,
    AuthorizationCode: 60,
    ClientCredentials: 900,
    Grant: 1_209_600,
    IdToken: 3600,
    Interaction: 3600,
    RefreshToken: 1_209_600,
    Session: 1_209_600,
  },
  routes: {
    authorization: '/oauth2/authorize',
    token: '/oauth2/token',
    userinfo: '/oauth2/userinfo',
    jwks: '/oauth2/jwks',
    introspection: '/oauth2/introspect',
    revocation: '/oauth2/revoke',
    pushed_authorization_request: '/oauth2/par',
    device_authorization: '/oauth2/device_authorization',
  },
  findAccount: (_ctx, accountId) => ({
    accountId,
    claims: () => ({
      sub: accountId,
      name: 'Ada Lovelace',
      updated_at: 1_700_000_000,
      email: `${accountId}@example.com`,
      email_verified: true,
    }),
  }),
  features: {
    claimsParameter: { enabled: true },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => false },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        audience: resource,
        scope: 'orders:read orders:write',
        accessTokenFormat: 'jwt',
        accessTokenTTL: 900,
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});
engine.listen(port, '127.0.0.1');
// In order, so that a profile is written.
process.once('SIGTERM', () => process.exit());
