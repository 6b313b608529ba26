/** D4: whatever the engine fetches by itself goes through the guarded client (guard of `fetch` in its configuration). */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generateKeyPair, SignJWT } from 'jose';
import Provider from 'oidc-provider';
import { expect, test } from 'vitest';
import { createOutbound } from '../../src/outbound/outbound.ts';
import { makeAuthority } from '../harness/certificates.ts';
import { startRemote } from '../harness/https-server.ts';

test('D4 the engine asks for a jwks_uri by the fetch that it is given, and reaches nothing inside', async () => {
  const authority = makeAuthority();
  const remote = await startRemote(authority.server(), (_req, res) => res.end('{"keys":[]}'));
  const open = createOutbound({ allow: [`localhost:${remote.port}`], caFile: authority.caFile });
  const shut = createOutbound({ allow: [] });
  const issuer = 'https://id.example.com';
  const { privateKey } = await generateKeyPair('ES256');
  const status = async (fetch: typeof globalThis.fetch): Promise<number> => {
    const engine = new Provider(issuer, {
      fetch: (url, options) => fetch(url, options),
      features: { clientCredentials: { enabled: true } },
      clientAuthMethods: ['private_key_jwt'],
      clients: [
        {
          client_id: 'service',
          token_endpoint_auth_method: 'private_key_jwt',
          jwks_uri: `${remote.origin}/keys`,
          grant_types: ['client_credentials'],
          redirect_uris: [],
          response_types: [],
        },
      ],
    });
    const server = createServer(engine.callback()).listen(0, '127.0.0.1');
    const assertion = await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer('service')
      .setSubject('service')
      .setAudience(issuer)
      .setExpirationTime('1m')
      .sign(privateKey);
    const answer = await globalThis.fetch(
      `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
      {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: assertion,
        }),
      },
    );
    server.closeAllConnections();
    server.close();
    return answer.status;
  };

  expect(await status(shut.fetch)).toBe(401);
  expect(remote.connections()).toBe(0);
  expect(await status(open.fetch)).toBe(401);
  expect(remote.asked).toEqual(['/keys']);
  await remote.close();
  authority.remove();
});
