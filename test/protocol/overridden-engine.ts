/** The bare engine, and one with our overrides of which every call is watched; both answer over HTTP. */
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider, { type ClientMetadata } from 'oidc-provider';
import { vi } from 'vitest';
import type { EndingSession } from '../../src/protocol/back-channel-logout.ts';
import type { EngineClients } from '../../src/protocol/engine-clients.ts';
import { overrideEngine } from '../../src/protocol/engine-overrides.ts';

export const issuer = 'https://id.example.com';
export const metadata: ClientMetadata = {
  client_id: 'service',
  client_secret: 'a placeholder',
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
};
const servers: Server[] = [];

export function bareEngine(): Provider {
  return new Provider(issuer, {
    clients: [metadata],
    features: {
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      introspection: { enabled: true },
      deviceFlow: { enabled: true },
    },
    pkce: { required: () => false },
  });
}

/** Our overrides on it, with everything that they call watched. */
export function overridden() {
  const engine = bareEngine();
  const Client = engine.Client as unknown as new (m: ClientMetadata) => InstanceType<Provider['Client']>;
  const client = new Client(metadata);
  const watched = {
    clients: {
      find: vi.fn(async () => client),
      clientOf: () => undefined,
      typeOf: () => 'service',
    } satisfies EngineClients,
    verifySecret: vi.fn(async (_clientId: string, presented: string) => presented === 'one of several'),
    claim: vi.fn(async (_scope: string, _value: string, _expiresAt: number) => true),
    onParams: vi.fn((_ctx: object, _params: Record<string, unknown>) => undefined),
    aliasOf: vi.fn((): string | undefined => undefined),
    beforeClientLookup: vi.fn(async () => undefined),
    pushedRequestSeconds: 90,
    onSessionEnd: vi.fn(async (_session: EndingSession) => undefined),
    onClientSignOut: vi.fn(async () => undefined),
  };
  const { tell } = overrideEngine(engine, watched);
  return { engine, client, tell, ...watched };
}

async function listen(engine: Provider): Promise<number> {
  const server = createServer(engine.callback());
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

export async function ask(engine: Provider, path: string, form?: Record<string, string>, headers = {}) {
  const port = await listen(engine);
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const outgoing = request(
      {
        port,
        path,
        host: '127.0.0.1',
        method: form ? 'POST' : 'GET',
        headers: {
          host: 'evil.com',
          ...(form ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
          ...headers,
        },
      },
      (incoming) => {
        let text = '';
        incoming.on('data', (chunk) => {
          text += chunk;
        });
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(form && new URLSearchParams(form).toString());
  });
}

export function closeServers(): void {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
}
