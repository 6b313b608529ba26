/**
 * What is remembered of families, beside the token path: notes are gathered, one a family, and written in batches, so
 * that no token waits for them; what a crash loses (two seconds at most) is told as 'unknown' later and harms nothing else.
 * Questions why something presented is dead are answered after the batch that may hold the answer.
 */
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { EndReason } from './end-reasons.ts';
import {
  type FamilyNote,
  type FamilyRecord,
  findByTags,
  limitOf,
  listFamilies,
  recordOf,
  settleBegun,
  settleClients,
  writeNotes,
} from './family-rows.ts';
import { isId, tagOf } from './ids.ts';
import { sweepInRounds } from './sweep-rounds.ts';
import type { Database } from './tables.ts';
import type { FamilyTable } from './tables-storage.ts';

export interface FamilyIndex {
  /** Remembers a family's beginning or use with the next batch. */
  note(note: FamilyNote): void;
  /**
   * Why a code, refresh token or device code that was not found is dead. Told after the next batch; `undefined` when it
   * is unknown.
   */
  ask(presented: string, at: number, told: (gone: Gone | undefined) => void): void;
  list: (by: Parameters<typeof listFamilies>[1]) => Promise<FamilyRecord[]>;
  /**
   * Settles what is over: families past a limit, or ended by a fact that their row has not heard of. Bounded.
   * @returns those that have expired, for the audit
   */
  settle(trx: Kysely<Database>): Promise<FamilyRecord[]>;
  /** Forgets what is over for long; bounded. @returns how many */
  sweep(): Promise<number>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface Gone {
  readonly reason: EndReason;
  readonly family: FamilyRecord;
}

interface Needs {
  db: Kysely<Database>;
  clock: { now(): number };
  log: { warn(message: string, fields?: Record<string, unknown>): void };
  /** `lifetimes.familyHistory`: how long a family is remembered after its last limit. */
  keepSeconds: number;
  flushMs?: number;
}

interface Question {
  readonly tag: string;
  readonly at: number;
  readonly told: (gone: Gone | undefined) => void;
}

/** A second: a family that is refreshed all the time costs one update a second and process. */
const FLUSH_MS = 1_000;
/** 20,000 notes are about 10 MB; what does not fit while the database is away is told as unknown later. */
const MAX_NOTES = 20_000;
const MAX_QUESTIONS = 2_000;
const BATCH = 500;

export function createFamilyIndex({ db, clock, log, keepSeconds, flushMs = FLUSH_MS }: Needs): FamilyIndex {
  let notes = new Map<string, FamilyNote>();
  /** Of codes made since the batch before: most are redeemed before the next one, and then are one row with one write. */
  let young = new Map<string, FamilyNote>();
  let questions: Question[] = [];
  /** Begun with the batch before: an end that was under way then is committed by now. */
  let begunBefore: readonly string[] = [];
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let closed = false;

  function schedule(): void {
    if (timer || closed) return;
    timer = setTimeout(() => {
      timer = undefined;
      void enqueue(false);
    }, flushMs);
    timer.unref();
  }

  function add(note: FamilyNote): void {
    const before = notes.get(note.family) ?? young.get(note.family);
    if (!before && notes.size + young.size >= MAX_NOTES) return;
    young.delete(note.family);
    notes.set(note.family, before ? merged(before, note) : note);
  }

  /** @param whole with what is young too, as always when somebody asks */
  function enqueue(whole: boolean): Promise<void> {
    running = running.then(
      () => write(whole),
      () => write(whole),
    );
    return running;
  }

  async function write(whole: boolean): Promise<void> {
    const asked = questions;
    questions = [];
    const all = whole || asked.length > 0;
    const gathered = [...notes.values(), ...(all ? young.values() : [])];
    notes = all ? new Map() : young;
    young = new Map();
    if (notes.size > 0) schedule();
    const begunNow: string[] = [];
    try {
      while (gathered.length > 0) {
        const batch = gathered.slice(0, BATCH);
        // An end that was committed before the row was there found none to mark.
        const begun = await writeNotes(db, batch, keepSeconds * 1000);
        await settleBegun(db, begun);
        begunNow.push(...begun);
        gathered.splice(0, BATCH);
      }
      await settleBegun(db, begunBefore);
      begunBefore = begunNow;
      if (begunNow.length > 0) schedule();
      const found = await findByTags(db, [...new Set(asked.map(({ tag }) => tag))]);
      const byTag = new Map(found.map((one) => [one.tag, one]));
      for (const { tag, at, told } of asked) told(goneOf(byTag.get(tag), at));
    } catch (error) {
      // Kept for the next batch, as far as there is room; the questions get the answer that is always true.
      for (const note of gathered) add(note);
      // A row of theirs may be there already, and would be new to nobody when it is written again.
      const unsettled = gathered
        .filter((note) => note.refreshes === 0 || note.redeemedAt !== undefined)
        .map(({ family }) => tagOf(family));
      begunBefore = [...begunBefore, ...begunNow, ...unsettled].slice(-MAX_NOTES);
      for (const { told } of asked) told(undefined);
      log.warn('what families do is not noted yet', { fault: String(error) });
      schedule();
    }
  }

  return {
    note(note) {
      const isUsed = note.redeemedAt !== undefined || note.refreshes > 0;
      if (isUsed || notes.has(note.family)) add(note);
      else if (notes.size + young.size < MAX_NOTES) young.set(note.family, note);
      schedule();
    },
    ask(presented, at, told) {
      if (!isId(presented) || questions.length >= MAX_QUESTIONS) return told(undefined);
      questions.push({ tag: tagOf(presented), at, told });
      schedule();
    },
    list: (by) => listFamilies(db, by),
    async settle(trx) {
      const now = new Date(clock.now());
      await settleClients(trx, BATCH);
      const expired = await sql<FamilyTable>`
        update families set ended_at = least(idle_until, absolute_until), ended_by = 'system',
          ended_reason = case when idle_until < absolute_until then 'expired idle' else 'expired absolute' end
        where tag in (
          select tag from families where ended_at is null and idle_until <= ${now}
          order by idle_until limit ${BATCH} for update skip locked
        ) returning *`.execute(trx);
      return expired.rows.map(recordOf);
    },
    sweep: () =>
      sweepInRounds(async (rows) => {
        const { numAffectedRows = 0n } = await sql`
          delete from families where tag in (
            select tag from families where forget_at <= ${new Date(clock.now())}
            order by forget_at limit ${rows} for update skip locked
          )`.execute(db);
        return Number(numAffectedRows);
      }),
    flush: () => enqueue(true),
    async close() {
      closed = true;
      clearTimeout(timer);
      await enqueue(true);
    },
  };
}

/** Of two notes of one family. */
function merged(a: FamilyNote, b: FamilyNote): FamilyNote {
  return {
    ...b,
    redeemedAt: a.redeemedAt ?? b.redeemedAt,
    idleUntil: Math.max(a.idleUntil, b.idleUntil),
    refreshes: a.refreshes + b.refreshes,
    usedAt: b.usedAt ?? a.usedAt,
    network: b.network ?? a.network,
  };
}

/** Why something of that family was not there at that time. */
function goneOf(family: FamilyRecord | undefined, at: number): Gone | undefined {
  if (!family) return undefined;
  if (family.ended) return { reason: family.ended.reason, family };
  const limit = limitOf(family);
  if (at < limit.at) return { reason: 'unknown', family };
  return { reason: limit.rule === 'idle' ? 'expired idle' : 'expired absolute', family };
}
