/**
 * The protocol room: everything that touches the engine. It owns the engine's instance, what it is told and what it
 * stores; it does not own accounts, clients, consents, keys or pages, which arrive as functions.
 */
import type Koa from 'koa';
import type { Consents } from '../accounts/consents.ts';
import type { ClientAccess, Standings } from '../accounts/standing.ts';
import type { Audit } from '../audit/audit.ts';
import type { Refusals } from '../audit/refusals.ts';
import type { Client } from '../clients/client.ts';
import type { ResourceServer } from '../clients/resource-server.ts';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { KeySet } from '../keys/signing-key.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Artifacts } from '../storage/artifacts.ts';
import type { Sealing } from '../storage/sealing.ts';
import type { RequestLimits } from '../throttle/request-limits.ts';
import { createProtocolDoor } from './door.ts';
import type { EnginePages } from './engine-pages.ts';
import type { ConsentResult } from './grant-of-authorization.ts';
import { createInstanceBuilder } from './instance.ts';
import { createLiveEngine } from './live-engine.ts';
import { endSession, readSession, type SignedInSession } from './sessions-of-browser.ts';
import { findVisit, finishVisit, type SignInResult, type Visit, visitResults } from './visits.ts';

export interface ProtocolParts {
  readonly issuer: string;
  readonly lifetimes: Lifetimes;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly audit: Audit;
  readonly refusals: Refusals;
  readonly artifacts: Artifacts;
  readonly sealing: Sealing;
  readonly limits: RequestLimits;
  readonly networkOf: (ip: string) => string;
  readonly requestIdOf: (ctx: { state: Record<string, unknown> }) => string;
  /** Throws StorageUnavailable when what this process knows of accounts and clients can no longer be trusted. */
  readonly ensureLease: () => Promise<void>;
  readonly standings: Standings;
  readonly clientAccess: ClientAccess;
  readonly consents: Pick<Consents, 'find'>;
  readonly clients: {
    find(clientId: string): Promise<Client | undefined>;
    verifySecret(clientId: string, presented: string): Promise<boolean>;
    endedBefore(clientId: string): Promise<number>;
  };
  readonly resources: {
    byAudience(audience: string): Promise<ResourceServer | undefined>;
    all(): Promise<readonly ResourceServer[]>;
  };
  readonly keys: { current(): KeySet; onChange(listener: () => void): void };
  readonly secrets: { readonly cookieKeys: readonly string[]; readonly dpopNonceSecret: Buffer };
  readonly cookieNames: { readonly session: string; readonly interaction: string; readonly resume: string };
  readonly secureCookies: boolean;
  readonly pages: EnginePages;
  readonly endFamily: (family: string, reason: string) => Promise<void>;
  readonly denyToken: (jti: string, family: string | undefined, expiresAt: number) => Promise<void>;
  readonly onSessionEnd: (session: { uid: string; accountId?: string | undefined }) => Promise<void>;
}

export interface Protocol {
  /** `/oauth2/…` and `/.well-known/…`; calls the next door for anything else. */
  readonly middleware: Koa.Middleware;
  visit(ctx: Koa.Context, uid: string): Promise<Visit | undefined>;
  finishSignIn(ctx: Koa.Context, result: SignInResult): Promise<void>;
  finishConsent(ctx: Koa.Context, rejected: ConsentResult): Promise<void>;
  refuse(ctx: Koa.Context, error: string, description: string): Promise<void>;
  /** The single sign-on session of this browser. */
  session(ctx: Koa.Context): Promise<SignedInSession | undefined>;
  /** Ends that session and its families that are not offline. */
  signOut(ctx: Koa.Context): Promise<void>;
}

export function createProtocol(parts: ProtocolParts): Protocol {
  const live = createLiveEngine(createInstanceBuilder(parts));
  parts.keys.onChange(() => live.rebuild());
  const engine = () => live.current().engine;

  const scopesAt = async (audience: string): Promise<ReadonlySet<string>> =>
    new Set((await parts.resources.byAudience(audience))?.scopes.map(({ name }) => name));

  return {
    middleware: createProtocolDoor(parts, live),
    visit: (ctx, uid) => findVisit(engine(), ctx, uid, parts.clients.find, scopesAt),
    finishSignIn: (ctx, result) => finishVisit(engine(), ctx, visitResults.signedIn(result)),
    finishConsent: (ctx, rejected) => finishVisit(engine(), ctx, visitResults.consented(rejected)),
    refuse: (ctx, error, description) => finishVisit(engine(), ctx, visitResults.refused(error, description)),
    session: (ctx) => readSession(engine(), ctx),
    signOut: (ctx) => endSession(engine(), ctx, parts.cookieNames.session),
  };
}

export type { Visit } from './visits.ts';
