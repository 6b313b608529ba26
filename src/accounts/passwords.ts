/**
 * Passwords by Argon2id (RFC 9106), kept as PHC strings. The only file that knows `argon2`.
 *
 * Every check costs exactly one hash, of the account's own string or, when there is none, of a made-up one with the
 * present parameters. An account whose string is older than the parameters costs what its own parameters say until its
 * next sign-in hashes anew, which then costs one hash more.
 */
import { randomBytes } from 'node:crypto';
import * as argon2 from 'argon2';
import type { Clock } from '../config/clock.ts';
import type { Fault } from './fault.ts';
import { createHashingQueue, type Lane, type Queued } from './hashing-queue.ts';
import type { IsLeaked } from './password-range.ts';
import { judgePassword, passwordFault, preparedPassword } from './password-rules.ts';

export interface Argon2Settings {
  readonly memoryKib: number;
  readonly timeCost: number;
  readonly parallelism: number;
  /** Hashes at once; 0 = one less than the cores or libuv's pool. */
  readonly concurrency: number;
  readonly queueLength: number;
  readonly queueSeconds: number;
}

/** OWASP Password Storage Cheat Sheet: the weakest parameters that are still fit for use. */
const FLOOR = { memoryKib: 19_456, timeCost: 2, parallelism: 1 } as const;

/** What somebody who guesses would try first. */
export interface PasswordContext {
  readonly email?: string | undefined;
  /** The person's name, and that of the app. */
  readonly words?: readonly string[] | undefined;
}

export interface Passwords {
  /** The PHC string of a new password that has been judged. */
  hash(password: string, lane?: Lane): Promise<Queued<string>>;
  /** One hash, whether there is a string or not; `false` when there is none or the password cannot be anyone's. */
  verify(hash: string | undefined, password: string, lane?: Lane): Promise<Queued<boolean>>;
  /** The string was made with weaker parameters than the present ones. */
  needsRehash(hash: string): boolean;
  /** The first fault of a new password, as a sentence for the person; undefined when it may be set. */
  judge(password: string, context?: PasswordContext): Promise<Fault | undefined>;
  /** How many hashes this process has computed. */
  computedCount(): number;
  /** Waiting and running now. */
  depth(): number;
}

/** @throws RangeError when the parameters are below the floor: settings refuse that first, with a better message */
export function createPasswords(options: {
  argon2: Argon2Settings;
  minLength: number;
  clock: Clock;
  /** This service's host and name. */
  words?: readonly string[];
  /** password-range.ts; absent: no list elsewhere is asked. */
  isLeaked?: IsLeaked | undefined;
  /** Told of every hash computed: its time in seconds. */
  onHash?: (seconds: number) => void;
}): Passwords {
  const { argon2: settings, minLength, clock } = options;
  for (const name of ['memoryKib', 'timeCost', 'parallelism'] as const) {
    if (!(settings[name] >= FLOOR[name]))
      throw new RangeError(`argon2 ${name} must be at least ${FLOOR[name]}`);
  }
  const queue = createHashingQueue({
    clock,
    concurrency: settings.concurrency,
    length: settings.queueLength,
    seconds: settings.queueSeconds,
  });
  const parameters = {
    type: argon2.argon2id,
    memoryCost: settings.memoryKib,
    timeCost: settings.timeCost,
    parallelism: settings.parallelism,
  } as const;
  const madeUp = madeUpHash(settings);
  let computed = 0;

  async function counted<T>(work: () => Promise<T>): Promise<T> {
    computed += 1;
    const before = performance.now();
    try {
      return await work();
    } finally {
      options.onHash?.((performance.now() - before) / 1000);
    }
  }

  return {
    hash(password, lane = 'stranger') {
      const prepared = preparedPassword(password);
      if (prepared === undefined) throw new RangeError('judge a password before it is hashed');
      return queue.run(lane, async () => inOrder(await counted(() => argon2.hash(prepared, parameters))));
    },
    async verify(hash, password, lane = 'stranger') {
      const prepared = preparedPassword(password);
      // Too long for every account alike, so that answering without a hash tells nothing.
      if (prepared === undefined) return { kind: 'done', value: false };
      return queue.run(lane, async () => {
        const matches = await counted(() => argon2.verify(hash ?? madeUp, prepared));
        return matches && hash !== undefined;
      });
    },
    needsRehash: (hash) => isWeaker(hash, settings),
    async judge(password, context) {
      const words = [...(options.words ?? []), ...(context?.words ?? [])];
      const fault = judgePassword(password, { minLength, email: context?.email, words });
      const prepared = fault ? undefined : preparedPassword(password);
      if (prepared === undefined || !(await options.isLeaked?.(prepared))) return fault;
      return passwordFault('leaked');
    },
    computedCount: () => computed,
    depth: () => queue.depth(),
  };
}

/** A PHC string that no password opens: random where the digest stands. It costs what a real one costs. */
function madeUpHash(settings: Argon2Settings): string {
  const [salt, digest] = [randomBytes(16), randomBytes(32)].map((bytes) =>
    bytes.toString('base64').replace(/=+$/, ''),
  );
  const cost = `m=${settings.memoryKib},t=${settings.timeCost},p=${settings.parallelism}`;
  return `$argon2id$v=19$${cost}$${salt}$${digest}`;
}

/** `argon2` writes m, p, t; the reference implementation writes m, t, p and reads nothing else. */
function inOrder(hash: string): string {
  return hash.replace(/\$(m=\d+),(p=\d+),(t=\d+)\$/, '$$$1,$3,$2$$');
}

/** Grown parameters call for a new hash; shrunk ones do not, so that no sign-in ever makes a hash weaker. */
function isWeaker(hash: string, settings: Argon2Settings): boolean {
  const parts = /^\$argon2id\$v=19\$([^$]+)\$/.exec(hash);
  const costs = new Map(parts?.[1]?.split(',').map((cost) => [cost.slice(0, 2), Number(cost.slice(2))]));
  const [memory, time] = [costs.get('m=') ?? 0, costs.get('t=') ?? 0];
  return memory < settings.memoryKib || time < settings.timeCost;
}
