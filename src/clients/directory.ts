/**
 * Clients as requests see them: in memory, under the lease. After a client's first use no request goes to the
 * database for it, and a change acts in every process within the lease.
 */
import type { Kysely } from 'kysely';
import type { Clock } from '../config/clock.ts';
import type { Log } from '../observability/log.ts';
import { createLeasedCache, type Lease } from '../storage/changes.ts';
import { loadEnds } from '../storage/ended-access.ts';
import type { Database } from '../storage/tables.ts';
import type { Client } from './client.ts';
import { isClientId } from './client-rules.ts';
import { loadClient } from './clients-store.ts';
import { matchSecret, type StoredSecret } from './secrets.ts';
import { noteSecretUses } from './secrets-store.ts';
import { createUseNotes } from './use-notes.ts';

export interface ClientDirectory {
  /** An active client. Unknown, disabled and deleted look the same. @throws StorageUnavailable */
  find(clientId: string): Promise<Client | undefined>;
  /** Also a disabled one: for pages that name the client of an old consent. @throws StorageUnavailable */
  findAny(clientId: string): Promise<Client | undefined>;
  /**
   * Whether the secret is one of the client's live ones. One SHA-256, and a comparison in constant time with each.
   * @param client one that `find` gave; undefined costs the same and is false
   */
  verifySecret(client: Client | undefined, presented: string): boolean;
  /** Milliseconds: what this client was given at or before it is dead; 0: nothing. For a client that `find` gave. */
  endedBefore(clientId: string): number;
  /** Writes the last uses of secrets that are not noted yet. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface ClientDirectoryOptions {
  db: Kysely<Database>;
  clock: Clock;
  lease: Lease;
  log: Log;
  /** Clients kept in memory, about 2 kB each. */
  max?: number;
}

export function createClientDirectory(options: ClientDirectoryOptions): ClientDirectory {
  const { db, clock, lease, log, max = 20_000 } = options;
  const use = createUseNotes({ write: (uses) => noteSecretUses(db, uses), what: 'client secrets', log });
  // By the object that `find` gave, so that an entry that changes or is evicted meanwhile still answers for it.
  const secretsOf = new WeakMap<Client, readonly StoredSecret[]>();
  // Only clients whose access was ever ended: few, so they are never evicted.
  const endedAt = new Map<string, number>();

  async function load(clientId: string): Promise<Client | undefined> {
    const found = await loadClient(db, clientId);
    if (!found) return undefined;
    const { allBefore } = await loadEnds(db, { clientId });
    // Never back: a slow load may end after a newer one.
    if (allBefore > (endedAt.get(clientId) ?? 0)) endedAt.set(clientId, allBefore);
    secretsOf.set(found.client, found.secrets);
    return found.client;
  }

  const cache = createLeasedCache<Client>({ lease, kind: 'client', load, max });

  async function findAny(clientId: string): Promise<Client | undefined> {
    if (!isClientId(clientId)) return undefined;
    return cache.get(clientId);
  }

  return {
    findAny,
    async find(clientId) {
      const client = await findAny(clientId);
      return client?.status === 'active' ? client : undefined;
    },
    verifySecret(client, presented) {
      const now = clock.now();
      const matched = matchSecret((client && secretsOf.get(client)) ?? [], presented, now);
      if (!matched) return false;
      use.note(matched.secretId, now);
      return true;
    },
    endedBefore: (clientId) => endedAt.get(clientId) ?? 0,
    flush: use.flush,
    close: use.close,
  };
}
