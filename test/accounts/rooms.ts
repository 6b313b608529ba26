/** The accounts room on a database, with what it is built from. Each test file opens its own. */
import { createAccounts } from '../../src/accounts/accounts.ts';
import { createAuthenticate } from '../../src/accounts/authenticate.ts';
import { createConsents } from '../../src/accounts/consents.ts';
import { createDeletions } from '../../src/accounts/deletion.ts';
import { createMailedProofs } from '../../src/accounts/mailed-proofs.ts';
import { createPasswords } from '../../src/accounts/passwords.ts';
import { createRoles } from '../../src/accounts/roles.ts';
import { createSetupLink } from '../../src/accounts/setup-link.ts';
import { createClientAccess, createStandings } from '../../src/accounts/standing.ts';
import { createAudit } from '../../src/audit/audit.ts';
import { defaultLifetimes } from '../../src/config/lifetimes.ts';
import { defaultLimits } from '../../src/config/limits.ts';
import type { Message } from '../../src/mail/message.ts';
import { createSqlCounters } from '../../src/storage/counters-sql.ts';
import type { OpenDatabase } from '../../src/storage/database.ts';
import { createLease } from '../../src/storage/lease.ts';
import { createSignInThrottle } from '../../src/throttle/sign-in-throttle.ts';
import { quiet, standingClock } from '../clients/databases.ts';

/** The floor: about 30 ms a hash on one core. */
export const argon2 = {
  memoryKib: 19_456,
  timeCost: 2,
  parallelism: 1,
  concurrency: 0,
  queueLength: 1000,
  queueSeconds: 60,
};

export const operator = { actor: { kind: 'operator' } } as const;

export const mailedCodeSecrets = ['a secret of the installation, for codes', 'an older one'];

export function openAccounts(
  { db }: Pick<OpenDatabase, 'db'>,
  clock = standingClock(),
  settings: Partial<typeof argon2> = {},
) {
  const audit = createAudit({ db, clock, log: quiet });
  const lease = createLease({ db, clock, leaseMs: 1000, log: quiet });
  const passwords = createPasswords({ argon2: { ...argon2, ...settings }, minLength: 12, clock });
  const counters = createSqlCounters({ db, clock });
  const throttle = createSignInThrottle({ counters, limits: defaultLimits, clock });
  const lifetimes = defaultLifetimes;
  const common = { db, clock, audit, passwords, lifetimes };
  const mailedProofs = createMailedProofs({ db, clock, secrets: mailedCodeSecrets });
  const farewells: Message[] = [];
  const mail = { write: async (_: unknown, message: Message) => void farewells.push(message) };
  const deletions = createDeletions({ ...common, mail, proofs: mailedProofs });
  return {
    db,
    clock,
    audit,
    lease,
    passwords,
    lifetimes,
    throttle,
    accounts: createAccounts(common),
    roles: createRoles(common),
    consents: createConsents(common),
    setupLink: createSetupLink(common),
    mailedProofs,
    /** The mails of deletions, oldest first. */
    farewells,
    deletions,
    standings: createStandings({ db, lease }),
    clientAccess: createClientAccess({ db, lease }),
    authenticate: createAuthenticate({ ...common, throttle, keepAccount: deletions.keep }),
    async close() {
      await lease.close();
      await audit.close();
    },
  };
}

export type AccountRooms = ReturnType<typeof openAccounts>;

/** An account that is there, or the test is wrong. */
export async function makeAccount(rooms: AccountRooms, email: string, password?: string) {
  const outcome = await rooms.accounts.create({ email, ...(password && { password }) }, operator);
  if (outcome.kind !== 'created') throw new Error(`no account: ${JSON.stringify(outcome)}`);
  return outcome.account;
}

/** The types of the audit events about an account, oldest first. */
export async function auditedOf(rooms: AccountRooms, accountId: string): Promise<string[]> {
  await rooms.audit.flush();
  const { events } = await rooms.audit.search({ accountId });
  return events.map((event) => event.type).reverse();
}
