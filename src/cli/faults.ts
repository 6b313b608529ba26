/** The outcomes of the rooms that are no success, in the words of the command line. */
import { type Failed, failed } from './command.ts';

/** The option that sets a member, where its name is not the member's own in kebab case. */
const optionNames: Readonly<Record<string, string>> = {
  clientId: '--id',
  redirectUris: '--redirect-uri',
  postLogoutRedirectUris: '--post-logout-redirect-uri',
  grantTypes: '--grant',
  scopes: '--scope',
  corsOrigins: '--cors-origin',
  authorizationTypes: '--authorization-type',
  jwks: '--jwks-file',
  defaultResource: '--resource',
  resources: '--resource',
  idTokenAlg: '--id-token-alg',
  requirePushedRequests: '--require-par',
  secondFactor: '--second-factor',
  requireSignedRequests: '--require-signed-request',
  dpopBoundTokens: '--dpop-bound',
  assertionIssuers: '--assertion-issuers-file',
  introspectionClientId: '--client',
  accessTokenTtlSeconds: '--token-ttl',
  permissions: '--permission',
  password: 'the password',
  providerId: '--id',
  clientSecret: '--client-secret-stdin',
  domains: '--domain',
  tenants: '--tenant',
  claims: '--map',
  trusted: '--trust-acr',
  authorization: '--authorization-endpoint',
  token: '--token-endpoint',
  userinfo: '--userinfo-endpoint',
  role: '--role',
};

type AnyFault = { readonly field: string } & ({ readonly fault: string } | { readonly message: string });

/** Every fault, one a line. */
export function faultsFound(what: string, faults: readonly AnyFault[], next?: string): Failed {
  const lines = faults.map((one) => {
    const name =
      optionNames[one.field] ?? `--${one.field.replace(/[A-Z]/g, (upper) => `-${upper.toLowerCase()}`)}`;
    return `${name} ${'fault' in one ? one.fault : one.message}`;
  });
  const message = lines.length === 1 ? `${what}: ${lines[0]}` : `${what}:\n  ${lines.join('\n  ')}`;
  return failed('invalid', message, next);
}

export function busy(retryAfterSeconds: number): Failed {
  return failed(
    'busy',
    'the queue of password hashes is full; nothing was changed',
    `try again in ${retryAfterSeconds} s`,
  );
}
