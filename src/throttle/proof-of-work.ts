/**
 * Proof of work: what a stranger's browser computes before something is done for it that costs us more than that. Owned
 * here: making, checking and accepting once. Who is asked, and for what, is decided above.
 *
 * A challenge is not kept: it carries its own terms under an HMAC, which also covers what it is for, the form that it
 * stands in (so the browser and the visit) and the network. Its check costs one HMAC and one hash, before anything else;
 * then one atomic claim, so that of any number of processes one accepts it.
 *
 * Form: `1.<purpose>.<bits>.<seconds since the epoch>.<random>.<HMAC-SHA256>`; the answer is a decimal number, so that
 * the SHA-256 of `<challenge>:<answer>` begins with that many zero bits.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../config/clock.ts';

export interface WorkFor {
  /** What it opens, a short word: a solution for one opens no other. */
  readonly purpose: string;
  /** The token of the form that it stands in (web/csrf.ts). */
  readonly form: string;
  /** networks.ts */
  readonly network: string;
}

export interface Challenge {
  readonly challenge: string;
  /** Leading zero bits. */
  readonly bits: number;
  readonly seconds: number;
}

export interface Solution {
  readonly challenge: string;
  readonly answer: string;
}

/** `outdated`: ours, too late. `wrong`: not ours, for something else, or not solved. `used`: accepted before. */
export type WorkOutcome = 'solved' | 'outdated' | 'wrong' | 'used';

export interface ProofOfWork {
  /** @param pressure 0 to 1: how far beyond what is usual */
  issue(about: WorkFor, pressure: number): Challenge;
  /** Accepts each solution once. @throws StorageUnavailable */
  redeem(about: WorkFor, solution: Solution): Promise<WorkOutcome>;
}

/** As long as somebody may look for a password; a page renews it by itself. */
export const CHALLENGE_SECONDS = 300;
/**
 * 2^17 hashes on average: measured in Chromium on one core of a server 0.1 s; an ordinary phone does about a third of
 * that. Three bits more, at the hard limit, are eight times as long: about 3 s there, and still no wall.
 */
export const LEAST_BITS = 17;
export const MOST_BITS = 20;

const FORM = /^1\.([a-z-]{1,20})\.(\d{1,2})\.(\d{1,12})\.[A-Za-z0-9_-]{22}\.([A-Za-z0-9_-]{43})$/;
const ANSWER = /^\d{1,15}$/;

/** @param keys newest first: the first signs, all verify */
export function createProofOfWork({
  keys,
  clock,
  claim,
}: {
  keys: readonly string[];
  clock: Clock;
  /** True once for each value (storage/artifacts.ts); ms until when it is remembered. */
  claim: (scope: string, value: string, expiresAt: number) => Promise<boolean>;
}): ProofOfWork {
  const [newest] = keys;
  if (newest === undefined) throw new RangeError('challenges need a key');

  return {
    issue(about, pressure) {
      const bits = bitsOf(pressure);
      const until = Math.floor(clock.now() / 1000) + CHALLENGE_SECONDS;
      const terms = ['1', about.purpose, bits, until, randomBytes(16).toString('base64url')].join('.');
      const challenge = `${terms}.${macOf(newest, terms, about).toString('base64url')}`;
      return { challenge, bits, seconds: CHALLENGE_SECONDS };
    },
    async redeem(about, { challenge, answer }) {
      const parts = challenge.length <= 160 && ANSWER.test(answer) ? FORM.exec(challenge) : null;
      if (!parts) return 'wrong';
      const [, purpose, bits, until, mac = ''] = parts;
      const terms = challenge.slice(0, challenge.lastIndexOf('.'));
      const given = Buffer.from(mac, 'base64url');
      const isOurs = keys.some((key) => timingSafeEqual(macOf(key, terms, about), given));
      if (!isOurs || purpose !== about.purpose) return 'wrong';
      if (Number(until) * 1000 <= clock.now()) return 'outdated';
      if (zeroBits(createHash('sha256').update(`${challenge}:${answer}`).digest()) < Number(bits)) {
        return 'wrong';
      }
      return (await claim('proof-of-work', terms, Number(until) * 1000)) ? 'solved' : 'used';
    },
  };
}

/** Grows with the pressure, from the least to the most. */
export function bitsOf(pressure: number): number {
  const part = Math.min(1, Math.max(0, pressure));
  return LEAST_BITS + Math.round(part * (MOST_BITS - LEAST_BITS));
}

/** Leading zero bits. */
export function zeroBits(hash: Uint8Array): number {
  let bits = 0;
  for (const byte of hash) {
    if (byte !== 0) return bits + Math.clz32(byte) - 24;
    bits += 8;
  }
  return bits;
}

function macOf(key: string, terms: string, { form, network }: WorkFor): Buffer {
  return createHmac('sha256', key)
    .update(JSON.stringify(['proof of work 1', terms, form, network]))
    .digest();
}
