/** What has to happen now and then: expired rows go, in bounded batches, and never two rounds at once. */
import type { Rooms } from './rooms.ts';
import { sweepExpired } from './storage/artifact-sweep.ts';

/** Expired rows are invisible at once; a minute only decides how much room they take. */
const EVERY_MS = 60_000;

export function createUpkeep(rooms: Rooms): {
  start(): void;
  close(): Promise<void>;
} {
  const { clients, clock, database, log, keys, familyIndex, audit, metrics, mail } = rooms;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let busy = false;

  async function round(): Promise<void> {
    await sweepExpired(database.db, clock);
    await settleFamilies();
    await familyIndex.sweep();
    await mail.sweep();
    await rooms.deletions.sweep();
    await rooms.mailedProofs.sweep();
    await rooms.invitations.sweep();
    await rooms.signUps.sweep();
    await rooms.upstream.sweep();
    await rooms.logoutQueue.sweep();
    await rooms.browserSessions.sweep();
    await rooms.factors.sweep();
    await keys.tick();
    await clients.deleteExpiredSecrets();
    await rooms.registrationTokens.sweep();
    const unused = await rooms.registrations.sweep();
    if (unused > 0) metrics.count('cardea_registrations_total', { outcome: 'expired' }, unused);
    await database.tidy();
  }

  /** Each family that ran out gets its event, in the transaction that marks it. */
  async function settleFamilies(): Promise<void> {
    const expired = await database.db.transaction().execute(async (trx) => {
      const settled = await familyIndex.settle(trx);
      for (const { family, accountId, clientId, ended, redeemedAt } of settled) {
        // A code that nobody redeemed began nothing.
        if (!ended || redeemedAt === undefined) continue;
        const detail = { families: 1, reason: ended.reason, family };
        const actor = { kind: 'system' } as const;
        await audit.append(trx, { type: 'family.ended', actor, accountId, clientId, at: ended.at, detail });
      }
      return settled;
    });
    for (const { ended, redeemedAt } of expired) {
      if (ended && redeemedAt !== undefined) {
        metrics.count('cardea_families_ended_total', { reason: ended.reason });
      }
    }
  }

  return {
    start() {
      timer = setInterval(() => {
        if (busy) return;
        busy = true;
        running = round()
          .catch((error: unknown) => log.warn('upkeep was put off', { fault: String(error) }))
          .finally(() => {
            busy = false;
          });
      }, EVERY_MS);
      timer.unref();
    },
    async close() {
      clearInterval(timer);
      await running;
    },
  };
}
