/** The SQL of sign-ups under way. Every function takes the connection or transaction to work in. */
import { type Kysely, sql } from 'kysely';
import type { Database } from '../storage/tables.ts';

type Db = Kysely<Database>;

/** How far one visit has come. */
export interface SignUp {
  /** As typed. */
  readonly email: string;
  readonly emailCanonical: string;
  readonly proved: boolean;
}

/** Another address starts the visit's sign-up anew: what was proved before is not. */
export async function putSignUp(
  trx: Db,
  row: Omit<SignUp, 'proved'> & { visitDigest: string; expiresAt: number },
): Promise<void> {
  const set = {
    email: row.email,
    email_canonical: row.emailCanonical,
    proved_at: null,
    expires_at: new Date(row.expiresAt),
  };
  await trx
    .insertInto('sign_ups')
    .values({ ...set, visit_digest: row.visitDigest })
    .onConflict((conflict) => conflict.column('visit_digest').doUpdateSet(set))
    .execute();
}

export async function findSignUp(db: Db, visitDigest: string, now: number): Promise<SignUp | undefined> {
  const row = await db
    .selectFrom('sign_ups')
    .selectAll()
    .where('visit_digest', '=', visitDigest)
    .where('expires_at', '>', new Date(now))
    .executeTakeFirst();
  return (
    row && {
      email: row.email,
      emailCanonical: row.email_canonical,
      proved: row.proved_at !== null,
    }
  );
}

/** False when the visit's sign-up is over, or is about another address by now. */
export async function markProved(
  trx: Db,
  visitDigest: string,
  emailCanonical: string,
  now: number,
): Promise<boolean> {
  const updated = await trx
    .updateTable('sign_ups')
    .set({ proved_at: new Date(now) })
    .where('visit_digest', '=', visitDigest)
    .where('email_canonical', '=', emailCanonical)
    .where('expires_at', '>', new Date(now))
    .executeTakeFirst();
  return updated.numUpdatedRows > 0n;
}

/** One statement: of any number of callers one gets the address that this visit has proved. */
export async function takeProved(
  trx: Db,
  visitDigest: string,
  now: number,
): Promise<{ email: string; emailCanonical: string } | undefined> {
  const row = await trx
    .deleteFrom('sign_ups')
    .where('visit_digest', '=', visitDigest)
    .where('proved_at', 'is not', null)
    .where('expires_at', '>', new Date(now))
    .returning(['email', 'email_canonical'])
    .executeTakeFirst();
  return row && { email: row.email, emailCanonical: row.email_canonical };
}

/** One bounded batch. */
export async function deleteExpiredSignUps(db: Db, now: number, limit: number): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from sign_ups where visit_digest in (
      select visit_digest from sign_ups where expires_at <= ${new Date(now)}
      order by expires_at limit ${limit} for update skip locked
    )`.execute(db);
  return Number(numAffectedRows);
}
