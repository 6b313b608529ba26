/** Tables of the accounts room. Column names are snake_case; only that room's stores map them. */
import type { ColumnType, Generated } from 'kysely';

/** jsonb: read as its value, written as JSON text, so that a JavaScript array is never taken for a Postgres array. */
type Json<T> = ColumnType<T, string, string>;

export interface AccountTables {
  accounts: AccountRow;
  account_passwords: AccountPasswordRow;
  roles: RoleRow;
  account_roles: AccountRoleRow;
  client_roles: ClientRoleRow;
  consents: ConsentRow;
  setup_links: SetupLinkRow;
  mailed_proofs: MailedProofRow;
}

/** config/second-factor.ts */
type SecondFactorWord = 'none' | 'optional' | 'required' | 'passkey';

export interface AccountRow {
  /** Random and never used again: the `sub` of OpenID Connect Core section 2. */
  id: string;
  /** As the person typed it, trimmed. */
  email: string;
  /** What look-ups and the unique index go by (accounts/emails.ts). */
  email_canonical: string;
  email_verified: Generated<boolean>;
  status: Generated<'active' | 'disabled' | 'leaving'>;
  /** Set exactly while it is leaving. */
  leaving_until: Date | null;
  /** Standard claims under their wire names. */
  profile: Json<Record<string, unknown>>;
  /** Grows by one with every password that is set; device cookies carry it. */
  password_version: Generated<number>;
  /** What this account's sign-ins need besides the first factor; null says nothing. */
  second_factor: SecondFactorWord | null;
  created_at: Date;
  updated_at: Date;
}

/** Apart from `accounts`, so that no query that lists or shows accounts can bring a hash along. */
export interface AccountPasswordRow {
  account_id: string;
  /** PHC string of Argon2id. */
  hash: string;
  set_at: Date;
}

export interface RoleRow {
  audience: string;
  name: string;
  description: string | null;
  permissions: Json<string[]>;
  /** What whoever holds it needs besides the first factor; null says nothing. */
  second_factor: SecondFactorWord | null;
  created_at: Date;
}

export interface AccountRoleRow {
  account_id: string;
  audience: string;
  role: string;
  granted_at: Date;
}

/** Keyed by the client id as text: clients are another room's table. */
export interface ClientRoleRow {
  client_id: string;
  audience: string;
  role: string;
  granted_at: Date;
}

export interface ConsentRow {
  account_id: string;
  client_id: string;
  scopes: Json<string[]>;
  claims: Json<string[]>;
  /** Audience → scopes. */
  resources: Json<Record<string, string[]>>;
  /** Authorization details, by the digest of each; oldest first. */
  details: Json<{ digest: string; type: string }[]>;
  granted_at: Date;
  updated_at: Date;
}

/** At most one row: a newer link replaces the older one. */
export interface SetupLinkRow {
  slot: number;
  /** SHA-256 of the token, base64url. */
  token_digest: string;
  created_at: Date;
  expires_at: Date;
  used_at: Date | null;
}

/** At most one a purpose and subject: a newer one replaces the older. */
export interface MailedProofRow {
  purpose: string;
  /** An account's id, the canonical address where there is no account, or what else it is asked for. */
  subject: string;
  account_id: string | null;
  /** Where it was mailed, as typed. */
  email: string;
  /** SHA-256 of the token, base64url. */
  token_digest: string;
  /** HMAC-SHA-256 of purpose, subject and code under a sealed secret of the installation, base64url. */
  code_digest: string;
  /** Codes typed so far. */
  tries: Generated<number>;
  /** It opens only while this is the account's canonical address, and this its password version. */
  bound_address: string | null;
  bound_version: number | null;
  data: Json<Record<string, unknown>>;
  created_at: Date;
  expires_at: Date;
  used_at: Date | null;
}
