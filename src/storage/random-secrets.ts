/**
 * Secrets of the installation that must outlive the master key: random, made once for all processes, sealed at rest.
 * Newest first: the first one signs, the others are still accepted.
 */
import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Sealing } from './sealing.ts';
import type { Database } from './tables.ts';

export type InstanceSecretName =
  | 'cookie-keys'
  | 'pairwise-salt'
  | 'dpop-nonce'
  | 'device-cookie'
  | 'csrf'
  | 'mailed-codes'
  | 'passkeys'
  | 'recovery-codes'
  | 'proof-of-work';

export interface InstanceSecrets {
  /**
   * At least one, newest first: 32 random bytes each, base64url (43 characters). The first call of all processes
   * makes it. @throws StorageUnavailable; SealBroken when no master key of the list sealed it
   */
  get(name: InstanceSecretName): Promise<string[]>;
  /** Seals every row under the first master key, so that the older ones can be taken off the list. */
  reseal(): Promise<void>;
}

const SECRET_BYTES = 32;

export function createInstanceSecrets(o: {
  db: Kysely<Database>;
  sealing: Pick<Sealing, 'seal' | 'open'>;
}): InstanceSecrets {
  const { db, sealing } = o;
  const placeOf = (name: string, generation: number) => `instance-secret:${name}:${generation}`;

  async function read(name: InstanceSecretName): Promise<string[]> {
    const rows = await db
      .selectFrom('instance_secrets')
      .select(['generation', 'sealed'])
      .where('name', '=', name)
      .orderBy('generation', 'desc')
      .execute();
    return rows.map(({ generation, sealed }) => sealing.open(sealed, placeOf(name, generation)));
  }

  return {
    async reseal() {
      const rows = await db.selectFrom('instance_secrets').select(['name', 'generation', 'sealed']).execute();
      for (const { name, generation, sealed } of rows) {
        const place = placeOf(name, generation);
        await db
          .updateTable('instance_secrets')
          .set({ sealed: sealing.seal(sealing.open(sealed, place), place) })
          .where('name', '=', name)
          .where('generation', '=', generation)
          .execute();
      }
    },
    async get(name) {
      const found = await read(name);
      if (found.length > 0) return found;
      // Of several processes that start at once, one makes it; all read that one.
      const sealed = sealing.seal(randomBytes(SECRET_BYTES).toString('base64url'), placeOf(name, 1));
      await db
        .insertInto('instance_secrets')
        .values({ name, generation: 1, sealed })
        .onConflict((same) => same.columns(['name', 'generation']).doNothing())
        .execute();
      return read(name);
    },
  };
}
