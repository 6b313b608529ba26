/** Numbers that are looked at rather than counted: read every few seconds, so that a scrape costs the stores nothing. */
import type { Rooms } from './rooms.ts';

/** Shorter than any scrape interval in use, long enough to cost nothing. */
const EVERY_MS = 5_000;

export function createGauges(rooms: Rooms): { start(): void; close(): void } {
  const { metrics, artifacts, audit, database, keys, logoutQueue, passwords, redis } = rooms;
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    metrics.gauge('cardea_storage_operations', database.statementCount(), { store: 'sql' });
    if (redis) metrics.gauge('cardea_storage_operations', artifacts.tripCount(), { store: 'redis' });
    metrics.gauge('cardea_records_dropped', audit.droppedCount());
    metrics.gauge('cardea_password_queue_length', passwords.depth());
    const { due, failing } = await logoutQueue.backlog();
    metrics.gauge('cardea_logout_notices_due', due);
    metrics.gauge('cardea_logout_receivers_failing', failing);
    const algorithms = keys.current().publicKeys.map(({ alg }) => alg ?? 'other');
    for (const alg of new Set(algorithms)) {
      metrics.gauge('cardea_signing_keys', algorithms.filter((one) => one === alg).length, { alg });
    }
    if (!redis) return;
    const facts = await Promise.all(redis.masters().map((master) => master.info()));
    const sum = (name: string) =>
      facts.reduce(
        (total, info) => total + Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0),
        0,
      );
    metrics.gauge('cardea_redis_evicted_keys', sum('evicted_keys'));
    const most = sum('maxmemory');
    metrics.gauge('cardea_redis_memory_ratio', most > 0 ? sum('used_memory') / most : 0);
  }

  return {
    start() {
      // A store that does not answer is told by readiness; these numbers just stand still meanwhile.
      timer = setInterval(() => void look().catch(() => undefined), EVERY_MS);
      timer.unref();
    },
    close: () => clearInterval(timer),
  };
}
