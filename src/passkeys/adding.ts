/**
 * A new passkey, in two steps: what it proves first, then its row, in a transaction that holds the account. A sign-up, whose
 * account is not there yet, takes the steps apart.
 */
import { createHmac } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import { hasEnded, type SignInAt } from '../storage/ended-access.ts';
import type { Database } from '../storage/tables.ts';
import type { Ceremonies } from './ceremonies.ts';
import type { Challenges } from './challenges.ts';
import { passkeyName } from './names.ts';
import type { AddOutcome, By, Holder, HolderAccounts, Passkey, VerifiedPasskey } from './passkey.ts';
import { insertPasskey, listPasskeys } from './passkey-store.ts';
import { readRegistration } from './responses.ts';

/** Several for each of a person's devices; the list goes into every page that adds one. */
export const MOST_PASSKEYS = 20;

export type Notify = (
  trx: Kysely<Database>,
  notice: {
    readonly kind: 'added' | 'removed' | 'counter-went-back';
    readonly account: { readonly id: string; readonly email: string; readonly emailVerified: boolean };
    readonly passkey: Passkey;
    readonly at: number;
    readonly network?: string | undefined;
  },
) => Promise<void>;

export type Prepared =
  | { readonly kind: 'verified'; readonly passkey: VerifiedPasskey }
  | { readonly kind: 'stale' | 'rejected' };

export interface Adding {
  /**
   * What the browser is asked for (PublicKeyCredentialCreationOptionsJSON).
   * @param bound a secret word of this browser and page
   */
  options(holder: Holder, bound: string): Promise<unknown>;
  /** Checks the browser's answer, whose challenge is used up either way. */
  prepare(o: { holder: Pick<Holder, 'id'>; bound: string; response: string }): Promise<Prepared>;
  /** The row and its audit event, for an account that `trx` has made or holds. */
  insert(
    trx: Kysely<Database>,
    o: { accountId: string; passkey: VerifiedPasskey; name?: string | undefined; by: By },
  ): Promise<AddOutcome>;
  /**
   * Both for an account that is there; its holder is told.
   * @param o.signedIn the sign-in that it builds on: rejected when that was ended meanwhile, on whichever process
   */
  add(o: {
    holder: Pick<Holder, 'id'>;
    signedIn?: SignInAt | undefined;
    bound: string;
    response: string;
    name?: string | undefined;
    by: By;
  }): Promise<AddOutcome>;
}

export function createAdding(o: {
  db: Kysely<Database>;
  clock: Clock;
  audit: Pick<Audit, 'append'>;
  rpId: string;
  /** Newest first. */
  keys: readonly string[];
  challenges: Challenges;
  ceremonies: Ceremonies;
  accounts: HolderAccounts;
  notify: Notify;
}): Adding {
  const { db, clock, challenges, ceremonies } = o;

  /**
   * Section 14.6.1: what the authenticator knows an account as says nothing of it. Made from a secret of this installation,
   * so that it is the same on every page and process before there is a row; once there is, the row is what counts.
   */
  function userHandleOf(holderId: string, known: readonly Passkey[]): string {
    const key = o.keys[0] ?? '';
    const fresh = () => createHmac('sha256', key).update(`user handle\n${holderId}`).digest('base64url');
    return known[0]?.userHandle ?? fresh();
  }

  const usable = async (at: Kysely<Database>, accountId: string) =>
    (await listPasskeys(at, accountId)).filter(({ rpId }) => rpId === o.rpId);

  const adding: Adding = {
    async options(holder, bound) {
      const known = await usable(db, holder.id);
      const challenge = challenges.issue({ purpose: 'add', bound, holderId: holder.id });
      return ceremonies.addOptions(challenge, holder, userHandleOf(holder.id, known), known);
    },
    async prepare({ holder, bound, response }) {
      const answer = readRegistration(response);
      if (!answer) return { kind: 'rejected' };
      const place = { purpose: 'add', bound, holderId: holder.id } as const;
      if (!(await challenges.redeem(place, answer.challenge))) return { kind: 'stale' };
      const userHandle = userHandleOf(holder.id, await usable(db, holder.id));
      const passkey = await ceremonies.verifyNew(answer, userHandle);
      return passkey ? { kind: 'verified', passkey } : { kind: 'rejected' };
    },
    async insert(trx, { accountId, passkey, name, by }) {
      const at = clock.now();
      const { length } = await listPasskeys(trx, accountId);
      if (length >= MOST_PASSKEYS) return { kind: 'full', most: MOST_PASSKEYS };
      const added = await insertPasskey(trx, {
        accountId,
        rpId: o.rpId,
        passkey,
        name: passkeyName(name),
        at,
      });
      if (!added) return { kind: 'known' };
      const detail = { passkeyId: added.id, synced: added.synced };
      await o.audit.append(trx, { type: 'passkey.added', detail, accountId, ...by });
      return { kind: 'added', passkey: added, at };
    },
    async add({ holder, signedIn, bound, response, name, by }) {
      const prepared = await adding.prepare({ holder, bound, response });
      if (prepared.kind !== 'verified') return prepared;
      const at = clock.now();
      return db.transaction().execute(async (trx) => {
        const account = await o.accounts.lock(trx, holder.id);
        if (account?.status !== 'active') return { kind: 'rejected' } as const;
        if (signedIn && (await hasEnded(trx, account.id, signedIn))) return { kind: 'rejected' } as const;
        const { passkey } = prepared;
        const outcome = await adding.insert(trx, { accountId: account.id, passkey, name, by });
        if (outcome.kind !== 'added') return outcome;
        const told = { account, passkey: outcome.passkey, at, network: by.network };
        await o.notify(trx, { kind: 'added', ...told });
        return { ...outcome, at };
      });
    },
  };
  return adding;
}
