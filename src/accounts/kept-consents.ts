/**
 * Consents in memory, under the lease: nearly every authorization asks for one that has not changed for months. What is
 * kept may be as old as the lease, so it comes with the time that it is known to hold at: a family that is dated by that
 * (protocol/access-gate.ts) dies with a withdrawal that this process has not heard of yet.
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
 * @param isEnough whether what is kept is all that is asked for; when not, Postgres is asked, so that nobody is sent to
 * allow again what was allowed a moment ago in another process
 * @throws StorageUnavailable when the lease has lapsed and SQL is away
 */
export type RecallConsent = (
  accountId: string,
  client: { readonly clientId: string },
  isEnough: (consent: Consent) => boolean,
) => Promise<DatedConsent>;

/** 20,000 accounts of some 500 bytes a consent: 10 MB for people with one app each. */
const MAX_ACCOUNTS = 20_000;
/** Whoever has allowed more apps than this is asked about in SQL. */
const MAX_CLIENTS = 50;

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
    readonly client: object;
    readonly consent: Consent;
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
    const asOf = lease.asOf();
    const ofClients = await ofAccounts.get(accountId);
    const kept = ofClients?.get(clientId);
    if (kept?.client === client && isEnough(kept.consent)) return { consent: kept.consent, asOf };
    const askedAt = clock.now();
    const consent = await find(accountId, clientId);
    if (ofClients && consent && (kept || ofClients.size < MAX_CLIENTS)) {
      ofClients.set(clientId, { client, consent });
    }
    return { consent, asOf: askedAt };
  };
}
