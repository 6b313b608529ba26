/** Makes and moves keys. Each move writes the row, its audit event and the note for other processes together. */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Actor } from '../audit/catalogue.ts';
import { noteChange } from '../storage/changes.ts';
import type { Sealing } from '../storage/sealing.ts';
import type { Database } from '../storage/tables.ts';
import { makeKey } from './key-maker.ts';
import { sealedFor } from './key-set.ts';
import { dueAt, type KeyTimes } from './key-times.ts';
import { insertKey, promoteKey, removeKey, replaceSealed, type StoredKey } from './keys-store.ts';
import type { SigningAlg } from './signing-key.ts';

export interface KeyMoves {
  /** Makes a key for the algorithm. @returns its kid */
  make(
    trx: Kysely<Database>,
    alg: SigningAlg,
    state: 'published' | 'signing',
    actor: Actor,
    at: number,
  ): Promise<string>;
  /** Lets a published key sign; the one before it retires. */
  promote(
    trx: Kysely<Database>,
    key: Pick<StoredKey, 'kid' | 'alg'>,
    keys: readonly StoredKey[],
    actor: Actor,
    at: number,
  ): Promise<void>;
  /** Moves whatever is due. @returns how many moved */
  moveDue(trx: Kysely<Database>, keys: readonly StoredKey[], times: KeyTimes, at: number): Promise<number>;
  /** Seals every private part again, under the first master key. @returns how many */
  reseal(trx: Kysely<Database>, keys: readonly StoredKey[], actor: Actor): Promise<number>;
}

const system: Actor = { kind: 'system' };

export function createKeyMoves({ sealing, audit }: { sealing: Sealing; audit: Audit }): KeyMoves {
  const make: KeyMoves['make'] = async (trx, alg, state, actor, at) => {
    const { kid, publicJwk, privateJwk } = await makeKey(alg);
    const sealedPrivate = sealing.seal(JSON.stringify(privateJwk), sealedFor(kid));
    await insertKey(trx, { kid, alg, publicJwk, sealedPrivate, state, at: new Date(at) });
    await audit.append(trx, { type: 'key.created', actor, at, detail: { kid, alg, state } });
    await noteChange(trx, 'key', kid);
    return kid;
  };

  const promote: KeyMoves['promote'] = async (trx, { kid, alg }, keys, actor, at) => {
    const previousKid = keys.find((key) => key.alg === alg && key.state === 'signing')?.kid;
    await promoteKey(trx, kid, alg, new Date(at));
    await audit.append(trx, { type: 'key.rotated', actor, at, detail: { kid, alg, previousKid } });
    await noteChange(trx, 'key', kid);
  };

  async function remove(trx: Kysely<Database>, { kid, alg }: StoredKey, at: number): Promise<void> {
    await removeKey(trx, kid, new Date(at));
    await audit.append(trx, { type: 'key.removed', actor: system, at, detail: { kid, alg } });
    await noteChange(trx, 'key', kid);
  }

  return {
    make,
    promote,
    async moveDue(trx, keys, times, at) {
      const due = keys.filter((key) => (dueAt(key, keys, times) ?? Number.POSITIVE_INFINITY) <= at);
      for (const key of due) {
        if (key.state === 'published') await promote(trx, key, keys, system, at);
        else if (key.state === 'retired') await remove(trx, key, at);
        else await make(trx, key.alg, 'published', system, at);
      }
      return due.length;
    },
    async reseal(trx, keys, actor) {
      const sealed = keys.filter((key) => key.sealedPrivate !== undefined);
      for (const { kid, sealedPrivate = '' } of sealed) {
        await replaceSealed(
          trx,
          kid,
          sealing.seal(sealing.open(sealedPrivate, sealedFor(kid)), sealedFor(kid)),
        );
      }
      await audit.append(trx, { type: 'key.resealed', actor, detail: { count: sealed.length } });
      return sealed.length;
    },
  };
}
