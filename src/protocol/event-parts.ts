/** What the listeners of the engine's events need. */
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Audit } from '../audit/audit.ts';
import type { Refusals } from '../audit/refusals.ts';
import type { Client } from '../clients/client.ts';
import type { Clock } from '../config/clock.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { FamilyIndex } from '../storage/family-index.ts';
import type { RegistrationParts } from './protocol-parts.ts';

export interface EventParts {
  readonly issuer: string;
  readonly audit: Audit;
  readonly refusals: Refusals;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly registrations: Pick<RegistrationParts, 'noteUse'>;
  /** The registered client behind the engine's object. */
  readonly clientOf: (engineClient: object | undefined) => Client | undefined;
  readonly networkOf: (ip: string) => string;
  readonly requestIdOf: (ctx: KoaContextWithOIDC) => string;
  /** A client failed to authenticate from this network. */
  readonly noteFailedClient: (network: string) => void;
  readonly families: Pick<FamilyIndex, 'note' | 'ask'>;
  readonly clock: Clock;
  readonly mayRecord: (network: string) => boolean;
}
