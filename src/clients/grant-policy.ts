/** What the policies of a client are, by which it asks for tokens of a person who is not there (grant-policies.ts judges them). */
import type { JWK } from 'jose';

export type ExchangeMode = 'impersonation' | 'delegation' | 'both';

/** What one client may exchange tokens into. */
export interface ExchangeRule {
  /** The resource server that the new token is for. */
  readonly audience: string;
  /** Whether the new token names who acts (RFC 8693 section 1.1). `both`: when an actor_token is sent. */
  readonly mode: ExchangeMode;
}

/** An issuer whose assertions stand for people here. */
export interface AssertionIssuer {
  /** Its `iss`, compared to the character. */
  readonly issuer: string;
  /** What its `sub` is here: an account's id, or its confirmed e-mail address. */
  readonly subject: 'id' | 'email';
  readonly jwks?: { readonly keys: readonly JWK[] };
  readonly jwksUri?: string;
}

export interface GrantPolicies {
  readonly exchange?: readonly ExchangeRule[];
  /** The one client that may act with this client's tokens; they say so in `may_act` (RFC 8693 section 4.4). */
  readonly mayAct?: string;
  readonly assertionIssuers?: readonly AssertionIssuer[];
}
