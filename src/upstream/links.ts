/** Which accounts somebody at a provider signs in to: made, used and taken away, each in one transaction with its notice. */
import type { Kysely } from 'kysely';
import { digest } from '../storage/digest.ts';
import { hasEnded, type SignInAt } from '../storage/ended-access.ts';
import type { Database } from '../storage/tables.ts';
import { undoable } from '../storage/undoable.ts';
import type { Held } from './attempts.ts';
import { type Coming, isPerson, isProved, keyOf, methodsOf } from './coming.ts';
import {
  deleteIdentity,
  findIdentity,
  hasWorkingIdentity,
  type IdentityKey,
  insertIdentity,
  type LinkedIdentity,
  listIdentities,
} from './identities-store.ts';
import type { UpstreamPerson } from './person.ts';
import type { UpstreamFailure } from './upstream-client.ts';
import type { From } from './upstream-needs.ts';
import type { ProviderButton, SignedIn, UpstreamParts } from './upstream-parts.ts';

export type Joined =
  | SignedIn
  /** It is over, or somebody else was faster. */
  | { readonly kind: 'gone' }
  /** The address has an account by now. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'closed' }
  /** The name cannot be used. */
  | { readonly kind: 'name' };

export type LinkOutcome =
  | { readonly kind: 'linked' | 'yours' | 'anothers'; readonly provider: ProviderButton }
  | {
      readonly kind: 'failed';
      readonly provider: ProviderButton;
      readonly reason: UpstreamFailure['reason'];
    };

/** A link as its holder sees it; `id` names it in addresses. */
export interface ShownLink {
  readonly id: string;
  readonly provider: ProviderButton;
  readonly email?: string | undefined;
  /** ms */
  readonly linkedAt: number;
  readonly lastUsedAt?: number | undefined;
}

export interface Links {
  /** Makes the account, linked. */
  join(held: Held, uid: string, name: string, from: From): Promise<Joined>;
  /** The whole sign-in is done: links what was proved for this account, if anything was. */
  complete(held: Held, uid: string, signedIn: SignInAt & { accountId: string }, from: From): Promise<void>;
  /**
   * The account holder comes back from a provider that is to be another way in. Undefined: it is over.
   * @param signedIn the sign-in that it builds on: over when that was ended meanwhile, on whichever process
   */
  link(held: Held, accountId: string, from: From, signedIn?: SignInAt): Promise<LinkOutcome | undefined>;
  list(accountId: string): Promise<readonly ShownLink[]>;
  /**
   * @returns `last`: the account would have no way in any more; `absent`: it is not there, or another account's
   */
  unlink(accountId: string, id: string, from: From): Promise<'unlinked' | 'last' | 'absent'>;
}

export function createLinks(
  { db, clock, audit, attempts, needs, onOutcome }: UpstreamParts,
  { stranger, buttonOf }: Coming,
): Links {
  async function add(
    trx: Kysely<Database>,
    { person, provider }: { person: UpstreamPerson; provider: ProviderButton },
    accountId: string,
    how: 'sign-up' | 'proof' | 'portal',
    from: From,
  ): Promise<boolean> {
    const at = clock.now();
    const link = { accountId, email: person.email, at, used: how !== 'portal' };
    if (!(await insertIdentity(trx, keyOf(person), link))) return false;
    const detail = { provider: provider.id, by: how };
    const actor = { kind: 'account', id: accountId } as const;
    await audit.append(trx, { type: 'identity.linked', detail, actor, accountId, ...from });
    if (how !== 'sign-up') {
      const key = `identity-linked ${linkId(keyOf(person))} ${at}`;
      await needs.tell(trx, 'identity-linked', { accountId, provider: provider.name, key, from });
    }
    return true;
  }

  return {
    async join(held, uid, name, from) {
      const found = await stranger(held, uid);
      if (!found || !isProved(found)) return { kind: 'gone' };
      const { person, address } = found;
      if (!(await needs.signUpAllowed(address.canonical))) return { kind: 'closed' };
      const at = clock.now();
      const by = { actor: { kind: 'anonymous' }, ...from } as const;
      const made = await undoable<Joined>(db, async (trx, undo) => {
        if (!(await attempts.use(trx, held))) return undo({ kind: 'gone' });
        const { profile } = person;
        const account = await needs.makeAccount(trx, { email: address.email, name, profile }, by);
        // The attempt is given back: the person proves that the account is theirs, or types another name.
        if (account.kind === 'taken') return undo({ kind: 'taken' });
        if (account.kind === 'refused') return undo({ kind: 'name' });
        const { accountId } = account;
        if (!(await add(trx, found, accountId, 'sign-up', from))) return undo({ kind: 'gone' });
        return { kind: 'signed-in', accountId, amr: methodsOf(person), at };
      });
      if (made.kind === 'signed-in') onOutcome('joined');
      return made;
    },
    async complete(held, uid, signedIn, from) {
      const { accountId } = signedIn;
      const found = await stranger(held, uid);
      if (found?.standing.linkTo !== accountId) return;
      const linked = await db.transaction().execute(async (trx) => {
        await needs.lockAccount(trx, accountId);
        if (await hasEnded(trx, accountId, signedIn)) return false;
        const used = await attempts.use(trx, held);
        const isFor = used && isPerson(used) && used.outcome.standing.linkTo === accountId;
        return isFor ? add(trx, found, accountId, 'proof', from) : false;
      });
      if (linked) onOutcome('linked');
    },
    async link(held, accountId, from, signedIn) {
      const found = await attempts.find(held);
      if (!found) return undefined;
      const provider = await buttonOf(found.providerId);
      return db.transaction().execute(async (trx): Promise<LinkOutcome | undefined> => {
        await needs.lockAccount(trx, accountId);
        if (signedIn && (await hasEnded(trx, accountId, signedIn))) return undefined;
        const settled = await attempts.use(trx, held);
        if (settled?.purpose.kind !== 'link' || settled.purpose.accountId !== accountId) return undefined;
        const { outcome } = settled;
        if (outcome.kind === 'failed') return { kind: 'failed', provider, reason: outcome.reason };
        const { person } = outcome;
        if (await add(trx, { person, provider }, accountId, 'portal', from))
          return { kind: 'linked', provider };
        const holder = await findIdentity(trx, keyOf(person));
        return { kind: holder?.accountId === accountId ? 'yours' : 'anothers', provider };
      });
    },
    async list(accountId) {
      const found = await listIdentities(db, accountId);
      return Promise.all(found.map(async (one) => shown(one, await buttonOf(one.providerId))));
    },
    async unlink(accountId, id, from) {
      const found = (await listIdentities(db, accountId)).find((one) => linkId(one) === id);
      if (!found) return 'absent';
      const { name } = await buttonOf(found.providerId);
      return undoable<'unlinked' | 'last' | 'absent'>(db, async (trx, undo) => {
        await needs.lockAccount(trx, accountId);
        if (!(await deleteIdentity(trx, accountId, found))) return undo('absent');
        const stays = (await needs.hasOwnWayIn(trx, accountId)) || (await hasWorkingIdentity(trx, accountId));
        if (!stays) return undo('last');
        const actor = { kind: 'account', id: accountId } as const;
        const detail = { provider: found.providerId };
        await audit.append(trx, { type: 'identity.unlinked', detail, actor, accountId, ...from });
        const key = `identity-unlinked ${id} ${clock.now()}`;
        await needs.tell(trx, 'identity-unlinked', { accountId, provider: name, key, from });
        return 'unlinked';
      });
    },
  };
}

function shown(link: LinkedIdentity, provider: ProviderButton): ShownLink {
  const { email, linkedAt, lastUsedAt } = link;
  return { id: linkId(link), provider, email, linkedAt, lastUsedAt };
}

/** The subject is the provider's business and stands in no address of ours. */
function linkId({ providerId, issuer, subject }: IdentityKey): string {
  return digest(JSON.stringify([providerId, issuer, subject]));
}
