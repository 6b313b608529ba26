/**
 * The Model Context Protocol's own client signs a person in to a protected server: once it registers itself (RFC 7591),
 * once it is named by its metadata document. Everything on the way is found by discovery.
 */
import { createServer, type Server } from 'node:http';
import { auth, type OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeAuthority } from '../harness/certificates.ts';
import { type RemoteServer, startRemote } from '../harness/https-server.ts';
import { authorize, createAgent, seedApi } from '../harness/seed.ts';
import { openWorld, type World } from './world.ts';

const authority = makeAuthority();
const callback = 'http://127.0.0.1:43117/callback';
const metadata: OAuthClientMetadata = {
  client_name: 'Notebook Agent',
  redirect_uris: [callback],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
};
const documentPath = '/agent/client.json';

let world: World;
let site: RemoteServer;
let mcp: Server;
let serverUrl: string;

beforeAll(async () => {
  site = await startRemote(authority.server(), (req, res) => {
    if (req.url !== documentPath) return res.writeHead(404).end();
    res.writeHead(200, { 'content-type': 'application/json' });
    return res.end(JSON.stringify({ ...metadata, client_id: `${site.origin}${documentPath}` }));
  });
  mcp = createServer((req, res) => void serve(req.url ?? '', req.headers.authorization, res));
  await new Promise<void>((resolve) => mcp.listen(0, '127.0.0.1', resolve));
  const address = mcp.address();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  serverUrl = `http://127.0.0.1:${address.port}/mcp`;
  world = await openWorld('full', {
    CARDEA_REGISTRATION: 'open',
    CARDEA_REGISTRATION_RESOURCES: serverUrl,
    CARDEA_CLIENT_DOCUMENTS: 'on',
    CARDEA_OUTBOUND_ALLOW: `localhost:${site.port}`,
    CARDEA_OUTBOUND_CA_FILE: authority.caFile,
  });
  await seedApi(world.rooms, serverUrl, { name: 'Notebook', scopes: ['notes:read', 'notes:write'] });
});
afterAll(async () => {
  await world?.close();
  mcp?.close();
  await site?.close();
  authority.remove();
});

/** A protected resource (RFC 9728): its metadata, and one page for whoever has a token for it. */
async function serve(
  url: string,
  authorization: string | undefined,
  res: import('node:http').ServerResponse,
): Promise<void> {
  if (url.startsWith('/.well-known/oauth-protected-resource')) {
    res.writeHead(200, { 'content-type': 'application/json' });
    res.end(
      JSON.stringify({
        resource: serverUrl,
        authorization_servers: [world.issuer],
        scopes_supported: ['notes:read', 'offline_access'],
      }),
    );
    return;
  }
  const keys = createRemoteJWKSet(new URL(`${world.issuer}/oauth2/jwks`));
  const token = authorization?.replace(/^Bearer /, '') ?? '';
  const verified = await jwtVerify(token, keys, { issuer: world.issuer, audience: serverUrl }).catch(
    () => undefined,
  );
  res.writeHead(verified ? 200 : 401).end(JSON.stringify(verified?.payload ?? {}));
}

/** The SDK's provider as an app implements it; the browser is a person of ours. */
function createProvider(documentUrl?: string) {
  const kept: { client?: OAuthClientInformationMixed; tokens?: OAuthTokens; verifier?: string; at?: URL } =
    {};
  const provider: OAuthClientProvider = {
    redirectUrl: callback,
    clientMetadata: metadata,
    ...(documentUrl ? { clientMetadataUrl: documentUrl } : {}),
    clientInformation: () => kept.client,
    saveClientInformation: (client) => {
      kept.client = client;
    },
    tokens: () => kept.tokens,
    saveTokens: (tokens) => {
      kept.tokens = tokens;
    },
    saveCodeVerifier: (verifier) => {
      kept.verifier = verifier;
    },
    codeVerifier: () => kept.verifier ?? '',
    redirectToAuthorization: (url) => {
      kept.at = url;
    },
  };
  return { provider, kept };
}

const ask = async (tokens: OAuthTokens | undefined) => {
  const answer = await fetch(serverUrl, { headers: { authorization: `Bearer ${tokens?.access_token}` } });
  return { status: answer.status, payload: (await answer.json()) as Record<string, unknown> };
};

test.each([
  ['registers itself', () => undefined],
  ['is named by its metadata document', () => `${site.origin}${documentPath}`],
])('an agent that %s: discovery, consent, token for the server, refresh', async (_how, documentUrl) => {
  const { provider, kept } = createProvider(documentUrl());
  expect(await auth(provider, { serverUrl })).toBe('REDIRECT');
  expect(kept.at?.searchParams.get('resource')).toBe(serverUrl);
  if (documentUrl()) expect(kept.client?.client_id).toBe(documentUrl());
  else expect(kept.client?.client_id).toMatch(/^c_/);

  const agent = createAgent(world.issuer);
  const answer = await authorize(agent, kept.at?.href ?? '', world.person);
  expect(answer.href.startsWith(callback)).toBe(true);
  expect(answer.searchParams.get('iss')).toBe(world.issuer);
  const authorizationCode = answer.searchParams.get('code') ?? '';
  expect(await auth(provider, { serverUrl, authorizationCode })).toBe('AUTHORIZED');
  const first = await ask(kept.tokens);
  expect(first).toMatchObject({
    status: 200,
    payload: { aud: serverUrl, scope: 'notes:read', sub: world.person.id, client_id: kept.client?.client_id },
  });

  // With a refresh token the SDK renews by itself, without a person.
  expect(kept.tokens?.refresh_token).toBeTruthy();
  const before = kept.tokens?.access_token;
  expect(await auth(provider, { serverUrl })).toBe('AUTHORIZED');
  expect(kept.tokens?.access_token).not.toBe(before);
  expect((await ask(kept.tokens)).payload).toMatchObject({ aud: serverUrl, scope: 'notes:read' });

  // One row, which the operator ends.
  const id = kept.client?.client_id ?? '';
  expect((await world.rooms.clients.get(id)).registered).toBe(
    documentUrl() ? 'metadata-document' : 'dynamic',
  );
  await world.rooms.clients.disable(id, { kind: 'operator' });
  await world.rooms.lease.renew();
  const { refresh_token: refreshToken = '' } = kept.tokens ?? {};
  const ended = await world.refresh(refreshToken, { clientId: id, secret: '' }, { resource: serverUrl });
  expect(ended.status).toBe(401);
});
