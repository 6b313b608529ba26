/**
 * The SQL of mailed proofs. Whoever uses one locks the account first and the proof then, in one statement; whatever else
 * changes an account locks it first too, so that nobody waits in a circle.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Database } from '../storage/tables.ts';

type Db = Kysely<Database>;

export interface ProofRow {
  readonly subject: string;
  readonly account_id: string | null;
  readonly email: string;
  readonly data: Record<string, unknown>;
  readonly expires_at: Date;
}

/** Which accounts the purpose opens. */
interface OpenTo {
  readonly needsAccount: boolean;
  readonly needsActive: boolean;
}

/** One statement, whether there is such an account or not; the row is locked before its proof is. */
export async function insertProof(
  trx: Db,
  proof: {
    readonly purpose: string;
    readonly subject: string;
    /** '' for purposes that come before an account. */
    readonly accountId: string;
    readonly email: string;
    readonly canonical: string;
    readonly bindsAddress: 'own' | 'present' | 'free';
    readonly bindsPassword: boolean;
    readonly tokenDigest: string;
    readonly codeDigest: string;
    readonly data: string;
    readonly createdAt: Date;
    readonly expiresAt: Date;
  },
): Promise<void> {
  const { purpose, subject, bindsAddress, bindsPassword, canonical } = proof;
  const own = bindsAddress === 'own';
  await sql`
    with holder as materialized (
      select id, email_canonical, password_version from accounts
      where id = ${proof.accountId} and (not ${own}::boolean or email_canonical = ${canonical})
      for key share
    )
    insert into mailed_proofs (purpose, subject, account_id, email, token_digest, code_digest, tries, bound_address,
      bound_version, data, created_at, expires_at, used_at)
    select ${purpose}, ${subject}, holder.id, ${proof.email}, ${proof.tokenDigest}, ${proof.codeDigest}, 0,
      case when ${bindsAddress !== 'free'}::boolean then holder.email_canonical end,
      case when ${bindsPassword}::boolean then holder.password_version end,
      ${proof.data}::jsonb, ${proof.createdAt}::timestamptz, ${proof.expiresAt}::timestamptz, null
    from (select 1) as one left join holder on true
    on conflict (purpose, subject) do update set
      account_id = excluded.account_id, email = excluded.email, token_digest = excluded.token_digest,
      code_digest = excluded.code_digest, tries = 0, bound_address = excluded.bound_address,
      bound_version = excluded.bound_version, data = excluded.data, created_at = excluded.created_at,
      expires_at = excluded.expires_at, used_at = null`.execute(trx);
}

/** Whether what the proof `p` is bound to holds of its account in `holder`. */
function bindingHolds({ needsAccount, needsActive }: OpenTo): RawBuilder<boolean> {
  return sql<boolean>`(not ${needsAccount}::boolean or exists (
    select 1 from holder
    where holder.id = p.account_id
      and (not ${needsActive}::boolean or holder.status = 'active')
      and (p.bound_address is null or p.bound_address = holder.email_canonical)
      and (p.bound_version is null or p.bound_version = holder.password_version)
  ))`;
}

const holderColumns = sql.raw(
  'accounts.id, accounts.status, accounts.email_canonical, accounts.password_version',
);

interface ByToken {
  readonly purpose: string;
  readonly tokenDigest: string;
  readonly now: Date;
}

export async function findLiveProof(db: Db, by: ByToken, openTo: OpenTo): Promise<ProofRow | undefined> {
  const { purpose, tokenDigest, now } = by;
  const { rows } = await sql<ProofRow>`
    with holder as (
      select ${holderColumns} from mailed_proofs proof join accounts on accounts.id = proof.account_id
      where proof.token_digest = ${tokenDigest}
    )
    select p.subject, p.account_id, p.email, p.data, p.expires_at from mailed_proofs p
    where p.token_digest = ${tokenDigest} and p.purpose = ${purpose}
      and p.used_at is null and p.expires_at > ${now} and ${bindingHolds(openTo)}`.execute(db);
  return rows[0];
}

export async function findLivePurpose(db: Db, tokenDigest: string, now: Date): Promise<string | undefined> {
  const row = await db
    .selectFrom('mailed_proofs')
    .select('purpose')
    .where('token_digest', '=', tokenDigest)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return row?.purpose;
}

/** Of any number of callers one gets the row. */
export async function useByToken(trx: Db, by: ByToken, openTo: OpenTo): Promise<ProofRow | undefined> {
  const { purpose, tokenDigest, now } = by;
  const { rows } = await sql<ProofRow>`
    with holder as materialized (
      select ${holderColumns} from mailed_proofs proof join accounts on accounts.id = proof.account_id
      where proof.token_digest = ${tokenDigest}
      for update of accounts
    )
    update mailed_proofs p set used_at = ${now}
    where p.token_digest = ${tokenDigest} and p.purpose = ${purpose}
      and p.used_at is null and p.expires_at > ${now} and ${bindingHolds(openTo)}
    returning p.subject, p.account_id, p.email, p.data, p.expires_at`.execute(trx);
  return rows[0];
}

/** Counts the try and, when it is right, uses the proof up: the same statement. */
export async function useByCode(
  trx: Db,
  by: {
    readonly purpose: string;
    readonly subject: string;
    readonly codeDigests: readonly string[];
    readonly maxTries: number;
    readonly now: Date;
  },
  openTo: OpenTo,
): Promise<ProofRow | undefined> {
  const { purpose, subject, codeDigests, maxTries, now } = by;
  const { rows } = await sql<ProofRow & { used_at: Date | null }>`
    with holder as materialized (
      select ${holderColumns} from mailed_proofs proof join accounts on accounts.id = proof.account_id
      where proof.purpose = ${purpose} and proof.subject = ${subject}
      for update of accounts
    )
    update mailed_proofs p set
      tries = p.tries + 1,
      used_at = case when p.code_digest in (${sql.join(codeDigests)}) and ${bindingHolds(openTo)}
        then ${now}::timestamptz end
    where p.purpose = ${purpose} and p.subject = ${subject}
      and p.used_at is null and p.expires_at > ${now} and p.tries < ${maxTries}
    returning p.subject, p.account_id, p.email, p.data, p.expires_at, p.used_at`.execute(trx);
  return rows[0]?.used_at ? rows[0] : undefined;
}

export async function deleteProof(trx: Db, purpose: string, subject: string): Promise<void> {
  await trx
    .deleteFrom('mailed_proofs')
    .where('purpose', '=', purpose)
    .where('subject', '=', subject)
    .execute();
}

/** Those of the same purpose and account that were made after the one of this token. */
export async function deleteNewerProofs(trx: Db, purpose: string, tokenDigest: string): Promise<void> {
  await sql`
    delete from mailed_proofs p using mailed_proofs mine
    where mine.token_digest = ${tokenDigest} and p.token_digest <> mine.token_digest
      and p.purpose = ${purpose} and p.account_id = mine.account_id
      and p.created_at >= mine.created_at`.execute(trx);
}

/** What is kept with those of the same purpose and account that were made before the one of this token, and still stand. */
export async function listOlderProofs(
  trx: Db,
  { purpose, tokenDigest, now }: ByToken,
): Promise<readonly Record<string, unknown>[]> {
  const { rows } = await sql<Pick<ProofRow, 'data'>>`
    select p.data from mailed_proofs p, mailed_proofs mine
    where mine.token_digest = ${tokenDigest} and p.token_digest <> mine.token_digest
      and p.purpose = ${purpose} and p.account_id = mine.account_id
      and p.created_at <= mine.created_at and p.used_at is null and p.expires_at > ${now}`.execute(trx);
  return rows.map(({ data }) => data);
}

export async function deleteExpiredProofs(db: Db, now: Date, limit: number): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from mailed_proofs where (purpose, subject) in (
      select purpose, subject from mailed_proofs where expires_at <= ${now}
      order by expires_at limit ${limit} for update skip locked
    )`.execute(db);
  return Number(numAffectedRows);
}

/** What is kept of an account's proofs, for its holder. */
export async function exportMailedProofs(db: Db, accountId: string) {
  const rows = await db
    .selectFrom('mailed_proofs')
    .select(['purpose', 'email', 'tries', 'created_at', 'expires_at', 'used_at'])
    .where('account_id', '=', accountId)
    .orderBy('created_at')
    .execute();
  return rows;
}
