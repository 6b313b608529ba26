/**
 * Tokens of other platforms as proof of who a client is (RFC 7523 section 3): of a Kubernetes service account, a GitHub
 * Actions job, a SPIFFE workload, or any OpenID Connect issuer. The client is bound to issuer and subject; nobody whom
 * it is not bound to is asked for keys.
 */
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors, type JWK, jwtVerify } from 'jose';
import type { Clock } from '../config/clock.ts';
import type { Outbound } from '../outbound/outbound.ts';
import type { Client, FederatedSubject } from './client.ts';
import { isBoundSubject } from './federated-rules.ts';
import { createRemoteDocuments, type RemoteDocuments } from './remote-documents.ts';
import { signatureAlgs } from './signature-algs.ts';

export type WorkloadOutcome =
  | { readonly kind: 'accepted'; readonly issuer: string; readonly subject: string }
  /** In words for the owner of the client. */
  | { readonly kind: 'refused'; readonly why: string };

export interface WorkloadTokens {
  verify(client: Pick<Client, 'federated'>, token: string): Promise<WorkloadOutcome>;
}

export interface WorkloadTokensOptions {
  /** Our own: the audience, where a binding names no other. */
  readonly issuer: string;
  readonly send: Outbound['send'];
  readonly clock: Clock;
  readonly keySets: RemoteDocuments<{ readonly keys: readonly JWK[] }>;
  /** True for one caller only until `expiresAt` (ms). */
  readonly claim: (scope: string, value: string, expiresAt: number) => Promise<boolean>;
}

const MAX_TOKEN = 16 * 1024;
// Platforms renew theirs within the hour (Kubernetes) or the minutes of a job; a day leaves room for slow ones.
const LONGEST_SECONDS = 86_400;
/** Clocks of other machines. */
const TOLERANCE_SECONDS = 15;
/** RFC 8725 section 3.11: another kind of token, an access token above all, is no proof of who asks. */
const types: ReadonlySet<unknown> = new Set([undefined, 'JWT', 'jwt', 'JOSE']);

class Refused extends Error {}
const refuse = (why: string): never => {
  throw new Refused(why);
};

export function createWorkloadTokens(options: WorkloadTokensOptions): WorkloadTokens {
  const { issuer: own, clock, keySets, claim } = options;
  const metadata = createRemoteDocuments({ send: options.send, clock, parse: readIssuerMetadata });

  async function verify(client: Pick<Client, 'federated'>, token: string): Promise<WorkloadOutcome> {
    if (token.length > MAX_TOKEN) refuse('it is too long');
    const { claims, header } = decoded(token);
    const { iss, sub } = claims;
    const ofIssuer = (client.federated ?? []).filter((one) =>
      iss === undefined ? namesTrustDomain(one) : one.issuer === iss,
    );
    if (ofIssuer.length === 0) refuse('its issuer is not one of this client’s');
    const binding = ofIssuer.find(({ subject }) => typeof sub === 'string' && isBoundSubject(subject, sub));
    if (!binding || sub === undefined) return refuse('its subject is not one of this client’s');
    if (!types.has(header.typ)) refuse('its typ names another kind of token');
    // RFC 7523bis section 4: who is meant beside us could pass it on.
    if (claims.aud !== undefined && [claims.aud].flat().length !== 1) refuse('it is for several audiences');

    const keys = await keysOf(binding, header.kid);
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: [...keys] }), {
      algorithms: signatureAlgs,
      ...(iss !== undefined && { issuer: binding.issuer }),
      subject: sub,
      audience: binding.audience ?? own,
      requiredClaims: ['exp'],
      clockTolerance: TOLERANCE_SECONDS,
      currentDate: new Date(clock.now()),
    });
    checkTimes(payload, clock.now() / 1000);
    const { jti, exp = 0 } = payload;
    if (jti !== undefined && !binding.reusable) {
      if (typeof jti !== 'string' || jti.length > 512) refuse('its jti is no text of at most 512 characters');
      const until = (exp + TOLERANCE_SECONDS) * 1000;
      if (!(await claim(`workload ${binding.issuer}`, jti, until))) refuse('it was used before');
    }
    return { kind: 'accepted', issuer: binding.issuer, subject: sub };
  }

  async function keysOf(
    { issuer, jwksUri }: FederatedSubject,
    kid: string | undefined,
  ): Promise<readonly JWK[]> {
    const from = jwksUri ?? (await findJwksUri(issuer));
    const outcome = await keySets.get(
      from,
      ({ keys }) => kid === undefined || keys.some((key) => key.kid === kid),
    );
    return outcome.kind === 'document'
      ? outcome.value.keys
      : refuse(`the keys of its issuer: ${outcome.why}`);
  }

  async function findJwksUri(issuer: string): Promise<string> {
    // OpenID Connect Discovery section 4.1.
    const outcome = await metadata.get(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
    if (outcome.kind === 'failed') return refuse(`the metadata of its issuer: ${outcome.why}`);
    // Section 4.3: the issuer names itself, or it is another one's document.
    if (outcome.value.issuer !== issuer) refuse('the metadata of its issuer is another one’s');
    return outcome.value.jwksUri;
  }

  return {
    async verify(client, token) {
      try {
        return await verify(client, token);
      } catch (fault) {
        if (fault instanceof Refused) return { kind: 'refused', why: fault.message };
        if (fault instanceof errors.JOSEError) return { kind: 'refused', why: wordsOf(fault) };
        throw fault;
      }
    },
  };
}

/**
 * JWT-SVID section 3: `iss` may be left out, since the trust domain in `sub` says whose keys sign. So only where the
 * binding names both, the trust domain and its key set.
 */
function namesTrustDomain({ subject, jwksUri }: FederatedSubject): boolean {
  return jwksUri !== undefined && /^spiffe:\/\/[^/*]+\//.test(subject);
}

function decoded(token: string) {
  try {
    return { claims: decodeJwt(token), header: decodeProtectedHeader(token) };
  } catch {
    return refuse('it is no JWT');
  }
}

function checkTimes(
  { exp = 0, iat }: { exp?: number | undefined; iat?: number | undefined },
  now: number,
): void {
  if (iat !== undefined && (typeof iat !== 'number' || iat > now + TOLERANCE_SECONDS)) {
    refuse('its iat lies in the future');
  }
  if (exp - Math.min(iat ?? now, now) > LONGEST_SECONDS)
    refuse(`it lives for longer than ${LONGEST_SECONDS} s`);
}

/** Without the values of its claims. */
function wordsOf(fault: errors.JOSEError): string {
  if (fault instanceof errors.JWTExpired) return 'it has expired';
  if (fault instanceof errors.JWTClaimValidationFailed) return `its ${fault.claim} is not as it must be`;
  if (fault instanceof errors.JOSEAlgNotAllowed) return 'its alg is not accepted';
  return 'it is not signed with a key of its issuer';
}

function readIssuerMetadata(
  json: unknown,
): { readonly issuer: string; readonly jwksUri: string } | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const { issuer, jwks_uri: jwksUri } = json as Readonly<Record<string, unknown>>;
  return typeof issuer === 'string' && typeof jwksUri === 'string' ? { issuer, jwksUri } : undefined;
}
