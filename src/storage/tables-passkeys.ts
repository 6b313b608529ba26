/** Tables of the passkeys room. Column names are snake_case; only that room's store maps them. */
import type { ColumnType } from 'kysely';

export interface PasskeyTables {
  passkeys: PasskeyRow;
}

export interface PasskeyRow {
  /** Ours, for addresses and the audit. */
  id: string;
  account_id: string;
  /** Base64url, as the authenticator made it; of one account at most. */
  credential_id: string;
  /** Base64url: what the authenticator knows the account as. */
  user_handle: string;
  /** The relying party that it was made for: it answers to no other. */
  rp_id: string;
  /** COSE_Key (RFC 9052 section 7), base64url. */
  public_key: string;
  /** 32 bits unsigned; drivers read a bigint as a number or a string. */
  sign_count: ColumnType<number | string | bigint, number, number>;
  /** jsonb: written as JSON text. */
  transports: ColumnType<string[], string, string>;
  backup_eligible: boolean;
  backed_up: boolean;
  aaguid: string;
  /** Given by the person. */
  name: string | null;
  created_at: Date;
  last_used_at: Date | null;
}
