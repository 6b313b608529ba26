/** What the parts of this room are made with, and what more than one of them says. */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import type { Database } from '../storage/tables.ts';
import type { Attempts } from './attempts.ts';
import type { ProviderDirectory } from './provider-directory.ts';
import type { UpstreamClient, UpstreamFailure } from './upstream-client.ts';
import type { UpstreamNeeds } from './upstream-needs.ts';

export interface ProviderButton {
  readonly id: string;
  readonly name: string;
}

/** Where somebody stands who came back. */
export type Standing =
  | { readonly kind: 'failed'; readonly provider: ProviderButton; readonly reason: UpstreamFailure['reason'] }
  /** Linked: signs in. */
  | { readonly kind: 'known'; readonly provider: ProviderButton }
  /** Proves that the address is theirs. Says nothing about whether there is an account. */
  | { readonly kind: 'prove'; readonly provider: ProviderButton; readonly email: string }
  | {
      readonly kind: 'join';
      readonly provider: ProviderButton;
      readonly email: string;
      readonly name: string;
    }
  /** No account, and none may be made. */
  | { readonly kind: 'closed'; readonly provider: ProviderButton; readonly email?: string };

export interface SignedIn {
  readonly kind: 'signed-in';
  readonly accountId: string;
  readonly amr: readonly string[];
  /** ms: from before the account was read. */
  readonly at: number;
}

export interface UpstreamParts {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly audit: Pick<Audit, 'append' | 'later'>;
  readonly issuer: string;
  readonly directory: ProviderDirectory;
  readonly client: UpstreamClient;
  readonly attempts: Attempts;
  readonly needs: UpstreamNeeds;
  /** For metrics. */
  readonly onOutcome: (outcome: 'signed-in' | 'linked' | 'joined' | 'failed') => void;
}
