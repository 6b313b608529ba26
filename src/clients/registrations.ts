/**
 * Clients that register and manage themselves (RFC 7591, RFC 7592). They are rows like all others, made by the same
 * function and judged by the same rules; this file adds who may, how many may, and when unused ones go.
 */
import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { RegistrationPolicy } from '../config/registration.ts';
import type { Log } from '../observability/log.ts';
import { digest } from '../storage/digest.ts';
import type { Database } from '../storage/tables.ts';
import type { Client, Fault, Refused } from './client.ts';
import type { Clients, From } from './clients.ts';
import { findClient } from './clients-store.ts';
import { dynamicUse, readMetadata, wireFaults } from './registered-metadata.ts';
import { identityFaults } from './registration-identity.ts';
import {
  holdIdle,
  holdManagement,
  insertRegistration,
  isRegistrationTokenLive,
  listIdle,
  noteClientUses,
  replaceManagement,
  useRegistrationToken,
} from './registrations-store.ts';
import { createUseNotes } from './use-notes.ts';

export interface Registered {
  readonly kind: 'registered';
  readonly client: Client;
  /** Given once. */
  readonly secret?: string;
  /** The registration access token, given once; only its digest is kept. */
  readonly token: string;
}

export type RegistrationOutcome =
  | Registered
  /** By wire names. */
  | { readonly kind: 'faults'; readonly faults: readonly Fault[] }
  /** The token is missing, unknown, spent, expired, or another client's. */
  | { readonly kind: 'no-token' }
  /** The quota of the installation is reached. */
  | { readonly kind: 'full' };

export interface Registrations {
  /** @param token the initial access token that was presented, if any; asked for when the policy is `token` */
  register(metadata: unknown, token: string | undefined, from: From): Promise<RegistrationOutcome>;
  /** The active client that this token manages. */
  read(clientId: string, token: string | undefined): Promise<Client | undefined>;
  /** Replaces the whole metadata and the token (RFC 7592 section 2.2). The token before no longer works. */
  replace(
    clientId: string,
    token: string | undefined,
    metadata: unknown,
    from: From,
  ): Promise<RegistrationOutcome>;
  /** Ends everything that was issued to it. @returns false when the token does not manage it */
  remove(clientId: string, token: string | undefined, from: From): Promise<boolean>;
  /** A client got a token. */
  noteUse(client: Pick<Client, 'clientId' | 'registered'>): void;
  /** Deletes clients that nobody uses, at most 100. @returns how many */
  sweep(): Promise<number>;
  close(): Promise<void>;
}

export interface RegistrationsOptions {
  db: Kysely<Database>;
  clock: Clock;
  log: Log;
  clients: Clients;
  lifetimes: Pick<Lifetimes, 'unusedClient' | 'neverUsedClient'>;
  policy: RegistrationPolicy;
  /** Self-registered clients in all. */
  max: number;
}

const PREFIX = 'cardea_manage_';
/** Each one ends families and takes a transaction; the rest go a minute later. */
const SWEEP_CLIENTS = 100;
/** Longer than any token we make: it costs no look-up. */
const MAX_TOKEN_LENGTH = 512;

/** Undoes a transaction with an outcome that is no fault of ours. */
class Refusal extends Error {
  readonly outcome: Exclude<RegistrationOutcome, Registered>;
  constructor(outcome: Refusal['outcome']) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}

const noToken = { kind: 'no-token' } as const;
const refusedIn = (error: unknown): Refusal['outcome'] => {
  if (error instanceof Refusal) return error.outcome;
  throw error;
};

export function createRegistrations(o: RegistrationsOptions): Registrations {
  const { db, clock, clients, lifetimes, policy, max } = o;
  const notes = createUseNotes({
    write: (uses) => noteClientUses(db, uses),
    what: 'clients that registered themselves',
    log: o.log,
  });
  const digestOf = (token: string | undefined) =>
    token !== undefined && token.length <= MAX_TOKEN_LENGTH ? digest(token) : undefined;
  const newToken = () => PREFIX + randomBytes(32).toString('base64url');

  /** @throws Refusal unless the token manages the client, which it holds until the transaction ends */
  const managedBy = (tokenDigest: string) => async (trx: Kysely<Database>, clientId: string) => {
    if (!(await holdManagement(trx, clientId, tokenDigest))) throw new Refusal(noToken);
  };

  async function read(clientId: string, token: string | undefined): Promise<Client | undefined> {
    const tokenDigest = digestOf(token);
    if (!tokenDigest || !(await holdManagement(db, clientId, tokenDigest))) return undefined;
    const client = await findClient(db, clientId);
    return client?.status === 'active' ? client : undefined;
  }

  return {
    async register(metadata, token, from) {
      const initial = policy === 'token' ? digestOf(token) : undefined;
      if (policy === 'token') {
        const live = initial && (await isRegistrationTokenLive(db, initial, new Date(clock.now())));
        if (!live) return noToken;
      }
      const judged = readMetadata(metadata, dynamicUse);
      if ('faults' in judged) return { kind: 'faults', faults: judged.faults };
      const management = newToken();
      const within = async (trx: Kysely<Database>, clientId: string) => {
        const at = new Date(clock.now());
        if (initial && !(await useRegistrationToken(trx, initial, at))) throw new Refusal(noToken);
        const row = { clientId, tokenDigest: digest(management), at, max };
        if (!(await insertRegistration(trx, row))) throw new Refusal({ kind: 'full' });
      };
      const own = { ...from, registered: 'dynamic', within } as const;
      const made = await clients.create(judged.input, { kind: 'anonymous' }, own).catch(refusedIn);
      if (made.kind !== 'created') return refusal(made);
      return registered(made, management);
    },

    read,

    async replace(clientId, token, metadata, from) {
      const tokenDigest = digestOf(token);
      if (!tokenDigest || !(await read(clientId, token))) return noToken;
      const judged = readMetadata(metadata, dynamicUse);
      if ('faults' in judged) return { kind: 'faults', faults: judged.faults };
      const faults = await identityFaults(db, clientId, metadata as Record<string, unknown>, clock.now());
      if (faults.length > 0) return { kind: 'faults', faults };
      const management = newToken();
      const within = async (trx: Kysely<Database>) => {
        await managedBy(tokenDigest)(trx, clientId);
        await replaceManagement(trx, clientId, digest(management));
      };
      const actor = { kind: 'client', id: clientId } as const;
      const made = await clients.update(clientId, judged.input, actor, { ...from, within }).catch(refusedIn);
      if (made.kind !== 'updated') return refusal(made);
      return registered(made, management);
    },

    async remove(clientId, token, from) {
      const tokenDigest = digestOf(token);
      if (!tokenDigest || !(await read(clientId, token))) return false;
      const actor = { kind: 'client', id: clientId } as const;
      const removed = await clients
        .delete(clientId, actor, { ...from, within: managedBy(tokenDigest) })
        .catch(refusedIn);
      return removed === true;
    },

    noteUse({ clientId, registered: own }) {
      if (own) notes.note(clientId, clock.now());
    },

    async sweep() {
      await notes.flush();
      const ago = (seconds: number) => new Date(clock.now() - seconds * 1_000);
      const since = {
        usedBefore: ago(lifetimes.unusedClient),
        neverUsedAndMadeBefore: ago(lifetimes.neverUsedClient),
      };
      let deleted = 0;
      for (const id of await listIdle(db, since, SWEEP_CLIENTS)) {
        const within = async (trx: Kysely<Database>, clientId: string) => {
          if (!(await holdIdle(trx, clientId, since))) throw new Refusal(noToken);
        };
        const done = await clients.delete(id, { kind: 'system' }, { within }).catch(refusedIn);
        if (done === true) deleted += 1;
      }
      return deleted;
    },
    close: notes.close,
  };
}

function registered(made: { client: Client; secret?: string }, token: string): Registered {
  const { client, secret } = made;
  return { kind: 'registered', client, token, ...(secret !== undefined && { secret }) };
}

function refusal(made: Refused | Refusal['outcome']): Refusal['outcome'] {
  if (made.kind === 'faults') return { kind: 'faults', faults: wireFaults(made.faults) };
  if (made.kind === 'exists') throw new Error('a random client id was taken');
  return made.kind === 'absent' ? noToken : made;
}
