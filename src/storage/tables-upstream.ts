/** Tables of the upstream room. Column names are snake_case; only that room's stores map them. */
import type { ColumnType, Generated } from 'kysely';

export interface UpstreamProviderTable {
  provider_id: string;
  name: string;
  enabled: Generated<boolean>;
  /** Everything that nothing is searched by: see upstream/provider.ts. */
  settings: ColumnType<Record<string, unknown>, string, string>;
  /** The client secret; null for a public client. */
  sealed_secret: string | null;
  created_at: Date;
  updated_at: Date;
}

/** Who an account is at another provider (OpenID Connect Core section 5.7: issuer and subject together). */
export interface UpstreamIdentityTable {
  provider_id: string;
  issuer: string;
  subject: string;
  account_id: string;
  /** As the provider said when it was linked; for people to recognise it by. */
  email: string | null;
  linked_at: Date;
  last_used_at: Date | null;
}

export type AttemptStage = 'sent' | 'answered' | 'redeeming' | 'settled';

/** One sign-in at another provider, from the redirect to what came of it. */
export interface UpstreamAttemptTable {
  /** SHA-256 of its `state`. */
  attempt_id: string;
  provider_id: string;
  /** SHA-256 of what this browser alone can show. */
  browser_digest: string;
  stage: AttemptStage;
  /** Under the state and, once it is settled, under the handle: the row alone opens nothing. */
  sealed: string;
  /** What a cross-site POST brought, under its handle. */
  sealed_answer: string | null;
  /** SHA-256 of what leads to the next stage. */
  handle_digest: string | null;
  expires_at: Date;
}

export interface UpstreamTables {
  upstream_providers: UpstreamProviderTable;
  upstream_identities: UpstreamIdentityTable;
  upstream_attempts: UpstreamAttemptTable;
}
