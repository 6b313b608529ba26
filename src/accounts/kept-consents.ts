/**
 * Consents in memory, under the lease: nearly every authorization asks for one that has not changed for months. What is
 * kept may be as old as the lease, so it comes with a time at which it is known to have stood: a family that is dated by
 * that (protocol/access-gate.ts) dies with a withdrawal that this process has not heard of yet.
 */
import type { Clock } from '../config/clock.ts';
import type { Lease } from '../storage/changes.ts';
import { createLeasedCache } from '../storage/leased-cache.ts';
import type { Consent } from './consents.ts';

export interface DatedConsent {
  readonly consent: Consent | undefined;
  /** ms since the epoch: it was so then, or later. */
  readonly asOf: number;
}

/**
 * @param client the directory's object: a client that was changed, or deleted and made again, is another one
 * @param isEnough whether what is kept (without its authorization details) is all that is asked for; when not, Postgres is
 * asked, so that nobody is sent to allow again what was allowed a moment ago in another process
 * @throws StorageUnavailable when the lease has lapsed and SQL is away
 */
export type RecallConsent = (
  accountId: string,
  client: { readonly clientId: string },
  isEnough: (consent: Consent) => boolean,
) => Promise<DatedConsent>;

/** With one app each some 5 MB, with as many as are kept 40. */
const MAX_ACCOUNTS = 10_000;
/** Of one account. Whoever uses more apps than this is asked about in SQL. */
const MAX_CLIENTS = 8;
/**
 * The lease is dated by the clock of this process, a withdrawal by that of another: so far may the one be ahead of the
 * other. What is dated too early ends with nothing else: a consent that was read after a withdrawal is dated by that.
 */
const SKEW_MS = 10_000;

export function createKeptConsents({
  lease,
  clock,
  find,
  max = MAX_ACCOUNTS,
}: {
  lease: Lease;
  clock: Clock;
  find: (accountId: string, clientId: string) => Promise<Consent | undefined>;
  max?: number;
}): RecallConsent {
  interface Kept {
    readonly client: WeakRef<object>;
    readonly consent: Consent;
    /** ms: just before it was read. */
    readonly readAt: number;
  }
  const ofAccounts = createLeasedCache<Map<string, Kept>>({
    lease,
    kind: 'account',
    max,
    // Filled client by client; a change of the account takes the whole map away.
    load: async () => new Map(),
  });

  return async (accountId, client, isEnough) => {
    const { clientId } = client;
    await lease.ensure();
    const heardAt = lease.asOf() - SKEW_MS;
    const ofClients = await ofAccounts.get(accountId);
    const kept = ofClients?.get(clientId);
    if (kept?.client.deref() === client && isEnough(kept.consent)) {
      return { consent: kept.consent, asOf: Math.max(heardAt, kept.readAt) };
    }
    const readAt = clock.now();
    const consent = await find(accountId, clientId);
    if (ofClients && consent && (kept || ofClients.size < MAX_CLIENTS)) {
      ofClients.set(clientId, {
        client: new WeakRef(client),
        consent: { ...consent, details: [] },
        readAt,
      });
    }
    return { consent, asOf: readAt };
  };
}
