/**
 * When each client secret was last used, noted once a minute in one statement: administrators see which secret is
 * still in use before they delete it, and no request waits for it. What a crash loses is at most a minute of uses.
 */
import type { Kysely } from 'kysely';
import type { Log } from '../observability/log.ts';
import type { Database } from '../storage/tables.ts';
import { noteSecretUses } from './secrets-store.ts';

export interface SecretUse {
  /** @param at milliseconds since the epoch */
  note(secretId: string, at: number): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** As many as there may be clients in use; more are noted a minute later. */
const MAX_NOTED = 50_000;

export function createSecretUse(o: { db: Kysely<Database>; log: Log; flushMs?: number }): SecretUse {
  const { db, log, flushMs = 60_000 } = o;
  let uses = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function flush(): Promise<void> {
    if (uses.size === 0) return;
    const noted = uses;
    uses = new Map();
    try {
      await noteSecretUses(db, noted);
    } catch (err) {
      // Kept for the next round; a newer use that came meanwhile wins.
      for (const [id, at] of noted) if (!uses.has(id) && uses.size < MAX_NOTED) uses.set(id, at);
      log.warn('the last use of client secrets could not be noted yet', { err, secrets: noted.size });
    }
  }

  return {
    note(secretId, at) {
      if (uses.size >= MAX_NOTED && !uses.has(secretId)) return;
      uses.set(secretId, at);
      if (timer || closed) return;
      timer = setTimeout(() => {
        timer = undefined;
        void flush();
      }, flushMs);
      timer.unref();
    },
    flush,
    async close() {
      closed = true;
      clearTimeout(timer);
      timer = undefined;
      await flush();
    },
  };
}
