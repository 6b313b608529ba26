/** Tables of the keys room. Column names are snake_case; only that room's stores map them. */
import type { ColumnType } from 'kysely';

export interface SigningKeyTable {
  /** RFC 7638 thumbprint. */
  kid: string;
  alg: string;
  state: string;
  /** The private JWK, sealed; null once the key is gone. */
  sealed_private: string | null;
  /** The public JWK: comes back parsed, goes in as JSON text. */
  public_jwk: ColumnType<Record<string, unknown>, string, never>;
  published_at: Date;
  signing_at: Date | null;
  retired_at: Date | null;
  gone_at: Date | null;
}

export interface KeyTables {
  signing_keys: SigningKeyTable;
}
