/** What the protocol room is given by the wiring: the rooms below it as functions, never as imports of their makers. */

import type { Consents } from '../accounts/consents.ts';
import type { RecallConsent } from '../accounts/kept-consents.ts';
import type { ClientAccess, Standings } from '../accounts/standing.ts';
import type { Audit } from '../audit/audit.ts';
import type { AuditEventOf } from '../audit/catalogue.ts';
import type { Refusals } from '../audit/refusals.ts';
import type { Client } from '../clients/client.ts';
import type { Registrations } from '../clients/registrations.ts';
import type { RemoteDocuments } from '../clients/remote-documents.ts';
import type { ResourceServer } from '../clients/resource-server.ts';
import type { SubjectOf } from '../clients/subjects.ts';
import type { WorkloadTokens } from '../clients/workload-tokens.ts';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { RegistrationPolicy } from '../config/registration.ts';
import type { KeySet } from '../keys/signing-key.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Outbound } from '../outbound/outbound.ts';
import type { Artifacts } from '../storage/artifacts.ts';
import type { EndReason } from '../storage/end-reasons.ts';
import type { FamilyIndex } from '../storage/family-index.ts';
import type { ClientSession } from '../storage/logout-notices.ts';
import type { Sealing } from '../storage/sealing.ts';
import type { DeviceThrottle } from '../throttle/device-throttle.ts';
import type { RequestLimits } from '../throttle/request-limits.ts';
import type { CookieSignatures } from '../web/cookie-signatures.ts';
import type { EndingSession, SignOut } from './back-channel-logout.ts';
import type { PublishedKeys } from './client-keys.ts';
import type { EnginePages } from './engine-pages.ts';
import type { LevelParts } from './level-checks.ts';
import type { MutualTls } from './mutual-tls.ts';
import type { SessionNotes } from './session-notes.ts';

export interface RegistrationParts
  extends Pick<Registrations, 'register' | 'read' | 'replace' | 'remove' | 'noteUse'> {
  readonly policy: RegistrationPolicy;
  /** Whether a client may be named by the address of its metadata document. */
  readonly documents: boolean;
  /** Whether clients that registered themselves may ask for this API. */
  readonly opens: (audience: string) => boolean;
}

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
  readonly deviceThrottle: DeviceThrottle;
  readonly networkOf: (ip: string) => string;
  readonly requestIdOf: (ctx: { state: Record<string, unknown> }) => string;
  /** Throws StorageUnavailable when what this process knows of accounts and clients can no longer be trusted. */
  readonly ensureLease: () => Promise<void>;
  readonly standings: Standings;
  /** The active account with this id, or with this confirmed e-mail address. */
  readonly findSubject: (kind: 'id' | 'email', subject: string) => Promise<string | undefined>;
  readonly clientAccess: ClientAccess;
  readonly consents: Pick<Consents, 'find'>;
  readonly recallConsent: RecallConsent;
  readonly clients: {
    find(clientId: string): Promise<Client | undefined>;
    verifySecret(clientId: string, presented: string): Promise<boolean>;
    endedBefore(clientId: string): Promise<number>;
    /** Why `find` has none, for the record of the refusal alone: it may tell what an outbound request met. */
    whyAbsent(clientId: string): Promise<string | undefined>;
    readonly workloads: WorkloadTokens;
    /** What clients publish at their `jwks_uri`. */
    readonly keySets: RemoteDocuments<PublishedKeys>;
  };
  readonly resources: {
    byAudience(audience: string): Promise<ResourceServer | undefined>;
    all(): Promise<readonly ResourceServer[]>;
  };
  readonly registrations: RegistrationParts;
  readonly mutualTls?: MutualTls | undefined;
  readonly levels: LevelParts;
  /** The guarded client; the engine asks nothing and nobody by another way. */
  readonly outbound: Outbound;
  /** What an account is called at a client. */
  readonly subjectOf: SubjectOf;
  readonly keys: {
    current(): KeySet;
    onChange(listener: () => void): void;
    /** Undefined when there is nothing to wait for. */
    refreshed(): Promise<void> | undefined;
  };
  readonly cookieSignatures: CookieSignatures;
  readonly secrets: { readonly dpopNonceSecret: Buffer };
  readonly cookieNames: { readonly session: string; readonly interaction: string; readonly resume: string };
  readonly secureCookies: boolean;
  readonly pages: EnginePages;
  /** The languages that the pages have (BCP 47). */
  readonly uiLocales: readonly string[];
  /** People may make their own account: `prompt=create` leads there. */
  readonly signUp: boolean;
  /** Ends it durably. `theft`: what is recorded in the same transaction, and told to the account's holder. */
  readonly endFamily: (
    family: string,
    reason: EndReason,
    theft?: AuditEventOf<'token.replayed'>,
  ) => Promise<void>;
  /** What is remembered of families, beside the token path. */
  readonly families: Pick<FamilyIndex, 'note' | 'ask'>;
  /** Refused grants of one network that are recorded within a window. */
  readonly recordLimit: { readonly limit: number; readonly windowSeconds: number };
  readonly denyToken: (jti: string, family: string | undefined, expiresAt: number) => Promise<void>;
  /** Ends what must not outlive the session, and tells the clients; waits for that for a moment only. */
  readonly onSessionEnd: (session: EndingSession) => Promise<SignOut | undefined>;
  /** What people see of their sessions. */
  readonly sessionNotes: SessionNotes;
  readonly logout: {
    noteSession(session: ClientSession): Promise<void>;
    noticeClient(o: { clientId: string; accountId: string; sid: string }): Promise<void>;
  };
}
