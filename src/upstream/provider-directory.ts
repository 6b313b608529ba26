/** Providers as requests need them: all in memory under the lease, their secrets with them. */
import type { Kysely } from 'kysely';
import { createLeasedCache, type Lease } from '../storage/changes.ts';
import type { Sealing } from '../storage/sealing.ts';
import type { Database } from '../storage/tables.ts';
import type { Provider } from './provider.ts';
import { secretPlace } from './providers.ts';
import { listProviders } from './providers-store.ts';

export interface ProviderDirectory {
  /** Enabled ones, in the order of their buttons. @throws StorageUnavailable */
  all(): Promise<readonly Provider[]>;
  /** An enabled one. */
  find(providerId: string): Promise<Provider | undefined>;
  /** Undefined for a public client. For a provider that `find` gave. */
  secretOf(provider: Provider): string | undefined;
}

interface Known {
  readonly all: readonly Provider[];
  readonly byId: ReadonlyMap<string, Provider>;
}

export function createProviderDirectory(o: {
  db: Kysely<Database>;
  lease: Lease;
  sealing: Pick<Sealing, 'open'>;
}): ProviderDirectory {
  const { db, lease, sealing } = o;
  const sealedSecrets = new WeakMap<Provider, string>();

  async function load(): Promise<Known> {
    const enabled = (await listProviders(db)).filter(({ provider }) => provider.enabled);
    for (const { provider, sealedSecret } of enabled) {
      if (sealedSecret !== undefined) sealedSecrets.set(provider, sealedSecret);
    }
    const all = enabled.map(({ provider }) => provider);
    return { all, byId: new Map(all.map((provider) => [provider.providerId, provider])) };
  }

  const cache = createLeasedCache<Known>({ lease, kind: 'provider', load, max: 1 });
  const known = async () => (await cache.get('all')) ?? { all: [], byId: new Map<string, Provider>() };

  return {
    all: async () => (await known()).all,
    find: async (providerId) => (await known()).byId.get(providerId),
    secretOf(provider) {
      const sealed = sealedSecrets.get(provider);
      return sealed === undefined ? undefined : sealing.open(sealed, secretPlace(provider.providerId));
    },
  };
}
