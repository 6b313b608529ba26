/** Adding, rotating and deleting the secrets of a client. */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Actor, AuditContext } from '../audit/catalogue.ts';
import type { Clock } from '../config/clock.ts';
import { noteChange } from '../storage/changes.ts';
import type { Database } from '../storage/tables.ts';
import { type Client, type ClientSecretInfo, hasSecret } from './client.ts';
import { findClient } from './clients-store.ts';
import { newSecret } from './secrets.ts';
import {
  deleteExpiredSecrets,
  deleteSecrets,
  expireSecrets,
  insertSecret,
  listSecrets,
} from './secrets-store.ts';

export type SecretRotated =
  | {
      readonly kind: 'rotated';
      readonly client: Client;
      /** Given once. */
      readonly secret: string;
      readonly secretId: string;
      /** When the older ones stop working; milliseconds since the epoch. */
      readonly othersExpireAt: number;
    }
  | { readonly kind: 'absent' }
  /** It authenticates in another way. */
  | { readonly kind: 'no-secret' };

type From = Pick<AuditContext, 'network' | 'requestId'>;

export interface SecretKeeper {
  /** Makes a first secret within the caller's transaction. @returns its value, to be given out once */
  addSecret(trx: Kysely<Database>, clientId: string): Promise<string>;
  /**
   * Makes a new secret. The older ones go on for `overlapSeconds` (a day when absent; 0: they stop now), so that a
   * client with many machines changes over without a gap.
   */
  rotateSecret(
    clientId: string,
    options: { overlapSeconds?: number | undefined },
    actor: Actor,
    from?: From,
  ): Promise<SecretRotated>;
  /** Newest first, without values. */
  listSecrets(clientId: string): Promise<readonly ClientSecretInfo[]>;
  /** Ends one secret now. @returns false when there is none of this id */
  deleteSecret(clientId: string, secretId: string, actor: Actor, from?: From): Promise<boolean>;
  /** Deletes expired secrets of all clients, in one bounded batch. @returns how many */
  deleteExpiredSecrets(): Promise<number>;
}

const DEFAULT_OVERLAP_SECONDS = 86_400;
const MAX_OVERLAP_SECONDS = 90 * 86_400;
/** Each costs a comparison on the token path, and a forgotten one is a risk: the oldest beyond these go. */
const MAX_SECRETS = 5;
const SWEEP_ROWS = 1_000;

export function createSecretKeeper(o: { db: Kysely<Database>; clock: Clock; audit: Audit }): SecretKeeper {
  const { db, clock, audit } = o;

  async function add(trx: Kysely<Database>, clientId: string) {
    const { value, stored } = newSecret(clock.now());
    await insertSecret(trx, clientId, stored);
    return { value, secretId: stored.secretId };
  }

  return {
    addSecret: async (trx, clientId) => (await add(trx, clientId)).value,
    async rotateSecret(clientId, { overlapSeconds = DEFAULT_OVERLAP_SECONDS }, actor, from) {
      if (!Number.isInteger(overlapSeconds) || overlapSeconds < 0 || overlapSeconds > MAX_OVERLAP_SECONDS) {
        throw new RangeError(`overlapSeconds: a whole number from 0 to ${MAX_OVERLAP_SECONDS}`);
      }
      return db.transaction().execute(async (trx): Promise<SecretRotated> => {
        // The row's lock keeps two rotations from each leaving the other's secret without an end.
        const before = await findClient(trx, clientId, true);
        if (!before) return { kind: 'absent' };
        if (!hasSecret(before)) return { kind: 'no-secret' };
        const othersExpireAt = clock.now() + overlapSeconds * 1_000;
        await expireSecrets(trx, clientId, new Date(othersExpireAt));
        const superseded = (await listSecrets(trx, clientId)).slice(MAX_SECRETS - 1);
        await deleteSecrets(
          trx,
          clientId,
          superseded.map((secret) => secret.secretId),
        );
        const { value, secretId } = await add(trx, clientId);
        const detail = { secretId, othersExpireAt };
        await audit.append(trx, { type: 'client.secret-rotated', actor, ...from, clientId, detail });
        await noteChange(trx, 'client', clientId);
        const client = (await findClient(trx, clientId)) ?? before;
        return { kind: 'rotated', client, secret: value, secretId, othersExpireAt };
      });
    },
    listSecrets: (clientId) => listSecrets(db, clientId),
    deleteSecret: (clientId, secretId, actor, from) =>
      db.transaction().execute(async (trx) => {
        const secretIds = await deleteSecrets(trx, clientId, [secretId]);
        if (secretIds.length === 0) return false;
        await audit.append(trx, {
          type: 'client.secret-deleted',
          actor,
          ...from,
          clientId,
          detail: { secretIds },
        });
        await noteChange(trx, 'client', clientId);
        return true;
      }),
    deleteExpiredSecrets: () => deleteExpiredSecrets(db, new Date(clock.now()), SWEEP_ROWS),
  };
}
