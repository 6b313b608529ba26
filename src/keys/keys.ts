/**
 * The signing keys of this installation, the same in every process. A process keeps the newest set in memory; a move
 * made by any process reaches all within the lease, and nobody restarts.
 */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Actor } from '../audit/catalogue.ts';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { Log } from '../observability/log.ts';
import type { Lease } from '../storage/changes.ts';
import type { Sealing } from '../storage/sealing.ts';
import type { Database } from '../storage/tables.ts';
import { createKeyMoves } from './key-moves.ts';
import { buildKeySet, fingerprintOf } from './key-set.ts';
import { dueAt, keyTimes } from './key-times.ts';
import { loadKeys, type StoredKey, withKeysLocked } from './keys-store.ts';
import type { KeyInfo, KeySet, SigningAlg } from './signing-key.ts';

export interface Keys {
  /** Makes ES256 and RS256 unless they are there, and loads the set. Safe in many processes at once. */
  ensureFirstKeys(): Promise<void>;
  /** Every key there ever was, by algorithm, newest first. */
  list(): Promise<readonly KeyInfo[]>;
  /**
   * Follows every signing key by a new one, which signs after the publishing time, or with `now` at once: the one that
   * is published already if there is one, since clients may know it. The old one goes on verifying what it signed.
   * @returns the list afterwards
   */
  rotate(options?: { now?: boolean | undefined; actor?: Actor | undefined }): Promise<readonly KeyInfo[]>;
  /**
   * Makes the first key of an algorithm, which signs at once: there is no older one that could until it is known, and
   * nobody has cached a JWKS to check this algorithm with.
   */
  ensureAlgorithm(alg: SigningAlg): Promise<void>;
  /**
   * Undefined while the set is the newest that this process was told of; else settles once it is. A load that failed is
   * tried again by this. @throws StorageUnavailable (the promise): what is in memory may no longer be signed with
   */
  refreshed(): Promise<void> | undefined;
  /** What to sign with now. @throws Error before `ensureFirstKeys` */
  current(): KeySet;
  /** Calls back with every set that differs from the one before. */
  onChange(listener: (keys: KeySet) => void): void;
  /** Moves what is due: one look at memory, and a transaction only when something is. @returns how many moved */
  tick(): Promise<number>;
  /** Seals the private parts again under the first master key, so that the old one can go. @returns how many */
  reseal(actor?: Actor): Promise<number>;
  /** Ticks by itself. */
  start(): void;
  close(): Promise<void>;
}

export interface KeysOptions {
  db: Kysely<Database>;
  sealing: Sealing;
  clock: Clock;
  audit: Audit;
  lease: Lease;
  lifetimes: Lifetimes;
  log: Log;
  /** 90 days: a year's four rotations keep the way worn in, and a stolen key useful for a season at most. */
  rotateAfterSeconds?: number;
}

const operator: Actor = { kind: 'operator' };
const firstAlgs: readonly SigningAlg[] = ['ES256', 'RS256'];
const MAX_PAUSE_MS = 60_000;
const MIN_PAUSE_MS = 1_000;

export function createKeys(options: KeysOptions): Keys {
  const { db, sealing, clock, audit, lease, lifetimes, log, rotateAfterSeconds = 90 * 86_400 } = options;
  const times = keyTimes(lifetimes, rotateAfterSeconds);
  const moves = createKeyMoves({ sealing, audit });
  const listeners: ((keys: KeySet) => void)[] = [];
  let stored: readonly StoredKey[] = [];
  let fingerprint = '';
  let set: KeySet | undefined;
  let reloading: Promise<void> | undefined;
  let stale = false;
  let timer: NodeJS.Timeout | undefined;
  let ticking: Promise<unknown> = Promise.resolve();
  let closed = false;

  async function loadOnce(): Promise<void> {
    const keys = await loadKeys(db);
    const next = fingerprintOf(keys);
    if (set === undefined || next !== fingerprint) {
      const built = buildKeySet(keys, sealing, (set?.version ?? 0) + 1);
      set = built;
      fingerprint = next;
      for (const listener of listeners) listener(built);
    }
    stored = keys;
  }

  /** One load at a time; whoever asks while one runs gets the one after it, which sees what is committed by now. */
  function reload(): Promise<void> {
    stale = true;
    reloading ??= (async () => {
      try {
        while (stale) {
          stale = false;
          await loadOnce();
        }
      } catch (error) {
        stale = true;
        throw error;
      } finally {
        reloading = undefined;
      }
    })();
    return reloading;
  }

  function reloadInBackground(): void {
    if (set === undefined || closed) return;
    reload()
      .then(reschedule)
      .catch((err: unknown) => log.error('the signing keys could not be read again', { err }));
  }

  lease.onChange((kind) => {
    if (kind === 'key') reloadInBackground();
  });
  lease.onReset(reloadInBackground);

  async function ensure(algs: readonly SigningAlg[], actor: Actor): Promise<void> {
    const signs = (keys: readonly KeyInfo[], alg: SigningAlg) =>
      keys.some((key) => key.alg === alg && key.state === 'signing');
    if (set === undefined) await reload();
    if (algs.every((alg) => signs(stored, alg))) return;
    await withKeysLocked(db, async (trx, keys) => {
      for (const alg of algs) {
        if (signs(keys, alg)) continue;
        const kid = await moves.make(trx, alg, 'signing', actor, clock.now());
        log.info('made a signing key', { kid, alg });
      }
    });
    await reload();
  }

  async function tick(): Promise<number> {
    const now = clock.now();
    const due = stored.some((key) => (dueAt(key, stored, times) ?? Number.POSITIVE_INFINITY) <= now);
    if (!due) return 0;
    const moved = await withKeysLocked(db, (trx, keys) => moves.moveDue(trx, keys, times, clock.now()));
    await reload();
    return moved;
  }

  function pause(): number {
    const next = Math.min(...stored.map((key) => dueAt(key, stored, times) ?? Number.POSITIVE_INFINITY));
    return Math.min(MAX_PAUSE_MS, Math.max(MIN_PAUSE_MS, next - clock.now()));
  }

  /** A key that another process published may be due before the pause that was chosen without it is over. */
  function reschedule(): void {
    if (timer !== undefined) schedule();
  }

  function schedule(): void {
    clearTimeout(timer);
    if (closed) return;
    timer = setTimeout(() => {
      ticking = tick()
        .catch((err: unknown) => log.warn('signing keys could not be moved and are tried again', { err }))
        .then(schedule);
    }, pause());
    timer.unref();
  }

  return {
    ensureFirstKeys: () => ensure(firstAlgs, { kind: 'system' }),
    ensureAlgorithm: (alg) => ensure([alg], { kind: 'system' }),
    list: async () => (await loadKeys(db)).map(({ publicJwk: _, sealedPrivate: __, ...info }) => info),
    async rotate({ now = false, actor = operator } = {}) {
      await withKeysLocked(db, async (trx, keys) => {
        const at = clock.now();
        for (const { alg } of keys.filter((key) => key.state === 'signing')) {
          const waiting = keys.find((key) => key.alg === alg && key.state === 'published');
          const kid = waiting?.kid ?? (await moves.make(trx, alg, 'published', actor, at));
          if (now) await moves.promote(trx, { kid, alg }, keys, actor, at);
        }
      });
      await reload();
      return stored.map(({ publicJwk: _, sealedPrivate: __, ...info }) => info);
    },
    refreshed: () => reloading ?? (stale ? reload() : undefined),
    current() {
      if (set === undefined)
        throw new Error('the signing keys are not loaded yet: call ensureFirstKeys first');
      return set;
    },
    onChange: (listener) => void listeners.push(listener),
    tick,
    reseal: (actor = operator) => withKeysLocked(db, (trx, keys) => moves.reseal(trx, keys, actor)),
    start() {
      if (timer === undefined) schedule();
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await ticking;
      await reloading;
    },
  };
}
