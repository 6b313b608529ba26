/**
 * When each secret or client was last used, noted once a minute in one statement: administrators see what is still in
 * use before they delete it, and no request waits for it. What a crash loses is at most a minute of uses.
 */
import type { Log } from '../observability/log.ts';

export interface UseNotes {
  /** @param at milliseconds since the epoch */
  note(id: string, at: number): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** As many as there may be clients in use; more are noted a minute later. */
const MAX_NOTED = 50_000;

/** @param o.what names the things in the log */
export function createUseNotes(o: {
  write: (uses: ReadonlyMap<string, number>) => Promise<void>;
  what: string;
  log: Log;
  flushMs?: number;
}): UseNotes {
  const { write, what, log, flushMs = 60_000 } = o;
  let uses = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function flush(): Promise<void> {
    if (uses.size === 0) return;
    const noted = uses;
    uses = new Map();
    try {
      await write(noted);
    } catch (err) {
      // Kept for the next round; a newer use that came meanwhile wins.
      for (const [id, at] of noted) if (!uses.has(id) && uses.size < MAX_NOTED) uses.set(id, at);
      log.warn(`the last use of ${what} could not be noted yet`, { err, many: noted.size });
    }
  }

  return {
    note(id, at) {
      if (uses.size >= MAX_NOTED && !uses.has(id)) return;
      uses.set(id, at);
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
