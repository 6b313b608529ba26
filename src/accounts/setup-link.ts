/**
 * The one-time link that makes the first administrator. Its token is random and kept as a digest only; it works once,
 * for an hour, only while nobody is an administrator, and only the newest. That the link is offered to a loopback
 * address alone is the pages' rule.
 */
import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import { digest } from '../storage/digest.ts';
import type { Database } from '../storage/tables.ts';
import { undoable } from '../storage/undoable.ts';
import type { Account, By } from './account.ts';
import { createAccountMaker } from './account-maker.ts';
import type { Fault } from './fault.ts';
import type { Passwords } from './passwords.ts';
import { isRoleHeld } from './role-store.ts';
import { ADMINISTRATOR } from './roles.ts';

export type SetupOutcome =
  | { readonly kind: 'created'; readonly account: Account }
  /** Used, replaced, too old, never ours, or there is an administrator by now. */
  | { readonly kind: 'gone' }
  /** The first fault; the link still works. */
  | { readonly kind: 'fault'; readonly field: 'email' | 'name' | 'password'; readonly fault: Fault }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number };

export interface SetupLink {
  /** The token of a new link, which replaces any earlier one. Undefined when there is an administrator. */
  offer(): Promise<string | undefined>;
  /** Whether the link is live. Uses nothing up. */
  isLive(token: string): Promise<boolean>;
  /** Makes the first administrator and uses the link up, both or neither; one of any number of callers. */
  complete(input: {
    token: string;
    email: string;
    name: string;
    password: string;
    network?: string | undefined;
    requestId?: string | undefined;
  }): Promise<SetupOutcome>;
}

/** 256 bits, 43 characters. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/;
const FIELDS = ['email', 'name', 'password'] as const;
const TAKEN: Fault = { field: 'email', message: 'has an account already', text: { key: 'setup.taken' } };

export function createSetupLink({
  db,
  clock,
  audit,
  passwords,
  lifetimes,
}: {
  db: Kysely<Database>;
  clock: Clock;
  audit: Pick<Audit, 'append'>;
  passwords: Passwords;
  lifetimes: Pick<Lifetimes, 'setupLink'>;
}): SetupLink {
  const by: By = { actor: { kind: 'system' } };
  const maker = createAccountMaker({ db, clock, audit, passwords });

  async function isLive(token: string): Promise<boolean> {
    if (!TOKEN.test(token)) return false;
    const link = await db
      .selectFrom('setup_links')
      .select('slot')
      .where('token_digest', '=', digest(token))
      .where('used_at', 'is', null)
      .where('expires_at', '>', new Date(clock.now()))
      .executeTakeFirst();
    return link !== undefined && !(await isRoleHeld(db, ADMINISTRATOR));
  }

  /** One statement: of any number of callers one gets the row, and only while nobody is an administrator. */
  async function use(trx: Kysely<Database>, token: string): Promise<boolean> {
    const now = new Date(clock.now());
    const used = await trx
      .updateTable('setup_links')
      .set({ used_at: now })
      .where('token_digest', '=', digest(token))
      .where('used_at', 'is', null)
      .where('expires_at', '>', now)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('account_roles')
              .select('account_id')
              .where('audience', '=', ADMINISTRATOR.audience)
              .where('role', '=', ADMINISTRATOR.role),
          ),
        ),
      )
      .returning('slot')
      .executeTakeFirst();
    return used !== undefined;
  }

  return {
    isLive,
    async offer() {
      if (await isRoleHeld(db, ADMINISTRATOR)) return undefined;
      const token = randomBytes(32).toString('base64url');
      const now = clock.now();
      const expiresAt = now + lifetimes.setupLink * 1000;
      const link = {
        token_digest: digest(token),
        created_at: new Date(now),
        expires_at: new Date(expiresAt),
        used_at: null,
      };
      await db.transaction().execute(async (trx) => {
        await trx
          .insertInto('setup_links')
          .values({ slot: 1, ...link })
          .onConflict((conflict) => conflict.column('slot').doUpdateSet(link))
          .execute();
        await audit.append(trx, { type: 'setup.link-made', detail: { expiresAt }, ...by });
      });
      return token;
    },
    async complete({ token, email, name, password, network, requestId }) {
      // Asked first, so that a stranger without a link has nothing hashed.
      if (!(await isLive(token))) return { kind: 'gone' };
      const prepared = await maker.prepare({
        email,
        // The page calls the name optional.
        ...(name.trim() === '' ? {} : { name }),
        password,
        emailVerified: true,
        roles: [ADMINISTRATOR],
      });
      if (prepared.kind === 'busy') return prepared;
      if (prepared.kind === 'faults') return asFault(prepared.faults);
      const context = { ...by, network, requestId };
      const outcome = await undoable<SetupOutcome>(db, async (trx, undo) => {
        if (!(await use(trx, token))) return { kind: 'gone' } as const;
        const made = await maker.insert(trx, prepared.account, context);
        // The link is given back with everything else: the person may choose another address.
        if (made.kind === 'taken') return undo(asFault([TAKEN]));
        if (made.kind === 'faults') return undo(asFault(made.faults));
        await audit.append(trx, {
          type: 'setup.completed',
          detail: {},
          accountId: made.account.id,
          ...context,
        });
        return made;
      });
      return outcome;
    },
  };
}

function asFault([first = { field: 'name', message: 'cannot be used' }]: readonly Fault[]): SetupOutcome {
  return { kind: 'fault', field: FIELDS.find((name) => name === first.field) ?? 'name', fault: first };
}
