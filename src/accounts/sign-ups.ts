/**
 * Making one's own account. The order is the defence: an address is proved before anything is an account, so that nobody
 * can hold another person's address. How far a visit has come is kept by the digest of its uid; the proof of its address
 * is bound to that visit, so that a stranger who types the same address voids nobody's code and uses up nobody's tries.
 */
import type { Kysely } from 'kysely';
import { digest } from '../storage/digest.ts';
import { sweepInRounds } from '../storage/sweep-rounds.ts';
import type { Database } from '../storage/tables.ts';
import { undoable } from '../storage/undoable.ts';
import type { Account, By } from './account.ts';
import { canonicalEmail } from './emails.ts';
import type { Busy, Faulty } from './fault.ts';
import type { MailedProof } from './mailed-proofs.ts';
import {
  type BeginOutcome,
  type BeginSignUp,
  createSignUpBegin,
  type SignUpParts,
  subjectOf,
} from './sign-up-begin.ts';
import { createSignUpPolicy } from './sign-up-policy.ts';
import { deleteExpiredSignUps, findSignUp, markProved, takeProved } from './sign-ups-store.ts';

/** Where a sign-up stands: by the visit in whose browser it goes on, or by the token of a mailed link. */
export type SignUpPlace = { readonly visit: string } | { readonly token: string };

export interface NewPerson {
  readonly name: string;
  /** Absent: `also` gives the account its way to sign in. */
  readonly password?: string | undefined;
  /** What else the password must not be made of, such as the app's name. */
  readonly passwordWords?: readonly string[] | undefined;
  /** In the transaction that makes the account: a passkey, for example. False: it cannot be, and nothing is made. */
  readonly also?: ((trx: Kysely<Database>, account: Account) => Promise<boolean>) | undefined;
}

export type CompleteOutcome =
  | { readonly kind: 'created'; readonly account: Account; readonly at: number }
  /** Used, replaced, expired, never ours, or sign-up was closed meanwhile. */
  | { readonly kind: 'gone' }
  /** The address has an account by now: told to whoever has proved that it is theirs. */
  | { readonly kind: 'taken' }
  /** `also` said so; what led here still works. */
  | { readonly kind: 'refused' }
  | Faulty
  | Busy;

export interface SignUps {
  /** Whether whoever comes by may begin. */
  readonly offered: boolean;
  /** Empty: any domain. */
  readonly domains: readonly string[];
  /** Whether an account may be made for this address, by any way in; an invitation always lets it. */
  allowed(email: string): Promise<boolean>;
  begin(typed: BeginSignUp): Promise<BeginOutcome>;
  /** How far a visit has come; undefined when it has not begun. */
  stand(visit: string): Promise<{ readonly email: string; readonly proved: boolean } | undefined>;
  /** The code from the mail, typed where the sign-up began. A wrong one counts. */
  proveByCode(visit: string, code: string): Promise<boolean>;
  /** What a mailed link is for. Uses nothing up. `visits`: it belongs to the sign-up of that visit. */
  look(token: string): Promise<{ readonly email: string; visits(visit: string): boolean } | undefined>;
  /** The link, in the browser where the sign-up began: uses it up, and the visit goes on. */
  proveByLink(visit: string, token: string): Promise<boolean>;
  /** The code of an invitation. @returns the token of a new link that takes its place; undefined when it was wrong */
  linkOfInvitation(o: { readonly email: string; readonly code: string }): Promise<string | undefined>;
  /** Makes the account and uses up what led here, both or neither. */
  complete(place: SignUpPlace, person: NewPerson, by: By): Promise<CompleteOutcome>;
  sweep(): Promise<number>;
}

export function createSignUps(parts: SignUpParts): SignUps {
  const { db, clock, audit, maker, proofs, invitations, settings } = parts;
  const policy = createSignUpPolicy(settings, invitations.isInvited);

  /** A link of either kind; undefined for anything else. */
  async function lookAt(token: string): Promise<MailedProof | undefined> {
    return (await proofs.look('sign-up', token)) ?? proofs.look('invitation', token);
  }

  async function redeem(
    trx: Kysely<Database>,
    place: SignUpPlace,
  ): Promise<{ email: string; emailCanonical: string } | undefined> {
    if ('visit' in place) return takeProved(trx, digest(place.visit), clock.now());
    const proof =
      (await proofs.redeemToken(trx, 'sign-up', place.token)) ??
      (await proofs.redeemToken(trx, 'invitation', place.token));
    const address = proof && canonicalEmail(proof.email);
    return address?.kind === 'email'
      ? { email: address.email, emailCanonical: address.canonical }
      : undefined;
  }

  async function emailAt(place: SignUpPlace): Promise<string | undefined> {
    if ('token' in place) return (await lookAt(place.token))?.email;
    const stand = await findSignUp(db, digest(place.visit), clock.now());
    return stand?.proved ? stand.email : undefined;
  }

  const complete: SignUps['complete'] = async (place, person, by) => {
    // Asked first, so that a stranger has nothing hashed.
    const email = await emailAt(place);
    if (email === undefined || (person.password === undefined && !person.also)) return { kind: 'gone' };
    const name = person.name.trim();
    const prepared = await maker.prepare({
      email,
      ...(name === '' ? {} : { name }),
      ...(person.password === undefined ? {} : { password: person.password }),
      passwordWords: person.passwordWords,
      emailVerified: true,
    });
    if (prepared.kind !== 'prepared') return prepared;
    if (!(await policy.allows(prepared.account.emailCanonical))) return { kind: 'gone' };
    return undoable<CompleteOutcome>(db, async (trx, undo) => {
      await invitations.hold(trx, prepared.account.emailCanonical);
      const proved = await redeem(trx, place);
      // What the visit is about may have changed since it was read.
      if (proved?.emailCanonical !== prepared.account.emailCanonical) return undo({ kind: 'gone' });
      const { roles, invitationId } = await invitations.take(trx, proved.emailCanonical);
      // An invitation that somebody else took, or an operator took back, meanwhile.
      if (invitationId === undefined && !policy.allowsUninvited(proved.emailCanonical)) {
        return undo({ kind: 'gone' });
      }
      const made = await maker.insert(trx, { ...prepared.account, roles }, by);
      // The proof is kept: it is spent on an account, and there is one.
      if (made.kind === 'taken') return undo({ kind: 'taken' });
      if (made.kind === 'faults') return undo(made);
      const { account } = made;
      const event = { accountId: account.id, ...by };
      if (invitationId !== undefined) {
        await audit.append(trx, { type: 'invitation.accepted', detail: { invitationId }, ...event });
      }
      if (person.also && !(await person.also(trx, account))) return undo({ kind: 'refused' });
      return { ...made, at: clock.now() };
    });
  };

  return {
    offered: settings.policy !== 'closed' && parts.mail.kind !== 'off',
    domains: settings.domains,
    begin: createSignUpBegin(parts, policy),
    complete,
    async allowed(email) {
      const address = canonicalEmail(email);
      return address.kind === 'email' && policy.allows(address.canonical);
    },
    async stand(visit) {
      const found = await findSignUp(db, digest(visit), clock.now());
      return found && { email: found.email, proved: found.proved };
    },
    async proveByCode(visit, code) {
      const visitDigest = digest(visit);
      const stand = await findSignUp(db, visitDigest, clock.now());
      if (!stand || stand.proved) return false;
      return db.transaction().execute(async (trx) => {
        const subject = subjectOf(stand.emailCanonical, visitDigest);
        const proof = await proofs.redeemCode(trx, 'sign-up', subject, code);
        return proof !== undefined && markProved(trx, visitDigest, stand.emailCanonical, clock.now());
      });
    },
    async look(token) {
      const proof = await lookAt(token);
      return proof && { email: proof.email, visits: (visit) => proof.data.visit === digest(visit) };
    },
    async proveByLink(visit, token) {
      const visitDigest = digest(visit);
      return undoable<boolean>(db, async (trx, undo) => {
        const proof = await proofs.redeemToken(trx, 'sign-up', token);
        const address = proof && canonicalEmail(proof.email);
        if (proof?.data.visit !== visitDigest || address?.kind !== 'email') return undo(false);
        return (await markProved(trx, visitDigest, address.canonical, clock.now())) || undo(false);
      });
    },
    async linkOfInvitation({ email, code }) {
      const address = canonicalEmail(email);
      if (address.kind === 'refused') return undefined;
      return db.transaction().execute(async (trx) => {
        const proof = await proofs.redeemCode(trx, 'invitation', address.canonical, code);
        if (!proof) return undefined;
        const lifetimeSeconds = Math.max(1, Math.floor((proof.expiresAt - clock.now()) / 1000));
        const { token } = await proofs.issue(trx, {
          purpose: 'invitation',
          subject: address.canonical,
          email: proof.email,
          lifetimeSeconds,
        });
        return token;
      });
    },
    sweep: () => sweepInRounds((rows) => deleteExpiredSignUps(db, clock.now(), rows)),
  };
}
