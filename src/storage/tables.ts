/**
 * The table types of every room, put together for Kysely. Each room describes its own tables in a file of its own
 * (`tables-<room>.ts`), and no other room names them in SQL.
 */
import type { AccountTables } from './tables-accounts.ts';
import type { AuditTables } from './tables-audit.ts';
import type { ClientTables } from './tables-clients.ts';
import type { FactorTables } from './tables-factors.ts';
import type { KeyTables } from './tables-keys.ts';
import type { LogoutTables } from './tables-logout.ts';
import type { MailTables } from './tables-mail.ts';
import type { PasskeyTables } from './tables-passkeys.ts';
import type { RedisTables } from './tables-redis.ts';
import type { SessionTables } from './tables-sessions.ts';
import type { SignUpTables } from './tables-sign-ups.ts';
import type { StorageTables } from './tables-storage.ts';
import type { UpstreamTables } from './tables-upstream.ts';

export interface Database
  extends StorageTables,
    RedisTables,
    AccountTables,
    SignUpTables,
    ClientTables,
    FactorTables,
    KeyTables,
    MailTables,
    PasskeyTables,
    LogoutTables,
    UpstreamTables,
    SessionTables,
    AuditTables {}
