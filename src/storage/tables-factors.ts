/** Tables of the factors room. */
import type { Generated } from 'kysely';

export interface FactorTables {
  factor_accounts: FactorAccountRow;
  authenticators: AuthenticatorRow;
  recovery_codes: RecoveryCodeRow;
}

/** Held by whoever changes the factors of this account. */
export interface FactorAccountRow {
  account_id: string;
  changed_at: Date;
  /** When the recovery codes that count now were made; null: there are none. */
  recovery_made_at: Date | null;
}

/** An authenticator app's secret. One without `confirmed_at` waits for its first code and counts for nothing. */
export interface AuthenticatorRow {
  id: string;
  account_id: string;
  /** As the person calls it. */
  name: Generated<string>;
  /** 160 bits in base32, sealed. */
  sealed: string;
  /** SHA-256 of where it was enrolled (an interaction, a session): nobody else's page shows or confirms it. */
  place_digest: string;
  /** The last time step (RFC 6238 section 4.2) whose code was taken; only ever grows. */
  last_step: Generated<number>;
  created_at: Date;
  expires_at: Date | null;
  confirmed_at: Date | null;
  last_used_at: Date | null;
}

export interface RecoveryCodeRow {
  account_id: string;
  /** HMAC-SHA-256 of account and code, base64url. */
  code_digest: string;
  made_at: Date;
  used_at: Date | null;
}
