/** What this room is built from; each of its files takes the parts that it names. */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import type { Sealing } from '../storage/sealing.ts';
import type { Database } from '../storage/tables.ts';
import type { SignInThrottle } from '../throttle/sign-in-throttle.ts';
import type { FactorAccount, FindAccount } from './factor.ts';
import type { Tell } from './factor-notices.ts';

export interface FactorParts {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly audit: Pick<Audit, 'append' | 'later'>;
  readonly sealing: Pick<Sealing, 'seal' | 'open'>;
  readonly throttle: Pick<SignInThrottle, 'check' | 'succeeded'>;
  readonly findAccount: FindAccount;
  /** Holds the account until the transaction ends, before its factors are held. Undefined: it is gone. */
  readonly lockAccount: (
    trx: Kysely<Database>,
    accountId: string,
  ) => Promise<{ readonly status: FactorAccount['status'] } | undefined>;
  /** Whether the account has a second factor of another room's (a passkey). */
  readonly hasOther: (db: Kysely<Database>, accountId: string) => Promise<boolean>;
  /** Newest first: the first one makes codes, all find them. */
  readonly recoverySecrets: readonly string[];
  /** What authenticator apps show above their codes. */
  readonly issuerName: string;
  readonly tell: Tell;
}
