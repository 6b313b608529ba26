/**
 * Clients that are named by the address of their metadata document, as AI agents are (MCP authorization). Until a person
 * has allowed one it is known from its document alone; from then on it is a row like all others, which the operator sees
 * and can end, and which the document keeps up to date.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Kysely } from 'kysely';
import type { Actor } from '../audit/catalogue.ts';
import type { Clock } from '../config/clock.ts';
import type { ClientDocumentSettings } from '../config/registration.ts';
import type { Log } from '../observability/log.ts';
import type { Outbound } from '../outbound/outbound.ts';
import { loadEnds } from '../storage/ended-access.ts';
import type { Database } from '../storage/tables.ts';
import type { Client } from './client.ts';
import type { Clients, From } from './clients.ts';
import type { ClientDirectory } from './directory.ts';
import { documentIdFaults, isAcceptedSite, isDocumentId } from './document-ids.ts';
import { type ClientDocument, readClientDocument } from './document-rules.ts';
import { frozen } from './frozen.ts';
import { insertRegistration } from './registrations-store.ts';
import { createRemoteDocuments } from './remote-documents.ts';

export interface ClientDocuments {
  /** An active client. @throws StorageUnavailable */
  find(clientId: string): Promise<Client | undefined>;
  /** Why `find` has none, for the record of a refusal; undefined when there is nothing to say. */
  whyAbsent(clientId: string): Promise<string | undefined>;
  /** Milliseconds: what this client was given at or before it is dead; 0: nothing. */
  endedBefore(clientId: string): Promise<number>;
  /**
   * Makes it a row, if it is none yet: a person has allowed it.
   * @returns `full` when as many clients as may have registered themselves
   */
  adopt(clientId: string, actor: Actor, from: From): Promise<'adopted' | 'full' | 'absent'>;
}

export interface ClientDocumentsOptions {
  db: Kysely<Database>;
  clock: Clock;
  log: Log;
  clients: Pick<Clients, 'create' | 'find' | 'update'>;
  directory: Pick<ClientDirectory, 'findAny' | 'endedBefore'>;
  send: Outbound['send'];
  settings: ClientDocumentSettings;
  /** `CARDEA_OUTBOUND_ALLOW`. */
  outboundAllow: readonly string[];
  /** Clients that registered themselves, in all. */
  max: number;
}

type Resolved =
  | { readonly kind: 'client'; readonly client: Client; readonly document?: ClientDocument }
  | { readonly kind: 'absent'; readonly why?: string };

/** The draft recommends at most 5 kB; one with inline keys may be larger. */
const MAX_BYTES = 32 * 1024;

class QuotaReached extends Error {}

export function createClientDocuments(o: ClientDocumentsOptions): ClientDocuments {
  const { db, clock, log, clients, directory } = o;
  const documents = createRemoteDocuments<ClientDocument>({
    send: ({ url }) => o.send({ url, maxBytes: MAX_BYTES, headers: { accept: 'application/json' } }),
    clock,
    parse: readClientDocument,
    mediaType: /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i,
  });
  // One client object for each document, so that what the engine builds beside it is built once.
  const made = new WeakMap<ClientDocument, Client>();
  const compared = new WeakMap<Client, ClientDocument>();
  const updating = new Set<string>();

  function clientOf(document: ClientDocument): Client {
    let client = made.get(document);
    if (!client) {
      const times = { createdAt: 0, updatedAt: 0, secretsVersion: 0 };
      client = frozen({ ...document.judged, ...times, status: 'active' });
      made.set(document, client);
    }
    return client;
  }

  async function read(clientId: string): Promise<ClientDocument | string> {
    const outcome = await documents.get(clientId);
    if (outcome.kind === 'failed') return outcome.why;
    return outcome.value.clientId === clientId ? outcome.value : 'its client_id is not its address';
  }

  async function resolve(clientId: string): Promise<Resolved> {
    if (!isDocumentId(clientId)) {
      return { kind: 'absent', why: `the address ${documentIdFaults(clientId).join('; ')}` };
    }
    if (!isAcceptedSite(clientId, o.settings, o.outboundAllow)) {
      return { kind: 'absent', why: 'documents of this site are not accepted here' };
    }
    const row = await directory.findAny(clientId);
    if (row?.status === 'disabled') return { kind: 'absent' };
    if (row) {
      // Whoever waits for a token does not wait for somebody else's web server: the row counts until it is replaced.
      void update(row).catch((err: unknown) => log.warn('a client document was not compared', { err }));
      return { kind: 'client', client: row };
    }
    const document = await read(clientId);
    if (typeof document === 'string') return { kind: 'absent', why: `its metadata document: ${document}` };
    return { kind: 'client', client: clientOf(document), document };
  }

  async function update(row: Client): Promise<void> {
    const { clientId } = row;
    if (updating.has(clientId)) return;
    updating.add(clientId);
    try {
      const document = await read(clientId);
      if (typeof document === 'string' || compared.get(row) === document) return;
      compared.set(row, document);
      const { status, createdAt, updatedAt, secretsVersion, ...known } = row;
      if (isDeepStrictEqual(known, document.judged)) return;
      const outcome = await clients.update(clientId, document.input, { kind: 'client', id: clientId });
      if (outcome.kind === 'faults')
        log.warn('a client document was not taken over', { clientId, ...outcome });
    } finally {
      updating.delete(clientId);
    }
  }

  return {
    async find(clientId) {
      const resolved = await resolve(clientId);
      return resolved.kind === 'client' ? resolved.client : undefined;
    },
    async whyAbsent(clientId) {
      const resolved = await resolve(clientId);
      return resolved.kind === 'absent' ? resolved.why : undefined;
    },
    async endedBefore(clientId) {
      const row = await directory.findAny(clientId);
      // Before its row is known here, or after it was deleted: what ends access outlives the row.
      return row ? directory.endedBefore(clientId) : (await loadEnds(db, { clientId })).allBefore;
    },
    async adopt(clientId, actor, from) {
      if (await clients.find(clientId)) return 'adopted';
      const resolved = await resolve(clientId);
      if (resolved.kind === 'absent') return 'absent';
      if (!resolved.document) return 'adopted';
      const within = async (trx: Kysely<Database>, id: string) => {
        const row = { clientId: id, tokenDigest: null, at: new Date(clock.now()), max: o.max };
        if (!(await insertRegistration(trx, row))) throw new QuotaReached();
      };
      const own = { ...from, registered: 'metadata-document', within } as const;
      try {
        const outcome = await clients.create(resolved.document.input, actor, own);
        return outcome.kind === 'faults' ? 'absent' : 'adopted';
      } catch (error) {
        if (error instanceof QuotaReached) return 'full';
        throw error;
      }
    },
  };
}
