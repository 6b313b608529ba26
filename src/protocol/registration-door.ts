/**
 * Dynamic client registration (RFC 7591) and its management (RFC 7592). The engine has both, but writes clients of its
 * own making and refuses an API's scopes; here the clients room does the work, as for the command line.
 */
import type Koa from 'koa';
import type { Client, Fault } from '../clients/client.ts';
import { wireMetadata } from '../clients/registered-metadata.ts';
import type { RegistrationOutcome } from '../clients/registrations.ts';
import { OIDC_SCOPES, type ResourceServer } from '../clients/resource-server.ts';
import { readJson } from '../web/json-body.ts';
import { WebFault } from '../web/problem.ts';
import type { ProtocolParts } from './protocol-parts.ts';
import { ruleOf } from './refusal-rules.ts';

/** A client with ten keys and fifty redirect URIs has about 20 kB. */
const MAX_BYTES = 65_536;
const address = /^\/oauth2\/register(?:\/([A-Za-z0-9_-]{1,128}))?$/;
const methods = { collection: ['POST'], client: ['GET', 'PUT', 'DELETE'] } as const;

interface Failure {
  readonly status: number;
  readonly error: string;
  readonly description: string;
}

export function isRegistration(ctx: Koa.Context): boolean {
  return address.test(ctx.path);
}

/** Answers `/oauth2/register` and `/oauth2/register/:client_id`. */
export function createRegistrationDoor(
  parts: Pick<
    ProtocolParts,
    'issuer' | 'refusals' | 'metrics' | 'networkOf' | 'requestIdOf' | 'resources' | 'registrations'
  >,
): (ctx: Koa.Context) => Promise<void> {
  const { registrations, issuer, metrics } = parts;

  return async (ctx) => {
    // No cookie counts here, and apps that live in browsers register from any origin (Fetch Standard section 3.2).
    ctx.set('Access-Control-Allow-Origin', '*');
    ctx.set('Cross-Origin-Resource-Policy', 'cross-origin');
    ctx.set('Cache-Control', 'no-store');
    if (registrations.policy === 'closed') {
      return refuse(ctx, { status: 404, error: 'invalid_request', description: 'registration is closed' });
    }
    const clientId = address.exec(ctx.path)?.[1];
    const allowed: readonly string[] = clientId === undefined ? methods.collection : methods.client;
    if (ctx.method === 'OPTIONS') return preflight(ctx, allowed);
    if (!allowed.includes(ctx.method)) {
      ctx.set('Allow', allowed.join(', '));
      return refuse(ctx, { status: 405, error: 'invalid_request', description: 'use another method' });
    }
    try {
      await (clientId === undefined ? register(ctx) : manage(ctx, clientId));
    } catch (fault) {
      if (!(fault instanceof WebFault) || fault.status >= 500) throw fault;
      refuse(ctx, { status: fault.status, error: 'invalid_request', description: fault.message });
    }
  };

  async function register(ctx: Koa.Context): Promise<void> {
    const token = bearerToken(ctx);
    const metadata = await readJson(ctx, MAX_BYTES);
    await answer(ctx, await registrations.register(metadata, token, from(ctx)), 201);
  }

  async function manage(ctx: Koa.Context, clientId: string): Promise<void> {
    const token = bearerToken(ctx);
    if (ctx.method === 'PUT') {
      const metadata = await readJson(ctx, MAX_BYTES);
      return answer(ctx, await registrations.replace(clientId, token, metadata, from(ctx)), 200);
    }
    if (ctx.method === 'DELETE') {
      if (!(await registrations.remove(clientId, token, from(ctx)))) return refuse(ctx, noToken(ctx));
      metrics.count('cardea_registrations_total', { outcome: 'deleted' });
      ctx.status = 204;
      return;
    }
    const client = await registrations.read(clientId, token);
    if (!client || token === undefined) return refuse(ctx, noToken(ctx));
    ctx.body = await described(client, token);
  }

  async function answer(ctx: Koa.Context, outcome: RegistrationOutcome, status: number): Promise<void> {
    if (outcome.kind !== 'registered') return refuse(ctx, failureOf(ctx, outcome));
    metrics.count('cardea_registrations_total', { outcome: status === 201 ? 'registered' : 'updated' });
    ctx.status = status;
    ctx.body = {
      ...(await described(outcome.client, outcome.token)),
      ...(outcome.secret !== undefined && { client_secret: outcome.secret }),
    };
  }

  /** RFC 7591 section 3.2.1, RFC 7592 section 3. */
  async function described(client: Client, token: string): Promise<Record<string, unknown>> {
    return {
      ...wireMetadata(client),
      scope: scopesFor(client, await parts.resources.all()).join(' '),
      registration_client_uri: `${issuer}/oauth2/register/${client.clientId}`,
      registration_access_token: token,
    };
  }

  /** What it may ask for: the server decides that, whatever was sent (RFC 7591 section 2). */
  function scopesFor(client: Client, servers: readonly ResourceServer[]): readonly string[] {
    if (client.scopes.length > 0) return client.scopes;
    const open = servers.filter(({ audience }) => registrations.opens(audience));
    return [...new Set([...OIDC_SCOPES, ...open.flatMap((server) => server.scopes.map(({ name }) => name))])];
  }

  function from(ctx: Koa.Context) {
    return { network: parts.networkOf(ctx.ip), requestId: parts.requestIdOf(ctx) };
  }

  function refuse(ctx: Koa.Context, { status, error, description }: Failure): void {
    const { rule, expected } = ruleOf(error, description);
    const network = parts.networkOf(ctx.ip);
    const requestId = parts.requestIdOf(ctx);
    const received = `${ctx.method}: ${description}`;
    const reference = parts.refusals.record({
      kind: 'registration',
      rule,
      error,
      expected,
      received,
      network,
      requestId,
    });
    metrics.count('cardea_registrations_total', { outcome: 'refused' });
    metrics.count('cardea_refusals_total', { endpoint: 'registration', error });
    ctx.status = status;
    ctx.body = { error, error_description: description, reference };
  }

  /** RFC 6750 section 3. */
  function noToken(ctx: Koa.Context): Failure {
    ctx.set('WWW-Authenticate', `Bearer realm="${issuer}", error="invalid_token"`);
    return {
      status: 401,
      error: 'invalid_token',
      description: 'the token is missing, spent or not for this',
    };
  }

  function failureOf(
    ctx: Koa.Context,
    outcome: Exclude<RegistrationOutcome, { kind: 'registered' }>,
  ): Failure {
    if (outcome.kind === 'no-token') return noToken(ctx);
    if (outcome.kind === 'full') {
      const description = 'as many clients as this server takes have registered; ask its operator';
      return { status: 403, error: 'access_denied', description };
    }
    // RFC 7591 section 3.2.2.
    const uris = outcome.faults.some(({ field }) => field.endsWith('redirect_uris'));
    const error = uris ? 'invalid_redirect_uri' : 'invalid_client_metadata';
    return { status: 400, error, description: sentence(outcome.faults) };
  }
}

function preflight(ctx: Koa.Context, allowed: readonly string[]): void {
  ctx.set('Access-Control-Allow-Methods', allowed.join(', '));
  ctx.set('Access-Control-Allow-Headers', 'Authorization, Content-Type, MCP-Protocol-Version');
  ctx.set('Access-Control-Max-Age', '3600');
  ctx.status = 204;
}

/** RFC 6750 section 2.1. */
function bearerToken(ctx: Koa.Context): string | undefined {
  return /^Bearer ([A-Za-z0-9\-._~+/]+=*)$/i.exec(ctx.get('Authorization'))?.[1];
}

/** RFC 6749 section 5.2: printable ASCII without quotes and backslashes. */
function sentence(faults: readonly Fault[]): string {
  const all = faults.map(({ field, fault }) => `${field} ${fault}`.trim()).join('; ');
  return all
    .replaceAll('"', "'")
    .replaceAll('\\', '/')
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, 600);
}
