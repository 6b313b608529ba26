/** Recovery codes of an account: made and shown once, made anew (the old ones are void then), removed. */
import type { Kysely } from 'kysely';
import type { Database } from '../storage/tables.ts';
import type { By, FactorAccount } from './factor.ts';
import type { FactorParts } from './factor-parts.ts';
import {
  findRecoveryCodes,
  holdFactors,
  holdPresentFactors,
  listAuthenticators,
  replaceRecoveryCodes,
} from './factor-store.ts';
import { digestOfRecoveryCode, generateRecoveryCodes, plainRecoveryCode } from './recovery-codes.ts';

export type Made =
  /** As they are shown; nobody can read them again. */
  | { readonly kind: 'made'; readonly codes: readonly string[] }
  /** There is no factor that they could stand in for. */
  | { readonly kind: 'no-factor' }
  | { readonly kind: 'absent' };

export interface RecoveryCodes {
  /** Voids what there was. */
  make(accountId: string, by: By): Promise<Made>;
  /** With the first factor, under `holdFactors`; undefined when the account has some. */
  makeFirst(trx: Kysely<Database>, account: FactorAccount, by: By): Promise<readonly string[] | undefined>;
  /**
   * After a factor of either room has gone: without any the codes stand in for nothing, and go. Whichever of two removals
   * at once holds the account's factors last sees that none is left.
   */
  dropIdle(trx: Kysely<Database>, accountId: string, by: By): Promise<void>;
}

export function createRecoveryCodes(
  parts: Pick<
    FactorParts,
    'db' | 'clock' | 'audit' | 'findAccount' | 'lockAccount' | 'hasOther' | 'recoverySecrets' | 'tell'
  >,
): RecoveryCodes {
  const { db, clock, audit, findAccount, recoverySecrets, tell } = parts;
  const [secret] = recoverySecrets;
  if (secret === undefined) throw new RangeError('recovery codes need a secret');

  async function replace(trx: Kysely<Database>, account: FactorAccount, by: By): Promise<readonly string[]> {
    const codes = generateRecoveryCodes();
    const digests = codes.map((code) =>
      digestOfRecoveryCode(secret ?? '', account.id, plainRecoveryCode(code) ?? ''),
    );
    const voided = await replaceRecoveryCodes(trx, account.id, digests, clock.now());
    const detail = { codes: codes.length, voided };
    await audit.append(trx, { type: 'recovery-codes.made', detail, accountId: account.id, ...by });
    return codes;
  }

  return {
    async make(accountId, by) {
      const account = await findAccount(accountId);
      if (account?.status !== 'active') return { kind: 'absent' };
      return db.transaction().execute(async (trx) => {
        const at = clock.now();
        await parts.lockAccount(trx, accountId);
        await holdFactors(trx, accountId, at);
        const held = await listAuthenticators(trx, accountId);
        if (held.length === 0 && !(await parts.hasOther(trx, accountId))) return { kind: 'no-factor' };
        const codes = await replace(trx, account, by);
        // Whatever is made within the same millisecond is told of once.
        await tell(trx, account, {
          kind: 'recovery-codes-made',
          key: `${accountId}:${at}`,
          at,
          by,
          data: {},
        });
        return { kind: 'made', codes };
      });
    },
    async makeFirst(trx, account, by) {
      // The mail about the factor that they come with is enough.
      return (await findRecoveryCodes(trx, account.id)) ? undefined : replace(trx, account, by);
    },
    async dropIdle(trx, accountId, by) {
      await holdPresentFactors(trx, accountId, clock.now());
      const held = await listAuthenticators(trx, accountId);
      if (held.length > 0 || (await parts.hasOther(trx, accountId))) return;
      if (!(await findRecoveryCodes(trx, accountId))) return;
      const voided = await replaceRecoveryCodes(trx, accountId, [], clock.now());
      await audit.append(trx, { type: 'recovery-codes.removed', detail: { voided }, accountId, ...by });
    },
  };
}
