/**
 * One sign-in at a provider, from the redirect there to what came of it. Everything of it is held here, sealed under
 * values that only the provider's answer or this browser bring back: the state leads once to the redemption, a handle once
 * to what follows. A row alone opens nothing, and without its browser neither value does.
 */
import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Clock } from '../config/clock.ts';
import { digest } from '../storage/digest.ts';
import type { Sealing } from '../storage/sealing.ts';
import { sweepInRounds } from '../storage/sweep-rounds.ts';
import type { Database } from '../storage/tables.ts';
import {
  deleteExpiredAttempts,
  findSettled,
  insertAttempt,
  keepAnswer,
  replaceSettled,
  settleAttempt,
  takeForRedeeming,
  takeSettled,
} from './attempts-store.ts';
import type { UpstreamPerson } from './person.ts';
import type { Secrets, UpstreamFailure } from './upstream-client.ts';

/** What it was begun for: an authorization that waits, or an account that is to get another way in. */
export type Purpose =
  | { readonly kind: 'sign-in'; readonly uid: string }
  | { readonly kind: 'link'; readonly accountId: string };

/** A sign-in that is on its way. */
export interface Sent extends Secrets {
  readonly providerId: string;
  readonly purpose: Purpose;
  /** The provider was asked to have the person sign in anew. */
  readonly fresh: boolean;
  /** ms */
  readonly startedAt: number;
}

/** How far somebody has come who is not known here by that provider. */
export interface Standing {
  /** A code that was mailed to the address has come back. */
  readonly emailProved: boolean;
  /** The account that the person has proved to be theirs: linked once the whole sign-in is done. */
  readonly linkTo?: string;
}

/** What came of it. */
export interface Settled {
  readonly providerId: string;
  readonly purpose: Purpose;
  /** ms: when the provider's answer was asked for. */
  readonly at: number;
  readonly outcome:
    | { readonly kind: 'person'; readonly person: UpstreamPerson; readonly standing: Standing }
    | { readonly kind: 'failed'; readonly reason: UpstreamFailure['reason'] };
}

/** Bound to a browser: `browser` is what only it can show (a form token of ours). */
export interface Held {
  readonly handle: string;
  readonly browser: string;
}

export interface Attempts {
  begin(o: { providerId: string; purpose: Purpose; fresh: boolean; browser: string }): Promise<Sent>;
  /** @returns the handle for the GET that follows; undefined when no such attempt waits */
  keep(providerId: string, answer: URLSearchParams): Promise<string | undefined>;
  /** Once: by the answer itself or by the handle of one that was kept. */
  take(
    providerId: string,
    browser: string,
    by: { answer: URLSearchParams } | { handle: string },
  ): Promise<{ sent: Sent; answer: URLSearchParams } | undefined>;
  /** @returns the handle that leads to it */
  settle(sent: Sent, settled: Settled): Promise<string>;
  find(held: Held): Promise<Settled | undefined>;
  /** Once, in the transaction of what it leads to. */
  use(trx: Kysely<Database>, held: Held): Promise<Settled | undefined>;
  /** Notes what was proved. False when it is over, or was changed by another request meanwhile. */
  note(trx: Kysely<Database>, held: Held, standing: Standing): Promise<boolean>;
  sweep(): Promise<number>;
}

/** A person who has to find a telephone to sign in there takes minutes; an interaction lives an hour. */
const SENT_MS = 15 * 60_000;
const SETTLED_MS = 15 * 60_000;
/** The state and handles are 256 bits in base64url; whatever else comes costs no look-up. */
const VALUE = /^[A-Za-z0-9_-]{43}$/;
/** A code has some hundred characters, at Microsoft 2,000; the whole answer is kept sealed. */
const MAX_ANSWER = 8_000;

const newValue = () => randomBytes(32).toString('base64url');

export function createAttempts(o: {
  db: Kysely<Database>;
  clock: Clock;
  sealing: Pick<Sealing, 'sealWith' | 'openWith'>;
}): Attempts {
  const { db, clock, sealing } = o;
  const seal = (key: string, stage: string, value: unknown) =>
    sealing.sealWith(key, JSON.stringify(value), `upstream-attempt:${stage}`);
  const open = <T>(key: string, stage: string, sealed: string): T =>
    JSON.parse(sealing.openWith(key, sealed, `upstream-attempt:${stage}`)) as T;
  const keyOf = ({ handle, browser }: Held) => ({
    handleDigest: digest(handle),
    browserDigest: digest(browser),
    now: clock.now(),
  });

  return {
    async begin({ providerId, purpose, fresh, browser }) {
      const now = clock.now();
      const sent: Sent = {
        state: newValue(),
        nonce: newValue(),
        verifier: newValue(),
        providerId,
        purpose,
        fresh,
        startedAt: now,
      };
      await insertAttempt(db, {
        attemptId: digest(sent.state),
        providerId,
        browserDigest: digest(browser),
        sealed: seal(sent.state, 'sent', sent),
        expiresAt: now + SENT_MS,
      });
      return sent;
    },
    async keep(providerId, answer) {
      const state = stateOf(answer);
      const text = answer.toString();
      if (state === undefined || text.length > MAX_ANSWER) return undefined;
      const handle = newValue();
      const kept = await keepAnswer(
        db,
        { attemptId: digest(state), providerId, now: clock.now() },
        { sealed: seal(handle, 'answered', text), handleDigest: digest(handle) },
      );
      return kept ? handle : undefined;
    },
    async take(providerId, browser, by) {
      const key = { providerId, browserDigest: digest(browser), now: clock.now() };
      if ('handle' in by) {
        if (!VALUE.test(by.handle)) return undefined;
        const row = await takeForRedeeming(db, { ...key, handleDigest: digest(by.handle) });
        if (row?.sealedAnswer === undefined) return undefined;
        const answer = new URLSearchParams(open<string>(by.handle, 'answered', row.sealedAnswer));
        return { sent: open<Sent>(stateOf(answer) ?? '', 'sent', row.sealed), answer };
      }
      const state = stateOf(by.answer);
      if (state === undefined || by.answer.toString().length > MAX_ANSWER) return undefined;
      const row = await takeForRedeeming(db, { ...key, attemptId: digest(state) });
      return row && { sent: open<Sent>(state, 'sent', row.sealed), answer: by.answer };
    },
    async settle(sent, settled) {
      const handle = newValue();
      await settleAttempt(db, digest(sent.state), {
        sealed: seal(handle, 'settled', settled),
        handleDigest: digest(handle),
        expiresAt: clock.now() + SETTLED_MS,
      });
      return handle;
    },
    async find(held) {
      if (!VALUE.test(held.handle)) return undefined;
      const sealed = await findSettled(db, keyOf(held));
      return sealed === undefined ? undefined : open<Settled>(held.handle, 'settled', sealed);
    },
    async use(trx, held) {
      if (!VALUE.test(held.handle)) return undefined;
      const sealed = await takeSettled(trx, keyOf(held));
      return sealed === undefined ? undefined : open<Settled>(held.handle, 'settled', sealed);
    },
    async note(trx, held, standing) {
      const key = keyOf(held);
      const sealed = await findSettled(trx, key);
      if (sealed === undefined) return false;
      const settled = open<Settled>(held.handle, 'settled', sealed);
      if (settled.outcome.kind !== 'person') return false;
      const proved: Settled = { ...settled, outcome: { ...settled.outcome, standing } };
      return replaceSettled(trx, key, sealed, seal(held.handle, 'settled', proved));
    },
    sweep: () => sweepInRounds((rows) => deleteExpiredAttempts(db, clock.now(), rows)),
  };
}

/** A state that comes twice is none. */
function stateOf(answer: URLSearchParams): string | undefined {
  const states = answer.getAll('state');
  const [state] = states;
  return states.length === 1 && state !== undefined && VALUE.test(state) ? state : undefined;
}
