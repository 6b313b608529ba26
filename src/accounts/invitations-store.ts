/** The SQL of invitations. Every function takes the connection or transaction to work in. */
import { type Kysely, type Selectable, sql } from 'kysely';
import type { Database } from '../storage/tables.ts';
import type { InvitationRow } from '../storage/tables-sign-ups.ts';

type Db = Kysely<Database>;

export interface Invitation {
  readonly id: string;
  /** As the operator typed it. */
  readonly email: string;
  readonly emailCanonical: string;
  readonly roles: readonly { readonly audience: string; readonly role: string }[];
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** Takes the place of an older one of the same address. */
export async function insertInvitation(db: Db, invitation: Invitation): Promise<void> {
  const row = {
    id: invitation.id,
    email: invitation.email,
    roles: JSON.stringify(invitation.roles),
    created_at: new Date(invitation.createdAt),
    expires_at: new Date(invitation.expiresAt),
  };
  await db
    .insertInto('invitations')
    .values({ ...row, email_canonical: invitation.emailCanonical })
    .onConflict((conflict) => conflict.column('email_canonical').doUpdateSet(row))
    .execute();
}

export async function findInvitation(
  db: Db,
  emailCanonical: string,
  now: number,
): Promise<Invitation | undefined> {
  const row = await db
    .selectFrom('invitations')
    .selectAll()
    .where('email_canonical', '=', emailCanonical)
    .where('expires_at', '>', new Date(now))
    .executeTakeFirst();
  return row && invitationOf(row);
}

/** Nobody else takes it back or uses it up until the transaction ends. */
export async function holdInvitation(trx: Db, emailCanonical: string): Promise<void> {
  await trx
    .selectFrom('invitations')
    .select('id')
    .where('email_canonical', '=', emailCanonical)
    .forUpdate()
    .execute();
}

/** One statement: of any number of callers one gets it. */
export async function takeInvitation(
  trx: Db,
  emailCanonical: string,
  now: number,
): Promise<Invitation | undefined> {
  const row = await trx
    .deleteFrom('invitations')
    .where('email_canonical', '=', emailCanonical)
    .where('expires_at', '>', new Date(now))
    .returningAll()
    .executeTakeFirst();
  return row && invitationOf(row);
}

export async function deleteInvitation(trx: Db, id: string): Promise<Invitation | undefined> {
  const row = await trx.deleteFrom('invitations').where('id', '=', id).returningAll().executeTakeFirst();
  return row && invitationOf(row);
}

/** Oldest first, those that have expired and are not swept yet among them. */
export async function listInvitations(db: Db, limit: number): Promise<readonly Invitation[]> {
  const rows = await db
    .selectFrom('invitations')
    .selectAll()
    .orderBy('created_at')
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.map(invitationOf);
}

/** One bounded batch. */
export async function deleteExpiredInvitations(db: Db, now: number, limit: number): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from invitations where id in (
      select id from invitations where expires_at <= ${new Date(now)}
      order by expires_at limit ${limit} for update skip locked
    )`.execute(db);
  return Number(numAffectedRows);
}

function invitationOf(row: Selectable<InvitationRow>): Invitation {
  return {
    id: row.id,
    email: row.email,
    emailCanonical: row.email_canonical,
    roles: row.roles,
    createdAt: row.created_at.getTime(),
    expiresAt: row.expires_at.getTime(),
  };
}
