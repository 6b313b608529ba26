/** Why a request was refused, kept for seven days under the reference that the refused one was told. */
import type { Kysely } from 'kysely';
import type { Clock } from '../config/clock.ts';
import type { Log } from '../observability/log.ts';
import type { Database } from '../storage/tables.ts';
import { createBatch } from './batch.ts';
import { plainText } from './plain-text.ts';
import { canonicalReference, newReference, wasRecorded } from './reference.ts';
import type { LookedUp, Refusal, RefusalInput } from './refusal.ts';
import {
  deleteExpiredRefusals,
  deleteOldestRefusals,
  findRefusal,
  insertRefusals,
} from './refusals-store.ts';
import { createSampler } from './sampler.ts';

export interface Refusals {
  /** Gives the reference at once ('K7QF-2M9D'); the record follows in a batch, unless its network has had its share. */
  record(refusal: RefusalInput): string;
  /** By the reference as people type it: any case, with or without the dash. Absent once it has expired. */
  find(reference: string): Promise<Refusal | undefined>;
  /** The same, and why there is nothing when there is nothing. */
  look(reference: string): Promise<LookedUp>;
  flush(): Promise<void>;
  close(): Promise<void>;
  /** Deletes what has expired, and the oldest beyond the store's size, in bounded batches. @returns how many */
  sweep(): Promise<number>;
  /** Sweeps every ten minutes. */
  start(): void;
}

export interface RefusalsOptions {
  db: Kysely<Database>;
  clock: Clock;
  log: Log;
  /** How many one network may record within a window; `limits.refusalsPerNetwork`. */
  perNetwork: { limit: number; windowSeconds: number };
  /** `lifetimes.refusal`, seven days. */
  keepSeconds: number;
  flushMs?: number;
  /** Rows in the store: 100,000 of at most about 2 kB are 200 MB. */
  maxRows?: number;
}

const TEXT_LENGTH = 300;
const NAME_LENGTH = 128;
const SWEEP_MS = 600_000;
/** One delete holds locks for some 10 ms; ten in a row keep up with what all networks together may record. */
const SWEEP_ROWS = 1_000;
const SWEEP_ROUNDS = 10;

export function createRefusals(options: RefusalsOptions): Refusals {
  const { db, clock, log, perNetwork, keepSeconds, flushMs, maxRows = 100_000 } = options;
  const sampler = createSampler({ clock, ...perNetwork });
  const batch = createBatch<Refusal>({
    write: (refusals) => insertRefusals(db, refusals),
    name: 'refusals',
    log,
    max: 5_000,
    ...(flushMs !== undefined && { flushMs }),
  });
  let timer: NodeJS.Timeout | undefined;

  const short = (value: string | undefined, max: number) =>
    value === undefined ? undefined : plainText(value, max);

  async function sweep(): Promise<number> {
    let total = 0;
    for (let round = 0; round < SWEEP_ROUNDS; round++) {
      const expired = await deleteExpiredRefusals(db, clock.now(), SWEEP_ROWS);
      const beyond = expired < SWEEP_ROWS ? await deleteOldestRefusals(db, maxRows, SWEEP_ROWS) : 0;
      total += expired + beyond;
      if (expired < SWEEP_ROWS && beyond < SWEEP_ROWS) break;
    }
    return total;
  }

  async function look(typed: string): Promise<LookedUp> {
    const reference = canonicalReference(typed);
    if (reference === undefined) return { kind: 'malformed' };
    if (!wasRecorded(reference)) return { kind: 'sampled' };
    const waiting = batch.pending().find((refusal) => refusal.reference === reference);
    const refusal = waiting ?? (await findRefusal(db, reference));
    if (!refusal) return { kind: 'unknown' };
    if (refusal.expiresAt <= clock.now()) return { kind: 'expired', expiredAt: refusal.expiresAt };
    return { kind: 'found', refusal };
  }

  return {
    record(refusal) {
      const recorded = sampler.take(refusal.network);
      const reference = newReference(recorded);
      if (!recorded) return reference;
      const at = clock.now();
      batch.add({
        reference,
        at,
        expiresAt: at + keepSeconds * 1_000,
        kind: plainText(refusal.kind, NAME_LENGTH),
        rule: plainText(refusal.rule, NAME_LENGTH),
        error: plainText(refusal.error, NAME_LENGTH),
        expected: short(refusal.expected, TEXT_LENGTH),
        received: short(refusal.received, TEXT_LENGTH),
        description: short(refusal.description, TEXT_LENGTH),
        cause: short(refusal.cause, TEXT_LENGTH),
        sent: refusal.sent,
        clientId: short(refusal.clientId, NAME_LENGTH),
        accountId: short(refusal.accountId, NAME_LENGTH),
        network: plainText(refusal.network, NAME_LENGTH),
        requestId: short(refusal.requestId, NAME_LENGTH),
      });
      return reference;
    },
    async find(typed) {
      const found = await look(typed);
      return found.kind === 'found' ? found.refusal : undefined;
    },
    look,
    flush: batch.flush,
    async close() {
      clearInterval(timer);
      timer = undefined;
      await batch.close();
    },
    sweep,
    start() {
      if (timer) return;
      timer = setInterval(() => {
        sweep().catch((err: unknown) => log.warn('refusals: the sweep failed and is tried again', { err }));
      }, SWEEP_MS);
      timer.unref();
    },
  };
}
