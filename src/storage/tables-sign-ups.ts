/** Tables of the accounts room about people who have no account yet. */
import type { ColumnType } from 'kysely';

type Json<T> = ColumnType<T, string, string>;

export interface SignUpTables {
  invitations: InvitationRow;
  sign_ups: SignUpRow;
}

/** At most one for an address. The secret that goes with it is a mailed proof. */
export interface InvitationRow {
  id: string;
  /** As the operator typed it. */
  email: string;
  email_canonical: string;
  /** What the account gets, whatever the link or form says. */
  roles: Json<{ audience: string; role: string }[]>;
  created_at: Date;
  expires_at: Date;
}

export interface SignUpRow {
  /** SHA-256 of the interaction's uid, base64url. */
  visit_digest: string;
  /** As the person typed it. */
  email: string;
  email_canonical: string;
  /** When the address was proved in this browser. */
  proved_at: Date | null;
  expires_at: Date;
}
