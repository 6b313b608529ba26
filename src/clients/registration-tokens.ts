/** Initial access tokens (RFC 7591 section 1.2): an operator hands one out, and so many clients register with it. */
import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Actor } from '../audit/catalogue.ts';
import type { Clock } from '../config/clock.ts';
import { digest } from '../storage/digest.ts';
import { sweepInRounds } from '../storage/sweep-rounds.ts';
import type { Database } from '../storage/tables.ts';
import {
  deleteExpiredRegistrationTokens,
  deleteRegistrationToken,
  insertRegistrationToken,
  listRegistrationTokens,
  type RegistrationToken,
} from './registrations-store.ts';

/** Recognisable to people and to scanners that look for leaked secrets. */
const PREFIX = 'cardea_register_';
export const MAX_USES = 10_000;
export const MAX_TTL_SECONDS = 365 * 86_400;
const DEFAULT_TTL_SECONDS = 7 * 86_400;
/** More than anybody looks through; whoever has so many makes none by hand. */
const MOST_LISTED = 500;

export interface RegistrationTokens {
  /**
   * @param o.uses how many clients may be registered with it; one when absent, at most MAX_USES
   * @param o.ttlSeconds a week when absent, at most MAX_TTL_SECONDS
   * @returns its value, given this once; only its digest is kept
   * @throws RangeError
   */
  create(
    o: { uses?: number | undefined; ttlSeconds?: number | undefined },
    actor: Actor,
  ): Promise<RegistrationToken & { readonly value: string }>;
  /** Newest first; at most 500. */
  list(): Promise<readonly RegistrationToken[]>;
  /** Clients that were registered with it stay. @returns false when there is none */
  delete(tokenId: string, actor: Actor): Promise<boolean>;
  /** Removes expired ones, in bounded rounds. */
  sweep(): Promise<number>;
}

export function createRegistrationTokens(o: {
  db: Kysely<Database>;
  clock: Clock;
  audit: Pick<Audit, 'append'>;
}): RegistrationTokens {
  const { db, clock, audit } = o;
  const inRange = (value: number, most: number) => Number.isInteger(value) && value >= 1 && value <= most;
  return {
    async create({ uses: maxUses = 1, ttlSeconds = DEFAULT_TTL_SECONDS }, actor) {
      if (!inRange(maxUses, MAX_USES)) throw new RangeError(`uses: a whole number from 1 to ${MAX_USES}`);
      if (!inRange(ttlSeconds, MAX_TTL_SECONDS)) throw new RangeError('ttlSeconds: from a second to a year');
      const value = PREFIX + randomBytes(32).toString('base64url');
      const createdAt = clock.now();
      const token = {
        tokenId: `rt_${randomBytes(9).toString('base64url')}`,
        maxUses,
        createdAt,
        expiresAt: createdAt + ttlSeconds * 1_000,
      };
      await db.transaction().execute(async (trx) => {
        await insertRegistrationToken(trx, { ...token, digest: digest(value) });
        const { tokenId, expiresAt } = token;
        await audit.append(trx, {
          type: 'registration-token.created',
          actor,
          detail: { tokenId, maxUses, expiresAt },
        });
      });
      return { ...token, uses: 0, value };
    },
    list: () => listRegistrationTokens(db, MOST_LISTED),
    delete: (tokenId, actor) =>
      db.transaction().execute(async (trx) => {
        if (!(await deleteRegistrationToken(trx, tokenId))) return false;
        await audit.append(trx, { type: 'registration-token.deleted', actor, detail: { tokenId } });
        return true;
      }),
    sweep: () => sweepInRounds((rows) => deleteExpiredRegistrationTokens(db, new Date(clock.now()), rows)),
  };
}
