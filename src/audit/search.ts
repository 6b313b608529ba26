/** What is asked of the audit trail and what comes back. Times are milliseconds since the epoch. */
import type { Actor, AuditDetails, AuditType } from './catalogue.ts';

export interface AuditSearch {
  readonly accountId?: string | undefined;
  readonly clientId?: string | undefined;
  readonly type?: AuditType | undefined;
  /** Any of these. */
  readonly types?: readonly AuditType[] | undefined;
  /** Without token issuance and without answers given again, which are told by the families (sessions/timeline.ts). */
  readonly storyOnly?: boolean | undefined;
  /** Inclusive. */
  readonly from?: number | undefined;
  /** Exclusive. */
  readonly to?: number | undefined;
  /** `next` of the page before. */
  readonly after?: string | undefined;
  /** 1 to 200; 50 when absent. */
  readonly limit?: number | undefined;
}

export interface AuditRecord {
  readonly id: string;
  readonly at: number;
  readonly type: AuditType;
  readonly actor: Actor;
  readonly accountId?: string;
  readonly clientId?: string;
  readonly network?: string;
  readonly requestId?: string;
  readonly detail: AuditDetails[AuditType];
}

export interface AuditPage {
  readonly events: readonly AuditRecord[];
  /** Give it as `after` for older events; absent on the last page. */
  readonly next?: string;
}
