/** The room's entry: what an account has, adding and removing it, and verifying a code. */
import type { Mail } from '../mail/mail.ts';
import { sweepInRounds } from '../storage/sweep-rounds.ts';
import { type Authenticators, createAuthenticators, sealPlace } from './authenticators.ts';
import type { Authenticator, By } from './factor.ts';
import { createTell } from './factor-notices.ts';
import type { FactorParts } from './factor-parts.ts';
import {
  deleteExpiredPending,
  findRecoveryCodes,
  listAuthenticators,
  listSealed,
  replaceSealed,
} from './factor-store.ts';
import { createRecoveryCodes, type RecoveryCodes } from './recovery.ts';
import { createVerifyCode, type VerifyCode } from './verify-code.ts';

export interface HeldFactors {
  /** Oldest first. */
  readonly authenticators: readonly Authenticator[];
  readonly recoveryCodes?: { readonly left: number; readonly madeAt: number } | undefined;
}

export interface Factors extends Authenticators {
  held(accountId: string): Promise<HeldFactors>;
  hasAuthenticator(accountId: string): Promise<boolean>;
  /** Whether one is left. */
  hasRecoveryCode(accountId: string): Promise<boolean>;
  readonly verify: VerifyCode;
  readonly makeRecoveryCodes: RecoveryCodes['make'];
  readonly dropIdleRecoveryCodes: RecoveryCodes['dropIdle'];
  /** Every authenticator of the account, and with the last factor its recovery codes. @returns how many went */
  removeAll(accountId: string, by: By): Promise<number>;
  /** What "download my data" tells: never a secret or code. */
  export(accountId: string): Promise<unknown>;
  /** Deletes enrolments that nobody finished, in a bounded batch. */
  sweep(): Promise<number>;
  /** Seals every secret under the first master key, so that older ones can be taken off the list. */
  reseal(): Promise<void>;
}

const RESEAL_ROWS = 200;

export function createFactors({
  mail,
  ...rest
}: Omit<FactorParts, 'tell'> & { readonly mail: Pick<Mail, 'write'> }): Factors {
  const parts: FactorParts = { ...rest, tell: createTell(mail) };
  const { db, clock, sealing } = parts;
  const recovery = createRecoveryCodes(parts);
  const authenticators = createAuthenticators(parts, recovery);

  async function held(accountId: string): Promise<HeldFactors> {
    const [found, recoveryCodes] = await Promise.all([
      listAuthenticators(db, accountId),
      findRecoveryCodes(db, accountId),
    ]);
    return { authenticators: found.map(({ sealed, ...shown }) => shown), recoveryCodes };
  }

  return {
    ...authenticators,
    held,
    hasAuthenticator: async (accountId) => (await listAuthenticators(db, accountId)).length > 0,
    hasRecoveryCode: async (accountId) => ((await findRecoveryCodes(db, accountId))?.left ?? 0) > 0,
    verify: createVerifyCode(parts),
    makeRecoveryCodes: recovery.make,
    dropIdleRecoveryCodes: recovery.dropIdle,
    async removeAll(accountId, by) {
      let removed = 0;
      for (const { id } of await listAuthenticators(db, accountId)) {
        if ((await authenticators.remove(accountId, id, by)).kind === 'removed') removed += 1;
      }
      return removed;
    },
    async export(accountId) {
      const has = await held(accountId);
      const time = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString());
      return {
        authenticators: has.authenticators.map(({ name, addedAt, lastUsedAt }) => ({
          name,
          added_at: time(addedAt),
          last_used_at: time(lastUsedAt),
        })),
        recovery_codes: has.recoveryCodes && {
          left: has.recoveryCodes.left,
          made_at: time(has.recoveryCodes.madeAt),
        },
      };
    },
    sweep: () => sweepInRounds((rows) => deleteExpiredPending(db, clock.now(), rows)),
    async reseal() {
      for (let after = ''; ; ) {
        const rows = await listSealed(db, after, RESEAL_ROWS);
        for (const { id, sealed } of rows) {
          const place = sealPlace(id);
          await replaceSealed(db, id, sealed, sealing.seal(sealing.open(sealed, place), place));
        }
        const last = rows.at(-1);
        if (!last || rows.length < RESEAL_ROWS) return;
        after = last.id;
      }
    },
  };
}
