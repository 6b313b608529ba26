/** What must hold. The table marks a miss with `✗`, and the run then ends with exit code 1. */

/** At least (`min`) or at most (`max`) this. */
export interface Budget {
  readonly min?: number;
  readonly max?: number;
}

/** Our throughput ÷ the bare engine's. The bare engine keeps everything in its own memory. */
export const throughput: Readonly<Record<string, Budget>> = {
  'client credentials': { min: 0.9 },
  'code redemption': { min: 0.8 },
  refresh: { min: 0.8 },
};

/** Commands to Redis that one operation may send. Batches of limiter permits are told apart. */
export const redisCommands: Readonly<Record<string, Budget>> = {
  authorize: { max: 4 },
  'code redemption': { max: 2 },
  refresh: { max: 2 },
  userinfo: { max: 1 },
  'introspection, opaque': { max: 1 },
  'introspection, JWT': { max: 1 },
  'client credentials': { max: 0 },
};

/** Statements that a warm request may send to Postgres. */
export const postgresStatements: Budget = { max: 0 };

/** The sign-in request ÷ the hash alone, in time. */
export const signIn: Budget = { max: 1.1 };

/** Probability that a difference between known and unknown accounts is chance. Below it, something tells them apart. */
export const sameTime: Budget = { min: 0.01 };

/** p99 of client credentials in a storm of sign-ins ÷ without one. */
export const stormRatio: Budget = { max: 3 };

/** Sign-ins of a storm that ended neither in nor with 429 or 503 and a time to come back. */
export const stormImpolite: Budget = { max: 0 };

/** MiB that a storm adds at its worst: an Argon2 hash takes 19 while it runs, and few run at once. */
export const stormMemory: Budget = { max: 200 };

/** MiB at rest. PGlite's memory is part of the process. */
export const idleMemory: Readonly<Record<string, Budget>> = {
  'embedded, first start': { max: 230 },
  embedded: { max: 230 },
  'Postgres and Redis': { max: 150 },
};

/** Seconds from the spawn to the first 200 of discovery. */
export const startTime: Readonly<Record<string, Budget>> = {
  'embedded, first start': { max: 2 },
  embedded: { max: 1.5 },
  Postgres: { max: 1.5 },
  'Postgres and Redis': { max: 1.5 },
};

export function keeps(budget: Budget | undefined, value: number): boolean {
  if (!budget) return true;
  return (
    value >= (budget.min ?? Number.NEGATIVE_INFINITY) && value <= (budget.max ?? Number.POSITIVE_INFINITY)
  );
}

export function describe(budget: Budget | undefined): string {
  if (budget?.min !== undefined) return `≥ ${budget.min}`;
  if (budget?.max !== undefined) return `≤ ${budget.max}`;
  return '';
}
