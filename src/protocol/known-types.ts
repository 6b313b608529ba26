/**
 * The types of authorization details that resource servers have. The engine reads them once, so when they change another
 * instance is built (live-engine.ts), on every process within the lease.
 */
import type { ResourceServer } from '../clients/resource-server.ts';

export interface KnownTypes {
  /** As of the last `refresh`, sorted. */
  names(): readonly string[];
  /** Looks whether there are others by now; costs nothing while no resource server has changed. */
  refresh(): Promise<void>;
}

/** @param all cached: one array until something changes */
export function createKnownTypes(
  all: () => Promise<readonly ResourceServer[]>,
  onChange: () => void,
): KnownTypes {
  let seen: readonly ResourceServer[] | undefined;
  let names: readonly string[] = [];
  return {
    names: () => names,
    async refresh() {
      const servers = await all();
      if (servers === seen) return;
      seen = servers;
      const types = servers.flatMap(({ authorizationTypes = [] }) =>
        authorizationTypes.map(({ type }) => type),
      );
      const now = [...new Set(types)].sort();
      if (now.join('\n') === names.join('\n')) return;
      names = now;
      onChange();
    },
  };
}
