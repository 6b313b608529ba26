/**
 * Another platform's token as client assertion. The engine takes the client's id from the assertion's `sub` and knows
 * only the client's own keys, so such a token is taken out of the request before the engine looks and a ticket for this
 * one request is put in the place of a secret; the secret comparison accepts it when the token has stood every check.
 */
import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import type { WorkloadTokens } from '../clients/workload-tokens.ts';
import type { Log } from '../observability/log.ts';
import { currentState, stateOf } from './request-state.ts';

const types: ReadonlySet<unknown> = new Set([
  'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  // draft-ietf-oauth-spiffe-client-auth section 3.1.
  'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe',
]);

export type Params = Record<string, unknown>;

/**
 * Called when the engine has gathered the parameters of a request. A request by two methods at once is left as it is:
 * the engine refuses it.
 */
export function takeWorkloadToken(ctx: KoaContextWithOIDC, params: Params): void {
  const { client_id: clientId, client_assertion: token, client_assertion_type: type } = params;
  if (typeof clientId !== 'string' || typeof token !== 'string' || !types.has(type)) return;
  if (params.client_secret || ctx.headers.authorization !== undefined) return;
  if (isOwn(token, clientId)) return;
  const ticket = randomUUID();
  stateOf(ctx).workload = { ticket, token };
  params.client_assertion = undefined;
  params.client_assertion_type = undefined;
  params.client_secret = ticket;
}

/** RFC 7523 section 3: a client that signs for itself is issuer and subject. */
function isOwn(token: string, clientId: string): boolean {
  try {
    const { iss, sub } = decodeJwt(token);
    return sub === clientId && (iss === clientId || iss === undefined);
  } catch {
    // No JWT: the engine says so.
    return true;
  }
}

export interface WorkloadIdentityParts {
  readonly workloads: WorkloadTokens;
  readonly find: (clientId: string) => Promise<Client | undefined>;
  readonly verifySecret: (clientId: string, presented: string) => Promise<boolean>;
  readonly log: Log;
}

/** The secret comparison, which takes a ticket too: of this request, and for a client that is bound to such tokens. */
export function createSecretComparison({ workloads, find, verifySecret, log }: WorkloadIdentityParts) {
  return async function compare(clientId: string, presented: string): Promise<boolean> {
    const handed = currentState()?.workload;
    const client = await find(clientId);
    const isFederated = client?.authMethod === 'federated_jwt';
    if (!handed) return !isFederated && verifySecret(clientId, presented);
    if (!isFederated || presented !== handed.ticket) {
      throw new errors.InvalidClientAuth('federated token: the client is bound to none');
    }
    const outcome = await workloads.verify(client, handed.token);
    if (outcome.kind === 'refused') throw new errors.InvalidClientAuth(`federated token: ${outcome.why}`);
    const { issuer, subject } = outcome;
    log.info('a workload authenticated', { clientId, workloadIssuer: issuer, workloadSubject: subject });
    return true;
  };
}
