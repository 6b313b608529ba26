/**
 * Assertions of a trusted issuer for access tokens (RFC 7523 section 2.1): a client that another system has told who a
 * person is gets a token of that person. Each one begins a family of its own, so that whatever ends the person's access
 * ends it; it lives as long as its token, and there is no refresh token (RFC 7521 section 4.1).
 */
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors as jose, jwtVerify } from 'jose';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import { ASSERTION_GRANT } from '../clients/client-types.ts';
import type { AssertionIssuer } from '../clients/grant-policy.ts';
import type { RemoteDocuments } from '../clients/remote-documents.ts';
import { signatureAlgs } from '../clients/signature-algs.ts';
import type { Clock } from '../config/clock.ts';
import type { Artifacts } from '../storage/artifacts.ts';
import type { PublishedKeys } from './client-keys.ts';
import type { GrantHandler } from './grant-handlers.ts';
import { stateOf } from './request-state.ts';

export const assertionParameters: readonly string[] = ['assertion', 'scope', 'resource'];

const MAX_LENGTH = 8_192;
/** RFC 7523 section 3 asks for a limited life; what is made for one request needs no five minutes. */
const LONGEST_SECONDS = 300;
const CLOCK_TOLERANCE_SECONDS = 15;
/** RFC 8725 section 3.11: another kind of token is no assertion. */
const types: ReadonlySet<unknown> = new Set([undefined, 'JWT', 'jwt', 'authorization-grant+jwt']);

export interface AssertionGrantParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly clientOf: (ctx: KoaContextWithOIDC) => Promise<Client>;
  readonly keySets: RemoteDocuments<PublishedKeys>;
  readonly artifacts: Pick<Artifacts, 'claim'>;
  /** The account with this id, or with this confirmed e-mail address; active ones only. */
  readonly findSubject: (kind: AssertionIssuer['subject'], subject: string) => Promise<string | undefined>;
}

/** @param clientCredentials the engine's own handler, which makes the token that is minted */
export function createAssertionGrant(
  parts: AssertionGrantParts,
  clientCredentials: GrantHandler,
): GrantHandler {
  const { clock, artifacts } = parts;

  return async function redeemAssertion(ctx) {
    const client = await parts.clientOf(ctx);
    const assertion: unknown = ctx.oidc.params?.assertion;
    if (typeof assertion !== 'string')
      throw new errors.InvalidRequest("missing required parameter(s) 'assertion'");
    if (assertion.length > MAX_LENGTH) refuse(`is longer than ${MAX_LENGTH} characters`);
    const trusted = issuerOf(client, assertion);
    const { jti, sub, exp } = await verified(trusted, assertion);

    // Before the account is read: what ends its access in between ends this family too (access-gate.ts).
    const bornAt = clock.now();
    const accountId = await parts.findSubject(trusted.subject, sub);
    if (accountId === undefined) refuse('speaks of nobody who may sign in here');

    const state = stateOf(ctx);
    state.birth = { signedInAt: bornAt, bornAt, begunAt: bornAt };
    const grant = new ctx.oidc.provider.Grant({ accountId, clientId: client.clientId });
    state.minted = { accountId, family: await grant.save(), grantType: ASSERTION_GRANT };
    await clientCredentials(ctx);
    lastAsLongAsItsToken(ctx);

    // Last of all, so that a mistake in the request uses nothing up; nothing has been stored or answered yet.
    const until = (exp + CLOCK_TOLERANCE_SECONDS) * 1000;
    if (!(await artifacts.claim(`assertion ${trusted.issuer}`, jti, until))) refuse('was used before');
  };

  async function verified(trusted: AssertionIssuer, assertion: string) {
    const keys = await keysOf(trusted, assertion);
    const { payload, protectedHeader } = await jwtVerify(assertion, createLocalJWKSet({ keys: [...keys] }), {
      issuer: trusted.issuer,
      algorithms: signatureAlgs,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(clock.now()),
      requiredClaims: ['exp', 'jti', 'sub', 'aud'],
    }).catch((error: unknown) => {
      if (error instanceof jose.JOSEError) return refuse(`does not hold: ${error.code}`);
      throw error;
    });
    const { aud, exp = 0, iat, jti, sub } = payload;
    // One audience, as one string: one for several servers could have been presented to another of them first.
    if (aud !== parts.issuer && aud !== `${parts.issuer}/oauth2/token`) {
      refuse('must have the issuer or the token endpoint as its aud, as one string');
    }
    const now = clock.now() / 1000;
    if (exp > now + LONGEST_SECONDS + CLOCK_TOLERANCE_SECONDS) {
      refuse(`must end within ${LONGEST_SECONDS} seconds`);
    }
    if (iat !== undefined && iat > now + CLOCK_TOLERANCE_SECONDS) refuse('must not come from the future');
    if (!types.has(protectedHeader.typ)) refuse('is of another kind by its typ');
    if (typeof jti !== 'string' || jti === '' || jti.length > 512)
      refuse('must have a jti of 1 to 512 characters');
    if (typeof sub !== 'string' || sub === '' || sub.length > 512)
      refuse('must have a sub of 1 to 512 characters');
    return { jti, sub, exp };
  }

  async function keysOf(
    { jwks, jwksUri }: AssertionIssuer,
    assertion: string,
  ): Promise<PublishedKeys['keys']> {
    if (jwksUri === undefined) return jwks?.keys ?? [];
    const { kid } = headerOf(assertion);
    const found = await parts.keySets.get(
      jwksUri,
      ({ keys }) => kid === undefined || keys.some((key) => key.kid === kid),
    );
    if (found.kind === 'document') return found.value.keys;
    return refuse(`cannot be checked: jwks_uri of its issuer: ${found.why}`);
  }
}

/** The issuer that it names, when this client trusts it: nothing of it is believed yet. */
function issuerOf(client: Client, assertion: string): AssertionIssuer {
  const { iss } = claimsOf(assertion);
  const found = client.assertionIssuers?.find(({ issuer }) => issuer === iss);
  return found ?? refuse('comes from an issuer that this client does not trust');
}

function claimsOf(assertion: string): { iss?: string } {
  try {
    return decodeJwt(assertion);
  } catch {
    return refuse('is not a JWT');
  }
}

function headerOf(assertion: string): { kid?: string } {
  try {
    const { kid } = decodeProtectedHeader(assertion);
    return kid === undefined ? {} : { kid };
  } catch {
    return refuse('is not a JWT');
  }
}

/** The family's row is of no use longer than that. */
function lastAsLongAsItsToken(ctx: KoaContextWithOIDC): void {
  const { expires_in: seconds } = ctx.body as { expires_in: number };
  for (const put of stateOf(ctx).unit?.puts ?? []) {
    if (put.kind === 'Grant') put.ttlSeconds = seconds + 60;
  }
}

/** RFC 7523 section 3.1. */
function refuse(why: string): never {
  throw new errors.InvalidGrant(`the assertion ${why}`);
}
