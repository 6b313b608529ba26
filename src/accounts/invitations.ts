/**
 * Invitations: an operator names an address and the roles that its account gets. The roles stand in the row and nowhere
 * else, so that no link and no form can change them; the mailed proof (mailed-proofs.ts) only shows that whoever comes
 * reads that mailbox. The account that is made for the address takes the invitation with it, by whichever way it came.
 */
import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { Mail } from '../mail/mail.ts';
import { sweepInRounds } from '../storage/sweep-rounds.ts';
import type { Database } from '../storage/tables.ts';
import type { By, RoleReference } from './account.ts';
import { findAccountByEmail } from './account-store.ts';
import { canonicalEmail } from './emails.ts';
import type { Faulty, Taken } from './fault.ts';
import {
  deleteExpiredInvitations,
  deleteInvitation,
  findInvitation,
  holdInvitation,
  type Invitation,
  insertInvitation,
  listInvitations,
  takeInvitation,
} from './invitations-store.ts';
import type { MailedProofs } from './mailed-proofs.ts';
import { resolveRole } from './role-store.ts';

export interface Invitations {
  /**
   * Writes the mail, too; an older invitation of the address no longer counts.
   * @param o.lifetimeSeconds the setting's when absent
   * @param o.locale the mail's language (BCP 47); the default one when absent
   * @returns `taken` when the address has an account
   */
  create(
    o: {
      readonly email: string;
      readonly roles?: readonly RoleReference[] | undefined;
      readonly lifetimeSeconds?: number | undefined;
      readonly locale?: string | undefined;
    },
    by: By,
  ): Promise<{ readonly kind: 'invited'; readonly invitation: Invitation } | Faulty | Taken>;
  /** Oldest first; at most 500. */
  list(): Promise<readonly Invitation[]>;
  /** Its link and code are void. False when there is none. */
  delete(id: string, by: By): Promise<boolean>;
  isInvited(emailCanonical: string): Promise<boolean>;
  /**
   * Holds the invitation of an address, if there is one, until the transaction ends. Whoever uses up its mailed proof holds it
   * before: all others lock the invitation first and the proof then, and nobody waits in a circle.
   */
  hold(trx: Kysely<Database>, emailCanonical: string): Promise<void>;
  /**
   * Uses up the invitation of an address that was proved, in the transaction that makes its account.
   * @returns the roles that it gives and that are still there
   */
  take(trx: Kysely<Database>, emailCanonical: string): Promise<Taking>;
  sweep(): Promise<number>;
}

export interface Taking {
  readonly roles: readonly RoleReference[];
  /** Absent: the address was not invited. */
  readonly invitationId?: string | undefined;
}

/** More than anybody looks through at a terminal. */
const MOST_LISTED = 500;
const MOST_ROLES = 50;
export const MAX_INVITATION_SECONDS = 90 * 86_400;

export function createInvitations(o: {
  db: Kysely<Database>;
  clock: Clock;
  audit: Pick<Audit, 'append'>;
  proofs: Pick<MailedProofs, 'issue' | 'withdraw'>;
  mail: Pick<Mail, 'write'>;
  lifetimes: Pick<Lifetimes, 'invitation'>;
}): Invitations {
  const { db, clock, audit, proofs, mail } = o;

  return {
    async create({ email, roles = [], lifetimeSeconds = o.lifetimes.invitation, locale }, by) {
      const address = canonicalEmail(email);
      if (address.kind === 'refused')
        return { kind: 'faults', faults: [{ field: 'email', message: address.message }] };
      if (roles.length > MOST_ROLES)
        return { kind: 'faults', faults: [{ field: 'role', message: `may be given ${MOST_ROLES} times` }] };
      return db.transaction().execute(async (trx) => {
        const resolved: Awaited<ReturnType<typeof resolveRole>>[] = [];
        for (const reference of roles) resolved.push(await resolveRole(trx, reference));
        const faults = resolved.flatMap((role) => (role.kind === 'fault' ? [role.fault] : []));
        if (faults.length > 0) return { kind: 'faults', faults };
        if (await findAccountByEmail(trx, address.canonical)) return { kind: 'taken' };
        const createdAt = clock.now();
        const invitation: Invitation = {
          id: `inv_${randomBytes(9).toString('base64url')}`,
          email: address.email,
          emailCanonical: address.canonical,
          roles: resolved.flatMap((role) =>
            role.kind === 'role' ? [{ audience: role.audience, role: role.name }] : [],
          ),
          createdAt,
          expiresAt: createdAt + lifetimeSeconds * 1000,
        };
        await insertInvitation(trx, invitation);
        const { token, code } = await proofs.issue(trx, {
          purpose: 'invitation',
          subject: address.canonical,
          email: address.email,
          lifetimeSeconds,
        });
        await mail.write(trx, {
          kind: 'invitation',
          key: `invitation:${invitation.id}`,
          to: address.email,
          locale,
          data: { code, link: `/link/${token}`, until: invitation.expiresAt },
        });
        const detail = {
          invitationId: invitation.id,
          roles: invitation.roles.map(({ audience, role }) => `${audience} ${role}`),
          expiresAt: invitation.expiresAt,
        };
        await audit.append(trx, { type: 'invitation.created', detail, ...by });
        return { kind: 'invited', invitation };
      });
    },
    list: () => listInvitations(db, MOST_LISTED),
    delete: (id, by) =>
      db.transaction().execute(async (trx) => {
        const deleted = await deleteInvitation(trx, id);
        if (!deleted) return false;
        await proofs.withdraw(trx, 'invitation', deleted.emailCanonical);
        await audit.append(trx, { type: 'invitation.deleted', detail: { invitationId: id }, ...by });
        return true;
      }),
    isInvited: async (emailCanonical) =>
      (await findInvitation(db, emailCanonical, clock.now())) !== undefined,
    hold: holdInvitation,
    async take(trx, emailCanonical) {
      const taken = await takeInvitation(trx, emailCanonical, clock.now());
      if (!taken) return { roles: [] };
      await proofs.withdraw(trx, 'invitation', emailCanonical);
      const roles: RoleReference[] = [];
      for (const reference of taken.roles) {
        // One that was deleted since is nobody's any more.
        if ((await resolveRole(trx, reference)).kind === 'role') roles.push(reference);
      }
      return { roles, invitationId: taken.id };
    },
    sweep: () => sweepInRounds((rows) => deleteExpiredInvitations(db, clock.now(), rows)),
  };
}
