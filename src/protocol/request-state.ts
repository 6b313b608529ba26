/**
 * What one request gathers on its way through the engine: the unit of work, what was read ahead, why it was refused.
 * The engine keeps its Koa context in an AsyncLocalStorage, so adapters find this without being handed it.
 */
import Provider from 'oidc-provider';
import type { EndReason } from '../storage/end-reasons.ts';
import type { MintedToken } from './minted-tokens.ts';
import type { UnitOfWork } from './unit-of-work.ts';

/** The stored answer of a refresh token that was used before (storage/artifacts.ts, Found.answer). */
export interface StoredAnswer {
  readonly sealed: string;
  readonly binding: string;
  readonly until: number;
}

/** A JWT access token that was verified here and stands in for a stored token (jwt-access-tokens.ts). */
export interface VerifiedJwt {
  readonly handle: string;
  readonly kind: 'AccessToken' | 'ClientCredentials';
  readonly payload: Record<string, unknown>;
}

export interface RequestState {
  unit?: UnitOfWork;
  /** Grants that came along with a token in one trip, by id. */
  readonly grants: Map<string, Record<string, unknown>>;
  /** The family of each token or code that was found, by its id. */
  readonly familyOf: Map<string, string>;
  answer?: StoredAnswer;
  /** A token of another platform that was taken out of this request, and the ticket that stands for it. */
  workload?: { readonly ticket: string; readonly token: string };
  /** The digest of the client's certificate, where the engine has asked for it. */
  certificate?: string;
  jwt?: VerifiedJwt;
  /** The pushed authorization request (RFC 9126) that was found, as stored. */
  pushed?: Record<string, unknown>;
  /** The id of the request object (RFC 9101) of this request, until it is used up; `exp` in seconds. */
  requestObject?: { readonly jti: string; readonly exp: number };
  /** What a token is made of that the engine's client credentials handler makes for a person (minted-tokens.ts). */
  minted?: MintedToken;
  /** The payload of the device code that was found. */
  deviceCode?: Record<string, unknown>;
  /** What `verification_uri_complete` puts into the field. */
  prefilledUserCode?: string;
  /** Families that this request is ending: the engine asks once for each model, one act answers all. */
  readonly ending: Map<string, Promise<void>>;
  /** Why a token that was presented is dead, from its family's tombstone or the account's facts. */
  endedBecause?: EndReason;
  /** The first use of a code or refresh token that was presented again. */
  firstUse?: { readonly at: number; readonly from?: string | undefined };
  /** What a new family inherits (grant-of-authorization.ts). */
  birth?: {
    readonly signedInAt: number;
    /** What ends it is held against (access-gate.ts). */
    readonly bornAt: number;
    readonly begunAt: number;
    readonly begunIn?: string;
  };
  /** Nothing on file says that the person let this client use the APIs of this request, or know them at all. */
  unconsented?: boolean;
  /** When the person of this session signed in, in ms, as stored beside the session. */
  session?: { readonly accountId: string; readonly signedInAt: number };
  /** The sign-in of this request is written down already (session-notes.ts). */
  sessionNoted?: boolean;
  /** The session of this request was signed out while the request was under way. */
  sessionEnded?: boolean;
  /** Digests of the authorization details that the person has allowed this client; and of those that are to be asked. */
  consentedDetails?: ReadonlySet<string>;
  missingDetails?: readonly string[];
  /** A refresh that was answered with the stored answer of its first use. */
  replayed?: boolean;
  /** The reference under which this request's refusal is recorded. */
  reference?: string;
  /** Set when a store did not answer: the outer door turns whatever the engine made of it into 503. */
  unavailable?: { readonly retryAfterSeconds: number };
}

const key = Symbol('cardea request');

interface WithState {
  state: Record<string | symbol, unknown>;
}

/** The state of this Koa context, made at first sight. */
export function stateOf(ctx: WithState): RequestState {
  let state = ctx.state[key] as RequestState | undefined;
  if (!state) {
    state = { grants: new Map(), familyOf: new Map(), ending: new Map() };
    ctx.state[key] = state;
  }
  return state;
}

/** The state of the request that the engine is serving now; undefined outside of one. */
export function currentState(): RequestState | undefined {
  const ctx = Provider.ctx as WithState | undefined;
  return ctx && stateOf(ctx);
}
