/**
 * Registering and changing clients. Every change is one transaction: the row, the audit event, the note that makes
 * every process see it within the lease, and, where access ends, the fact that ends it.
 */
import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Actor, AuditContext } from '../audit/catalogue.ts';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import { noteChange } from '../storage/changes.ts';
import { endAccess } from '../storage/ended-access.ts';
import type { Database } from '../storage/tables.ts';
import { type Client, hasSecret, type IdTokenAlg, type Refused } from './client.ts';
import { beyondPolicy } from './client-lifetimes.ts';
import { type ClientInput, inputOf, isClientId, judgeClient } from './client-rules.ts';
import {
  deleteClient,
  findClient,
  insertClient,
  listClients,
  setStatus,
  updateClient,
} from './clients-store.ts';
import { type MutualTlsOffer, unknownReferences, unmetNeeds } from './references.ts';
import { registeredFaults } from './registered-metadata.ts';
import { endManagement } from './registrations-store.ts';
import { signingAlgs, signingAlgsOf } from './request-rules.ts';
import { createSecretKeeper, type SecretKeeper } from './secret-keeper.ts';
import { listSecrets } from './secrets-store.ts';

export interface ClientCreated {
  readonly kind: 'created';
  readonly client: Client;
  /** Given once, for a client that authenticates by a secret; only its digest is kept. */
  readonly secret?: string;
  /** What may be a mistake but is accepted, since the other thing may be registered later. */
  readonly warnings: readonly string[];
}

export interface ClientUpdated {
  readonly kind: 'updated';
  readonly client: Client;
  /** When the change made it a client that authenticates by a secret. */
  readonly secret?: string;
  readonly warnings: readonly string[];
}

/** Where a change came from, for the audit. */
export type From = Pick<AuditContext, 'network' | 'requestId'>;

/** A change that a client makes of itself (registrations.ts, client-documents.ts). */
export interface OwnChange extends From {
  readonly registered?: Client['registered'];
  /** Runs in the change's transaction, once the client's row is there and nothing is at fault. What it throws undoes the change. */
  readonly within?: (trx: Kysely<Database>, clientId: string) => Promise<void>;
}

export interface Clients extends SecretKeeper {
  create(input: ClientInput, actor: Actor, from?: OwnChange): Promise<ClientCreated | Refused>;
  /** From the database, not from a cache. @throws Error when there is none */
  get(clientId: string): Promise<Client>;
  find(clientId: string): Promise<Client | undefined>;
  /** By id. `next`, when there is one, is the `after` of the next page. */
  list(page?: {
    after?: string | undefined;
    limit?: number | undefined;
  }): Promise<{ clients: Client[]; next?: string }>;
  /** Members that are absent stay; null takes a member back to its default. Id and type never change. */
  update(
    clientId: string,
    patch: Partial<ClientInput>,
    actor: Actor,
    from?: OwnChange,
  ): Promise<ClientUpdated | Refused>;
  /** Ends everything that was issued to it. @returns false when there is none, or it was disabled already */
  disable(clientId: string, actor: Actor, from?: From): Promise<boolean>;
  /** What ended with `disable` stays ended. */
  enable(clientId: string, actor: Actor, from?: From): Promise<boolean>;
  /** Ends everything that was issued to it, and forgets it and its secrets. */
  delete(clientId: string, actor: Actor, from?: OwnChange): Promise<boolean>;
}

export interface ClientsOptions {
  db: Kysely<Database>;
  clock: Clock;
  audit: Audit;
  lifetimes: Lifetimes;
  /** keys/: makes the first key of an algorithm that a client asks for. Called before the client is stored. */
  ensureAlgorithm?: (alg: IdTokenAlg) => Promise<void>;
  /** What this server offers of mutual TLS; absent: nothing. */
  mutualTls?: MutualTlsOffer | undefined;
  /** Runs in the transaction of a deletion: what other rooms keep for this id must not wait for a namesake. */
  forget?: (trx: Kysely<Database>, clientId: string) => Promise<void>;
}

const MAX_PAGE = 200;

export function createClients({
  db,
  clock,
  audit,
  lifetimes,
  ensureAlgorithm,
  mutualTls,
  forget,
}: ClientsOptions): Clients {
  const newId = () => `c_${randomBytes(12).toString('base64url')}`;
  const keeper = createSecretKeeper({ db, clock, audit });

  /** Facts live as long as what they end could have, and a day more. Every process is told with them. */
  function endAll(trx: Kysely<Database>, clientId: string, by: Actor): Promise<void> {
    const longest = Math.max(...Object.values(lifetimes.familyAbsolute), lifetimes.sessionAbsolute);
    const at = clock.now();
    const expiresAt = at + (longest + 86_400) * 1_000;
    return endAccess(trx, { clientId, reason: 'revoked by administrator', at, expiresAt, by: by.kind });
  }

  async function withStatus(
    clientId: string,
    status: Client['status'],
    actor: Actor,
    from?: From,
  ): Promise<boolean> {
    return db.transaction().execute(async (trx) => {
      if (!(await setStatus(trx, clientId, status, new Date(clock.now())))) return false;
      // Enabled, too: a process that had not heard of the disabling yet may have given it something for a second.
      await endAll(trx, clientId, actor);
      const type = status === 'disabled' ? 'client.disabled' : 'client.enabled';
      await audit.append(trx, { type, actor, ...from, clientId, detail: {} });
      return true;
    });
  }

  /** The policy wins; whoever asked for more is told, and so is the audit. */
  async function warnOfLifetimes(
    trx: Kysely<Database>,
    client: Client,
    actor: Actor,
    from?: From,
  ): Promise<string[]> {
    const beyond = beyondPolicy(client, lifetimes);
    for (const detail of beyond) {
      const { clientId } = client;
      await audit.append(trx, { type: 'client.lifetime-beyond-policy', actor, ...from, clientId, detail });
    }
    return beyond.map(
      ({ member, asked, given }) =>
        `${member} asks for ${asked} s; the policy gives ${given} s at the most, and that is what holds`,
    );
  }

  return {
    ...keeper,
    async create(input, actor, { within, registered, ...from } = {}) {
      const judged = judgeClient(input, newId);
      if ('faults' in judged) return { kind: 'faults', faults: judged.faults };
      const client = { ...judged.client, ...(registered && { registered }) };
      const { clientId } = client;
      const barred = registeredFaults(client);
      if (barred.length > 0) return { kind: 'faults', faults: barred };
      await ensureAlgorithms(signingAlgsOf(client));
      return db.transaction().execute(async (trx): Promise<ClientCreated | Refused> => {
        if (!(await insertClient(trx, client, new Date(clock.now())))) return { kind: 'exists' };
        await within?.(trx, clientId);
        const secret = hasSecret(client) ? await keeper.addSecret(trx, clientId) : undefined;
        const detail = {
          clientType: client.type,
          firstParty: client.firstParty,
          ...(registered && { registered }),
        };
        await audit.append(trx, { type: 'client.created', actor, ...from, clientId, detail });
        await noteChange(trx, 'client', clientId);
        const stored = await found(trx, clientId);
        const warnings = [
          ...(await unknownReferences(trx, stored)),
          ...unmetNeeds(stored, mutualTls),
          ...(await warnOfLifetimes(trx, stored, actor, from)),
        ];
        return { kind: 'created', client: stored, warnings, ...(secret !== undefined && { secret }) };
      });
    },
    get: (clientId) => found(db, clientId),
    find: async (clientId) => (isClientId(clientId) ? findClient(db, clientId) : undefined),
    async list({ after, limit = 50 } = {}) {
      const size = Math.min(MAX_PAGE, Math.max(1, Math.trunc(limit)));
      const clients = await listClients(db, { after, limit: size + 1 });
      if (clients.length <= size) return { clients };
      const shown = clients.slice(0, size);
      const last = shown.at(-1);
      return last ? { clients: shown, next: last.clientId } : { clients: shown };
    },
    async update(clientId, patch, actor, { within, ...from } = {}) {
      await ensureAlgorithms(signingAlgsOf({ idTokenAlg: 'RS256', ...patch } as Client));
      return db.transaction().execute(async (trx): Promise<ClientUpdated | Refused> => {
        const before = await findClient(trx, clientId, true);
        if (!before) return { kind: 'absent' };
        const given = Object.entries(patch).filter(([, value]) => value !== undefined);
        const judged = judgeClient({ ...inputOf(before), ...Object.fromEntries(given) }, newId);
        if ('faults' in judged) return { kind: 'faults', faults: judged.faults };
        const client = { ...judged.client, ...(before.registered && { registered: before.registered }) };
        const barred = registeredFaults(client, actor);
        if (barred.length > 0) return { kind: 'faults', faults: barred };
        const fixed = (['clientId', 'type'] as const).filter((field) => client[field] !== before[field]);
        if (fixed.length > 0) {
          return { kind: 'faults', faults: fixed.map((field) => ({ field, fault: 'never changes' })) };
        }
        await within?.(trx, clientId);
        await updateClient(trx, client, new Date(clock.now()));
        // What an operator has decided is not the client's to change back.
        if (actor.kind === 'operator' && before.registered) await endManagement(trx, clientId);
        const secretless = hasSecret(client) && (await listSecrets(trx, clientId)).length === 0;
        const secret = secretless ? await keeper.addSecret(trx, clientId) : undefined;
        const detail = { fields: given.map(([field]) => field) };
        await audit.append(trx, { type: 'client.updated', actor, ...from, clientId, detail });
        await noteChange(trx, 'client', clientId);
        const stored = await found(trx, clientId);
        const warnings = [
          ...(await unknownReferences(trx, stored)),
          ...unmetNeeds(stored, mutualTls),
          ...(await warnOfLifetimes(trx, stored, actor, from)),
        ];
        return { kind: 'updated', client: stored, warnings, ...(secret !== undefined && { secret }) };
      });
    },
    disable: (clientId, actor, from) => withStatus(clientId, 'disabled', actor, from),
    enable: (clientId, actor, from) => withStatus(clientId, 'active', actor, from),
    delete: (clientId, actor, { within, ...from } = {}) =>
      db.transaction().execute(async (trx) => {
        await within?.(trx, clientId);
        if (!(await deleteClient(trx, clientId))) return false;
        await endAll(trx, clientId, actor);
        await forget?.(trx, clientId);
        await audit.append(trx, { type: 'client.deleted', actor, ...from, clientId, detail: {} });
        // A resource server whose introspection client it was has none now.
        await noteChange(trx, 'resource', 'all');
        return true;
      }),
  };

  async function ensureAlgorithms(algs: readonly IdTokenAlg[]): Promise<void> {
    // An unknown name is left to the rules, which name it.
    for (const alg of algs) if (signingAlgs.includes(alg)) await ensureAlgorithm?.(alg);
  }
}

async function found(db: Kysely<Database>, clientId: string): Promise<Client> {
  const client = await findClient(db, clientId);
  if (!client) throw new Error(`there is no client ${JSON.stringify(clientId.slice(0, 128))}`);
  return client;
}
