/**
 * What is said to a provider. The library checks the answer (RFC 6749, RFC 9207, OpenID Connect Core section 3.1.3.7):
 * state, iss, code, and of the ID token its signature, algorithm, iss, aud, azp, exp, iat and nonce. Every request leaves
 * through the guarded way out.
 */
import * as oidc from 'openid-client';
import type { Clock } from '../config/clock.ts';
import { OutboundFailed, OutboundRefused } from '../outbound/outbound-faults.ts';
import { createBreaker } from './breaker.ts';
import { type Claims, personOf, type UpstreamPerson } from './person.ts';
import type { Provider } from './provider.ts';

export type UpstreamFailure = {
  readonly kind: 'failed';
  /**
   * `cancelled`: the person did not go on there. `unreachable`: it does not answer. `tenant`: who came is of none that
   * may sign in. `refused`: anything else.
   */
  readonly reason: 'cancelled' | 'unreachable' | 'tenant' | 'refused';
  /** For the operator: names a check or an error code, never a value. */
  readonly detail: string;
};

/** What one attempt keeps secret until its answer comes. */
export interface Secrets {
  readonly state: string;
  readonly nonce: string;
  /** RFC 7636. */
  readonly verifier: string;
}

export interface UpstreamClient {
  authorizationUrl(
    provider: Provider,
    secret: string | undefined,
    asked: Secrets & { redirectUri: string; loginHint?: string | undefined; fresh: boolean },
  ): Promise<{ readonly kind: 'url'; readonly url: string } | UpstreamFailure>;
  /** @param answer the parameters that came to the redirect URI */
  redeem(
    provider: Provider,
    secret: string | undefined,
    answer: URLSearchParams,
    asked: Secrets & { redirectUri: string; fresh: boolean; startedAt: number },
  ): Promise<{ readonly kind: 'person'; readonly person: UpstreamPerson } | UpstreamFailure>;
}

/** A provider that moves an endpoint says so in its discovery document; ten minutes of the old one are a failed try. */
const DISCOVERY_MS = 600_000;
/** Seconds for one request: a person waits. */
const TIMEOUT_SECONDS = 5;
/** For everything that one step asks of a provider, one after the other: then the person is told. */
const DEADLINE_MS = 8_000;
/** Between their clock and ours, and the person's first step there. */
const FRESH_MS = 60_000;

export function createUpstreamClient(o: { fetch: typeof globalThis.fetch; clock: Clock }): UpstreamClient {
  const { clock } = o;
  const breaker = createBreaker<Provider>(o);
  const known = new WeakMap<Provider, { config: oidc.Configuration; at: number }>();
  const guarded: oidc.CustomFetch = (url, { method, headers, body, signal }) =>
    o.fetch(url, {
      method,
      headers,
      ...(body === undefined || body === null ? {} : { body: body as string | URLSearchParams }),
      ...(signal ? { signal } : {}),
    });

  async function configure(provider: Provider, secret: string | undefined): Promise<oidc.Configuration> {
    const found = known.get(provider);
    if (found && clock.now() - found.at < DISCOVERY_MS) return found.config;
    const { issuer, clientId, endpoints } = provider;
    const auth = authOf(provider, secret);
    let config: oidc.Configuration;
    if (endpoints) {
      const server = {
        issuer,
        authorization_endpoint: endpoints.authorization,
        token_endpoint: endpoints.token,
        userinfo_endpoint: endpoints.userinfo,
      };
      config = new oidc.Configuration(server, clientId, {}, auth);
      config[oidc.customFetch] = guarded;
    } else {
      config = await oidc.discovery(new URL(issuer), clientId, {}, auth, {
        [oidc.customFetch]: guarded,
        timeout: TIMEOUT_SECONDS,
      });
      // The channel to the token endpoint is trusted by the standard; the signature is looked at all the same.
      oidc.enableNonRepudiationChecks(config);
    }
    config.timeout = TIMEOUT_SECONDS;
    known.set(provider, { config, at: clock.now() });
    return config;
  }

  async function attempt<T extends { kind: string }>(
    provider: Provider,
    work: () => Promise<T>,
  ): Promise<T | UpstreamFailure> {
    const outcome = await Promise.race([work().catch(failureOf), tooLate()]);
    const lost = 'reason' in outcome && outcome.reason === 'unreachable';
    // An address is built from what is known already: it shows nothing but that discovery failed.
    if (lost || outcome.kind !== 'url') breaker.note(provider, !lost);
    return outcome;
  }

  async function asked(config: oidc.Configuration, token: string, url: string): Promise<unknown> {
    const headers = new Headers({ accept: 'application/json', 'user-agent': 'cardea' });
    const answer = await oidc.fetchProtectedResource(config, token, new URL(url), 'GET', null, headers);
    if (answer.status !== 200) throw new Unusable(`userinfo answered ${answer.status}`);
    return answer.json();
  }

  /** GitHub: the address that is primary, with whether it is verified. */
  async function primaryEmail(config: oidc.Configuration, token: string, url: string): Promise<Claims> {
    const list = await asked(config, token, url);
    const rows = Array.isArray(list) ? list.slice(0, 200).filter(isObject) : [];
    const primary = rows.find((row) => row.primary === true);
    return { email: primary?.email, email_verified: primary?.verified === true };
  }

  async function userinfoOf(
    provider: Provider,
    config: oidc.Configuration,
    token: string,
    idToken: oidc.IDToken | undefined,
  ): Promise<Claims> {
    if (provider.endpoints) {
      const { userinfo, emails } = provider.endpoints;
      const said = await asked(config, token, userinfo);
      if (!isObject(said)) throw new Unusable('userinfo is no object');
      return { ...said, ...(emails ? await primaryEmail(config, token, emails) : {}) };
    }
    // Asked for what the ID token leaves out, and only for the same person (Core section 5.3.2).
    const hasEmail = idToken?.[provider.claims.email ?? 'email'] !== undefined;
    if (!idToken || hasEmail || !config.serverMetadata().userinfo_endpoint) return {};
    return { ...(await oidc.fetchUserInfo(config, token, idToken.sub)) };
  }

  return {
    async authorizationUrl(provider, secret, { state, nonce, verifier, redirectUri, loginHint, fresh }) {
      if (breaker.isOpen(provider)) {
        return { kind: 'failed', reason: 'unreachable', detail: 'it did not answer some times in a row' };
      }
      return attempt(provider, async () => {
        const config = await configure(provider, secret);
        const url = oidc.buildAuthorizationUrl(config, {
          redirect_uri: redirectUri,
          scope: provider.scopes.join(' '),
          state,
          code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
          ...(provider.kind === 'oidc' && { nonce }),
          ...(provider.responseMode === 'form_post' && { response_mode: 'form_post' }),
          ...(loginHint !== undefined && { login_hint: loginHint }),
          // Core section 3.1.2.1: both, because either alone is ignored by some.
          ...(fresh && provider.kind === 'oidc' && { prompt: 'login', max_age: '0' }),
        });
        if (url.protocol !== 'https:') throw new Unusable('its authorization endpoint is not https');
        return { kind: 'url' as const, url: url.href };
      });
    },
    redeem: (provider, secret, answer, { state, nonce, verifier, redirectUri, fresh, startedAt }) =>
      // Always tried: whoever comes back from there has seen it answer.
      attempt(provider, async () => {
        const config = await configure(provider, secret);
        const tokens = await oidc.authorizationCodeGrant(config, new URL(`${redirectUri}?${answer}`), {
          expectedState: state,
          pkceCodeVerifier: verifier,
          ...(provider.kind === 'oidc' && { expectedNonce: nonce, idTokenExpected: true }),
        });
        const idToken = tokens.claims();
        if (provider.kind === 'oidc' && !idToken) throw new Unusable('there is no ID token');
        if (!isOfTenant(provider, idToken))
          throw new Unusable('its tenant is none that may sign in', 'tenant');
        // Those that do not say when somebody signed in there are believed to have asked (docs/upstream.md).
        const authTime = idToken?.auth_time;
        if (fresh && authTime !== undefined && authTime * 1000 < startedAt - FRESH_MS) {
          throw new Unusable('the sign-in there is older than this attempt');
        }
        const userinfo = await userinfoOf(provider, config, tokens.access_token, idToken);
        const person = personOf(provider, idToken?.iss ?? provider.issuer, idToken, userinfo);
        if (!person) throw new Unusable('it does not say who signed in');
        return { kind: 'person' as const, person };
      }),
  };
}

function authOf({ authMethod }: Provider, secret: string | undefined): oidc.ClientAuth {
  if (authMethod === 'none' || secret === undefined) return oidc.None();
  return authMethod === 'client_secret_post' ? oidc.ClientSecretPost(secret) : oidc.ClientSecretBasic(secret);
}

/** What the provider sent is well-formed, and not to be used. Leaves this file as a value. */
class Unusable extends Error {
  readonly reason: 'tenant' | 'refused';
  constructor(message: string, reason: 'tenant' | 'refused' = 'refused') {
    super(message);
    this.reason = reason;
  }
}

/** Without the claim it is of none: fails closed. */
function isOfTenant({ tenants = [] }: Provider, idToken: oidc.IDToken | undefined): boolean {
  return tenants.length === 0 || tenants.some((tenant) => tenant === idToken?.tid);
}

/** Timers do not keep the process alive, and what is still under way ends by its own limits. */
function tooLate(): Promise<UpstreamFailure> {
  return new Promise((resolve) => {
    AbortSignal.timeout(DEADLINE_MS).addEventListener('abort', () => {
      resolve({ kind: 'failed', reason: 'unreachable', detail: 'it took too long' });
    });
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function failureOf(error: unknown): UpstreamFailure {
  const failed = (reason: UpstreamFailure['reason'], detail: string): UpstreamFailure => ({
    kind: 'failed',
    reason,
    detail,
  });
  if (error instanceof Unusable) return failed(error.reason, error.message);
  if (error instanceof oidc.AuthorizationResponseError) {
    const code = knownError(error.error);
    return failed(code === 'access_denied' ? 'cancelled' : 'refused', `it answered ${code}`);
  }
  if (error instanceof oidc.ResponseBodyError) {
    return failed('refused', `its token endpoint answered ${knownError(error.error)}`);
  }
  const outbound = causeOf(
    error,
    (cause) => cause instanceof OutboundFailed || cause instanceof OutboundRefused,
  );
  if (outbound) return failed('unreachable', outbound.message);
  if (error instanceof oidc.ClientError || error instanceof oidc.WWWAuthenticateChallengeError) {
    return failed('refused', checkOf(error));
  }
  if (error instanceof SyntaxError) return failed('refused', 'its answer is not JSON');
  if (error instanceof TypeError && 'code' in error) return failed('refused', String(error.code));
  // What the platform's crypto throws at keys and signatures that are none.
  if (error instanceof DOMException) return failed('refused', error.name);
  throw error;
}

/** An error code of their own is told only when it looks like one (RFC 6749 section 4.1.2.1). */
function knownError(code: string): string {
  return /^[a-z_]{1,60}$/.test(code) ? code : 'an error that is none';
}

/** 'OAUTH_JWT_CLAIM_COMPARISON_FAILED (nonce)'. */
function checkOf(error: Error & { code?: string | undefined }): string {
  const named = causeOf(
    error,
    (cause) => 'cause' in cause && isObject(cause.cause) && 'claim' in cause.cause,
  );
  const claim = named && isObject(named.cause) ? named.cause.claim : undefined;
  const code = error.code ?? error.name;
  return typeof claim === 'string' ? `${code} (${claim})` : code;
}

function causeOf(error: unknown, fits: (cause: Error) => boolean): Error | undefined {
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth += 1) {
    if (fits(current)) return current;
    current = current.cause;
  }
  return undefined;
}
