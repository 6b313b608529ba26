/**
 * Consents: what a person has allowed a client, in SQL and for good. A grant (one token family) is made from a consent
 * and may die alone; a consent ends only when it is withdrawn, and takes every family of that person and client along.
 */
import type { Kysely, Selectable } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { EndedBy } from '../storage/end-reasons.ts';
import { endAccess } from '../storage/ended-access.ts';
import type { Database } from '../storage/tables.ts';
import type { ConsentRow } from '../storage/tables-accounts.ts';
import type { By } from './account.ts';
import { lockAccount } from './account-store.ts';
import { endedUntil } from './end-of-access.ts';

/** One authorization detail (RFC 9396) that was allowed, exactly as it was: nothing that differs is covered. */
export interface AllowedDetail {
  readonly digest: string;
  readonly type: string;
}

/** More than these are asked again, oldest first: each is one act, such as one payment. */
const MAX_DETAILS = 50;

export interface Consent {
  readonly accountId: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly claims: readonly string[];
  /** Audience → scopes of that resource server. */
  readonly resources: Readonly<Record<string, readonly string[]>>;
  readonly details: readonly AllowedDetail[];
  /** Milliseconds since the epoch: the first time, and the last change. */
  readonly grantedAt: number;
  readonly updatedAt: number;
}

export interface Allowed {
  readonly scopes?: readonly string[];
  readonly claims?: readonly string[];
  readonly resources?: Readonly<Record<string, readonly string[]>>;
  readonly details?: readonly AllowedDetail[];
}

export interface Consents {
  find(accountId: string, clientId: string): Promise<Consent | undefined>;
  /** Newest change first. */
  list(accountId: string): Promise<readonly Consent[]>;
  /** Adds to what is there; answers the whole. Undefined when the account is gone. */
  record(accountId: string, clientId: string, allowed: Allowed, by: By): Promise<Consent | undefined>;
  /** Takes back all that the client has of this person: the consent, where there is one, and every family. */
  withdraw(accountId: string, clientId: string, by: By): Promise<void>;
  /** For the transaction that deletes a client. */
  forgetClient(trx: Kysely<Database>, clientId: string): Promise<void>;
}

export function createConsents({
  db,
  clock,
  audit,
  lifetimes,
}: {
  db: Kysely<Database>;
  clock: Clock;
  audit: Pick<Audit, 'append'>;
  lifetimes: Lifetimes;
}): Consents {
  // Put into SQL once: every authorization that kept-consents.ts cannot answer asks this.
  const ofPair = db
    .selectFrom('consents')
    .selectAll()
    .where('account_id', '=', '')
    .where('client_id', '=', '')
    .compile();

  async function find(
    on: Kysely<Database>,
    accountId: string,
    clientId: string,
  ): Promise<Consent | undefined> {
    const asked: typeof ofPair = { ...ofPair, parameters: [accountId, clientId] };
    const [row] = (await on.executeQuery(asked)).rows;
    return row && consentOf(row);
  }

  async function end(on: Kysely<Database>, accountId: string, clientId: string, by: EndedBy): Promise<void> {
    const at = clock.now();
    const reason = 'consent withdrawn';
    await endAccess(on, { accountId, clientId, reason, by, at, expiresAt: endedUntil(at, lifetimes) });
  }

  return {
    find: (accountId, clientId) => find(db, accountId, clientId),
    async list(accountId) {
      const rows = await db
        .selectFrom('consents')
        .selectAll()
        .where('account_id', '=', accountId)
        .orderBy('updated_at', 'desc')
        .orderBy('client_id')
        .execute();
      return rows.map(consentOf);
    },
    record: (accountId, clientId, allowed, by) =>
      db.transaction().execute(async (trx) => {
        // The account's row is what two consents given at once wait for: neither reads what the other has not written.
        if (!(await lockAccount(trx, accountId))) return undefined;
        const before = await find(trx, accountId, clientId);
        const whole = merge(before, allowed);
        const at = new Date(clock.now());
        const values = {
          scopes: JSON.stringify(whole.scopes),
          claims: JSON.stringify(whole.claims),
          resources: JSON.stringify(whole.resources),
          details: JSON.stringify(detailsOf(before, allowed)),
          updated_at: at,
        };
        const row = await trx
          .insertInto('consents')
          .values({ account_id: accountId, client_id: clientId, granted_at: at, ...values })
          .onConflict((conflict) => conflict.columns(['account_id', 'client_id']).doUpdateSet(values))
          .returningAll()
          .executeTakeFirstOrThrow();
        await audit.append(trx, {
          type: 'consent.granted',
          detail: { ...whole, ...typesOf(allowed) },
          accountId,
          clientId,
          ...by,
        });
        return consentOf(row);
      }),
    async withdraw(accountId, clientId, by) {
      const kind = by.actor.kind;
      const ended = await db.transaction().execute(async (trx) => {
        // As in `record`: a consent given at once is merged with what is left, never with what is being withdrawn.
        if (!(await lockAccount(trx, accountId))) return false;
        await trx
          .deleteFrom('consents')
          .where('account_id', '=', accountId)
          .where('client_id', '=', clientId)
          .execute();
        await end(trx, accountId, clientId, kind);
        await audit.append(trx, { type: 'consent.withdrawn', detail: {}, accountId, clientId, ...by });
        return true;
      });
      // Until the commit others still read the consent, and what they make of it is younger than the end in there.
      if (ended) await end(db, accountId, clientId, kind);
    },
    async forgetClient(trx, clientId) {
      await trx.deleteFrom('consents').where('client_id', '=', clientId).execute();
    },
  };
}

/** Both together, each value once, sorted: what was allowed stays allowed when less is asked for. */
function merge(before: Consent | undefined, allowed: Allowed) {
  const union = (...lists: readonly (readonly string[] | undefined)[]) =>
    [...new Set(lists.flatMap((l) => l ?? []))].sort();
  const audiences = union(Object.keys(before?.resources ?? {}), Object.keys(allowed.resources ?? {}));
  const scopesAt = (audience: string) => union(before?.resources[audience], allowed.resources?.[audience]);
  return {
    scopes: union(before?.scopes, allowed.scopes),
    claims: union(before?.claims, allowed.claims),
    resources: Object.fromEntries(audiences.map((audience) => [audience, scopesAt(audience)])),
  };
}

/** Those before, and those allowed now as the newest. */
function detailsOf(before: Consent | undefined, allowed: Allowed): readonly AllowedDetail[] {
  const now = allowed.details ?? [];
  const earlier = (before?.details ?? []).filter(({ digest }) => now.every((one) => one.digest !== digest));
  return [...earlier, ...now.map(({ digest, type }) => ({ digest, type }))].slice(-MAX_DETAILS);
}

function typesOf({ details = [] }: Allowed): { detailTypes?: readonly string[] } {
  return details.length > 0 ? { detailTypes: [...new Set(details.map(({ type }) => type))] } : {};
}

function consentOf(row: Selectable<ConsentRow>): Consent {
  return {
    accountId: row.account_id,
    clientId: row.client_id,
    scopes: row.scopes,
    claims: row.claims,
    resources: row.resources,
    details: row.details,
    grantedAt: row.granted_at.getTime(),
    updatedAt: row.updated_at.getTime(),
  };
}
