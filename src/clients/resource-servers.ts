/** Registering, changing and finding resource servers. Reads are cached under the lease; changes are one transaction. */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Actor, AuditContext } from '../audit/catalogue.ts';
import type { Clock } from '../config/clock.ts';
import { createLeasedCache, type Lease, noteChange } from '../storage/changes.ts';
import type { Database } from '../storage/tables.ts';
import type { Refused } from './client.ts';
import { findClient } from './clients-store.ts';
import { judgeResourceServer, type ResourceServerInput } from './resource-rules.ts';
import { type AccessTokenAlg, CARDEA_AUDIENCE, type ResourceServer } from './resource-server.ts';
import {
  deleteResourceServer,
  findResourceServer,
  insertResourceServer,
  loadResourceServers,
  updateResourceServer,
} from './resource-servers-store.ts';

type From = Pick<AuditContext, 'network' | 'requestId'>;

export interface ResourceServers {
  /** Cached. */
  byAudience(audience: string): Promise<ResourceServer | undefined>;
  /** Cached. A scope name may belong to several APIs; in the order of their audiences. */
  owningScope(scope: string): Promise<readonly ResourceServer[]>;
  /** Cached, by audience. */
  all(): Promise<readonly ResourceServer[]>;
  /** Cached. The ones at which this client may introspect tokens. */
  introspectedBy(clientId: string): Promise<readonly ResourceServer[]>;
  create(
    input: ResourceServerInput,
    actor: Actor,
    from?: From,
  ): Promise<{ readonly kind: 'created'; readonly server: ResourceServer } | Refused>;
  /** Members that are absent stay; null takes a member back to its default. The audience never changes. */
  update(
    audience: string,
    patch: Partial<Omit<ResourceServerInput, 'audience'>>,
    actor: Actor,
    from?: From,
  ): Promise<{ readonly kind: 'updated'; readonly server: ResourceServer } | Refused>;
  /** Cardea's own is never deleted. Tokens for it live until they expire; new ones are refused at once. */
  delete(audience: string, actor: Actor, from?: From): Promise<'deleted' | 'absent' | 'kept'>;
}

export interface ResourceServersOptions {
  db: Kysely<Database>;
  clock: Clock;
  audit: Audit;
  lease: Lease;
  /** keys/: makes the first key of an algorithm that an API asks for. */
  ensureAlgorithm?: (alg: AccessTokenAlg) => Promise<void>;
}

/** The whole list as look-ups need it. */
interface Index {
  readonly all: readonly ResourceServer[];
  readonly byAudience: ReadonlyMap<string, ResourceServer>;
  readonly byScope: ReadonlyMap<string, readonly ResourceServer[]>;
  readonly byClient: ReadonlyMap<string, readonly ResourceServer[]>;
}

const ALL = 'all';

function indexOf(all: readonly ResourceServer[]): Index {
  const byScope = new Map<string, ResourceServer[]>();
  const byClient = new Map<string, ResourceServer[]>();
  const add = (map: Map<string, ResourceServer[]>, key: string, server: ResourceServer) => {
    const list = map.get(key);
    if (list) list.push(server);
    else map.set(key, [server]);
  };
  for (const server of all) {
    for (const scope of server.scopes) add(byScope, scope.name, server);
    if (server.introspectionClientId !== undefined) add(byClient, server.introspectionClientId, server);
  }
  return { all, byAudience: new Map(all.map((server) => [server.audience, server])), byScope, byClient };
}

export function createResourceServers(options: ResourceServersOptions): ResourceServers {
  const { db, clock, audit, lease, ensureAlgorithm } = options;
  // One entry for the whole list: there are few, and a look-up by scope needs them all.
  const cache = createLeasedCache<Index>({
    lease,
    kind: 'resource',
    load: async () => indexOf(await loadResourceServers(db)),
    max: 1,
  });

  async function index(): Promise<Index> {
    const found = await cache.get(ALL);
    if (!found) throw new Error('the list of resource servers was not loaded');
    return found;
  }

  async function unknownClient(
    trx: Kysely<Database>,
    clientId: string | undefined,
  ): Promise<Refused | undefined> {
    if (clientId === undefined || (await findClient(trx, clientId))) return undefined;
    return {
      kind: 'faults',
      faults: [{ field: 'introspectionClientId', fault: 'names no registered client' }],
    };
  }

  async function noted(trx: Kysely<Database>, audience: string): Promise<void> {
    await noteChange(trx, 'resource', ALL);
    await noteChange(trx, 'resource', audience);
  }

  return {
    byAudience: async (audience) => (await index()).byAudience.get(audience),
    owningScope: async (scope) => (await index()).byScope.get(scope) ?? [],
    all: async () => (await index()).all,
    introspectedBy: async (clientId) => (await index()).byClient.get(clientId) ?? [],
    async create(input, actor, from) {
      const judged = judgeResourceServer(input);
      if ('faults' in judged) return { kind: 'faults', faults: judged.faults };
      const { server } = judged;
      const { audience } = server;
      await ensureAlgorithm?.(server.signingAlg);
      return db
        .transaction()
        .execute(async (trx): Promise<{ kind: 'created'; server: ResourceServer } | Refused> => {
          const unknown = await unknownClient(trx, server.introspectionClientId);
          if (unknown) return unknown;
          const at = clock.now();
          if (!(await insertResourceServer(trx, server, new Date(at)))) return { kind: 'exists' };
          const detail = { audience, scopes: server.scopes.map((scope) => scope.name) };
          await audit.append(trx, { type: 'resource.created', actor, ...from, detail });
          await noted(trx, audience);
          return { kind: 'created', server: { ...server, createdAt: at, updatedAt: at } };
        });
    },
    async update(audience, patch, actor, from) {
      if (patch.signingAlg && ['ES256', 'RS256', 'EdDSA', 'PS256'].includes(patch.signingAlg)) {
        await ensureAlgorithm?.(patch.signingAlg);
      }
      return db
        .transaction()
        .execute(async (trx): Promise<{ kind: 'updated'; server: ResourceServer } | Refused> => {
          const before = await findResourceServer(trx, audience, true);
          if (!before) return { kind: 'absent' };
          const { createdAt, updatedAt: _, ...input } = before;
          const given = Object.entries(patch).filter(([, value]) => value !== undefined);
          const judged = judgeResourceServer({ ...input, ...Object.fromEntries(given), audience });
          if ('faults' in judged) return { kind: 'faults', faults: judged.faults };
          const unknown = await unknownClient(trx, judged.server.introspectionClientId);
          if (unknown) return unknown;
          const at = clock.now();
          await updateResourceServer(trx, judged.server, new Date(at));
          const detail = { audience, fields: given.map(([field]) => field) };
          await audit.append(trx, { type: 'resource.updated', actor, ...from, detail });
          await noted(trx, audience);
          return { kind: 'updated', server: { ...judged.server, createdAt, updatedAt: at } };
        });
    },
    async delete(audience, actor, from) {
      if (audience === CARDEA_AUDIENCE) return 'kept';
      return db.transaction().execute(async (trx) => {
        if (!(await deleteResourceServer(trx, audience))) return 'absent';
        await audit.append(trx, { type: 'resource.deleted', actor, ...from, detail: { audience } });
        await noted(trx, audience);
        return 'deleted';
      });
    },
  };
}
