/**
 * Token exchange (RFC 8693): an API that holds a person's token gets one for the next API. The new token says no more
 * than the old one, lives no longer, and dies with the same family.
 */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import { EXCHANGE_GRANT } from '../clients/client-types.ts';
import type { ExchangeRule } from '../clients/grant-policy.ts';
import type { ResourceServer } from '../clients/resource-server.ts';
import type { Clock } from '../config/clock.ts';
import type { GrantHandler } from './grant-handlers.ts';
import { type ActClaim, actorsOf } from './minted-tokens.ts';
import { MAX_TOKEN_LENGTH, type PresentedToken, type ReadToken } from './presented-tokens.ts';
import { stateOf } from './request-state.ts';

export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';
/** A chain of five services behind one request is long; each link makes the token longer. */
const MAX_ACTORS = 5;

export const exchangeParameters: readonly string[] = [
  'subject_token',
  'subject_token_type',
  'actor_token',
  'actor_token_type',
  'requested_token_type',
  'audience',
  'resource',
  'scope',
];

export interface ExchangeParts {
  readonly clientOf: (ctx: KoaContextWithOIDC) => Promise<Client>;
  readonly byAudience: (audience: string) => Promise<ResourceServer | undefined>;
  readonly readToken: (token: string) => Promise<ReadToken>;
  /** What a client calls an account (OpenID Connect Core section 8). */
  readonly subjectOf: (client: Client, accountId: string) => string;
  readonly clock: Clock;
}

/** @param clientCredentials the engine's own handler, which makes the token that is minted */
export function createTokenExchange(parts: ExchangeParts, clientCredentials: GrantHandler): GrantHandler {
  return async function exchangeToken(ctx) {
    const client = await parts.clientOf(ctx);
    const params = (ctx.oidc.params ?? {}) as Record<string, unknown>;
    checkTypes(params);
    const rule = ruleFor(client, params);
    const subject = await read(ctx, parts, 'subject_token', params.subject_token);
    const { accountId, family } = subject;
    if (!accountId || !family) refuse('the subject_token speaks of no person');
    await checkPresenter(parts, client, subject);

    const actor = await actorOf(ctx, parts, client, rule, params);
    checkMayAct(subject, actor ?? { sub: client.clientId });
    const act = actor ? { ...actor, ...(subject.act ? { act: subject.act } : {}) } : subject.act;
    if (actorsOf(act) > MAX_ACTORS) refuse(`the chain of actors is longer than ${MAX_ACTORS}`);

    params.resource = rule.audience;
    params.scope = (await scopesFor(parts, client, rule, subject, params.scope)).join(' ') || undefined;
    stateOf(ctx).minted = {
      accountId,
      family,
      grantType: EXCHANGE_GRANT,
      secondsLeft: subject.expiresAt - parts.clock.now() / 1000,
      ...(act ? { act } : {}),
      claims: subject.level,
      subjectClientId: subject.clientId,
    };
    await clientCredentials(ctx);
    // RFC 8693 section 2.2.1.
    ctx.body = { ...(ctx.body as object), issued_token_type: ACCESS_TOKEN_TYPE };
  };
}

/** RFC 8693 section 2.1. ID tokens name no family that the new token could die with. */
function checkTypes(params: Record<string, unknown>): void {
  for (const name of ['subject_token', 'subject_token_type']) {
    if (typeof params[name] !== 'string') refuse(`missing required parameter(s) '${name}'`);
  }
  for (const name of ['subject_token_type', 'actor_token_type', 'requested_token_type']) {
    const type = params[name];
    if (type !== undefined && type !== ACCESS_TOKEN_TYPE) refuse(`${name} must be ${ACCESS_TOKEN_TYPE}`);
  }
  if ((params.actor_token === undefined) !== (params.actor_token_type === undefined)) {
    refuse('actor_token and actor_token_type come together');
  }
}

/** `resource` and `audience` both name one registered API. @throws InvalidTarget */
function ruleFor(client: Client, { resource, audience }: Record<string, unknown>): ExchangeRule {
  const rules = client.exchange ?? [];
  const named = new Set([resource, audience].flat().filter((one) => one !== undefined));
  if (named.size > 1) throw new errors.InvalidTarget('a token is for one API: name one');
  const [target = rules.length === 1 ? rules[0]?.audience : undefined] = named;
  if (target === undefined) throw new errors.InvalidTarget('say which API the token is for with resource');
  const rule = rules.find((one) => one.audience === target);
  if (!rule) throw new errors.InvalidTarget('this client may not exchange tokens for this resource');
  return rule;
}

async function read(
  ctx: KoaContextWithOIDC,
  { readToken }: ExchangeParts,
  name: string,
  value: unknown,
): Promise<PresentedToken> {
  const text = String(value);
  if (text.length > MAX_TOKEN_LENGTH) refuse(`${name} is longer than ${MAX_TOKEN_LENGTH} characters`);
  const found = await readToken(text);
  if (found.kind === 'token') return found.token;
  if (found.why) stateOf(ctx).endedBecause = found.why;
  return refuse(`${name} is not an access token of this server that is alive`);
}

/** Whoever could see what is in it may exchange it: its own client, and the API that it is for (RFC 7662 section 4). */
async function checkPresenter(parts: ExchangeParts, client: Client, subject: PresentedToken): Promise<void> {
  if (subject.clientId === client.clientId) return;
  const api = subject.audience === undefined ? undefined : await parts.byAudience(subject.audience);
  if (api?.introspectionClientId === client.clientId) return;
  refuse('the subject_token was issued to another client and is for another API');
}

/** Who acts, when the policy wants it named: the actor_token's subject, or this client. */
async function actorOf(
  ctx: KoaContextWithOIDC,
  parts: ExchangeParts,
  client: Client,
  { mode }: ExchangeRule,
  { actor_token: token }: Record<string, unknown>,
): Promise<ActClaim | undefined> {
  if (token === undefined) return mode === 'delegation' ? { sub: client.clientId } : undefined;
  if (mode === 'impersonation')
    refuse('this client may exchange for this resource without an actor_token only');
  const actor = await read(ctx, parts, 'actor_token', token);
  if (actor.clientId !== client.clientId) refuse('the actor_token was issued to another client');
  // Who acts for others already is no actor of its own.
  if (actor.act) refuse('the actor_token must be the actor’s own');
  return actor.accountId === undefined
    ? { sub: actor.clientId }
    : { sub: parts.subjectOf(client, actor.accountId), client_id: actor.clientId };
}

/** RFC 8693 section 4.4: when the token names who may act, nobody else may. */
function checkMayAct({ mayAct }: PresentedToken, actor: ActClaim): void {
  if (!mayAct) return;
  const fits = Object.entries(mayAct).every(
    ([name, value]) => (actor as unknown as Record<string, unknown>)[name] === value,
  );
  if (!fits) refuse('may_act of the subject_token names another party');
}

/** Never wider: what is asked, of what the subject token has, of what the API has and this client may have. */
async function scopesFor(
  { byAudience }: ExchangeParts,
  client: Client,
  { audience }: ExchangeRule,
  subject: PresentedToken,
  asked: unknown,
): Promise<readonly string[]> {
  const server = await byAudience(audience);
  if (!server) throw new errors.InvalidTarget('no API is registered for this resource');
  const allowed = server.scopes
    .map(({ name }) => name)
    .filter((name) => subject.scopes.includes(name))
    .filter((name) => client.scopes.length === 0 || client.scopes.includes(name));
  const wanted = String(asked ?? '')
    .split(' ')
    .filter(Boolean);
  const wider = wanted.find((name) => !allowed.includes(name));
  if (wider) throw new errors.InvalidScope('the subject_token does not allow this scope at this API', wider);
  return wanted.length > 0 ? wanted : allowed;
}

/** RFC 8693 section 2.2.2: whatever is wrong with a token is `invalid_request`. */
function refuse(why: string): never {
  throw new errors.InvalidRequest(why);
}
