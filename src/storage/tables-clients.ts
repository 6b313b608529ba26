/** Tables of the clients room. Column names are snake_case; only that room's stores map them. */
import type { ColumnType } from 'kysely';

/** jsonb: comes back parsed, goes in as JSON text. */
type Json<T> = ColumnType<T, string, string>;

export interface ClientTable {
  client_id: string;
  name: string;
  type: string;
  status: string;
  /** Everything that nothing is searched by: see clients/clients-store.ts. */
  metadata: Json<Record<string, unknown>>;
  secrets_version: number;
  created_at: Date;
  updated_at: Date;
}

export interface ClientSecretTable {
  secret_id: string;
  client_id: string;
  /** SHA-256 of the secret, base64url. */
  digest: string;
  created_at: Date;
  expires_at: Date | null;
  last_used_at: Date | null;
}

/** A type of authorization details, as clients/authorization-types.ts judged it. */
interface AuthorizationTypeValue {
  type: string;
  description: string;
  sensitive: string[];
  schema: { readonly [name: string]: JsonValue };
}

type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

export interface ResourceServerTable {
  audience: string;
  name: string;
  /** [{ name, description? }] */
  scopes: Json<{ name: string; description?: string }[]>;
  token_format: string;
  access_token_ttl_seconds: number | null;
  introspection_client_id: string | null;
  signing_alg: string;
  /** clients/authorization-types.ts */
  authorization_types: ColumnType<AuthorizationTypeValue[], string | undefined, string>;
  created_at: Date;
  updated_at: Date;
}

export interface ClientRegistrationTable {
  client_id: string;
  /** SHA-256 of the registration access token, base64url; null: it manages itself no longer, or never did. */
  token_digest: string | null;
  created_at: Date;
  last_used_at: Date | null;
}

export interface RegistrationTokenTable {
  token_id: string;
  /** SHA-256 of the initial access token, base64url. */
  digest: string;
  max_uses: number;
  uses: number;
  created_at: Date;
  expires_at: Date;
}

export interface ClientTables {
  clients: ClientTable;
  client_secrets: ClientSecretTable;
  client_registrations: ClientRegistrationTable;
  registration_tokens: RegistrationTokenTable;
  resource_servers: ResourceServerTable;
}
