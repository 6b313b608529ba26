/**
 * What a token needs to know of the account or service client behind it, kept in memory under the one-second lease:
 * may it act at all, what of it has ended, and which roles does it hold at which resource server.
 */
import type { Kysely } from 'kysely';
import { type SecondFactorPolicy, strictestPolicy } from '../config/second-factor.ts';
import type { Lease } from '../storage/changes.ts';
import type { EndReason } from '../storage/end-reasons.ts';
import { isEnded, loadEnds } from '../storage/ended-access.ts';
import { createLeasedCache } from '../storage/leased-cache.ts';
import type { Database } from '../storage/tables.ts';
import type { Account } from './account.ts';
import { findAccount } from './account-store.ts';
import { listRoles, type Role, type RoleKey, rolesOfAccount, rolesOfClient } from './role-store.ts';

/** What a holder may do at one resource server; both lists sorted. */
export interface Access {
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
}

/** Roles by audience, put together from the holder's grants and the roles' present permissions. */
export interface Accesses {
  /** Roles and permissions at that audience only; empty lists when there are none. */
  access(audience: string): Access;
  /** The audiences at which a role is held, sorted. */
  readonly audiences: readonly string[];
  /** The strictest second factor that a role of theirs demands, and, for a person, that the account itself does. */
  readonly secondFactor: SecondFactorPolicy;
}

export interface Standing extends Accesses {
  readonly account: Account;
  /** Milliseconds: what was born at or before this, a family of that client or any session, is dead. 0 = nothing. */
  endedBefore(clientId?: string): number;
  /** Whether what comes from a sign-in at that time (ms), in the session of that uid if in one, is dead. */
  isEnded(signedInAt: number, session?: string): boolean;
  readonly endReason?: EndReason | undefined;
  /** What ended the account's families of one client alone: those born at or before `at` (ms; 0: nothing did). */
  endOf(clientId: string): { readonly at: number; readonly reason: EndReason };
}

export interface Standings {
  /** Undefined: unknown, deleted or disabled. @throws StorageUnavailable when the lease has lapsed and SQL is away */
  get(accountId: string): Promise<Standing | undefined>;
}

/** The roles of service clients, by client id. A client without roles has empty lists, known or not. */
export interface ClientAccess {
  get(clientId: string): Promise<Accesses>;
}

interface StandingParts {
  readonly db: Kysely<Database>;
  readonly lease: Lease;
  /** How many holders are kept in memory. */
  readonly max?: number;
}

type Roles = ReadonlyMap<string, Pick<Role, 'permissions' | 'secondFactor'>>;

/** 20,000 accounts of about 1 kB: what is in use at once, and 20 MB at the most. */
const MAX_HOLDERS = 20_000;
const MAX_AUDIENCES = 2_000;
const NOTHING: Access = { roles: [], permissions: [] };

export function createStandings({ db, lease, max = MAX_HOLDERS }: StandingParts): Standings {
  const accessesOf = createAccessesOf({ db, lease });
  const accounts = createLeasedCache({
    lease,
    kind: 'account',
    max,
    load: async (id) => {
      const account = await findAccount(db, id);
      if (account?.status !== 'active') return undefined;
      const [roles, ends] = await Promise.all([rolesOfAccount(db, id), loadEnds(db, { accountId: id })]);
      return { account, roles, ends };
    },
  });

  return {
    async get(accountId) {
      const found = await accounts.get(accountId);
      if (!found) return undefined;
      const { account, roles, ends } = found;
      const accesses = await accessesOf(roles);
      return {
        account,
        endReason: ends.reason,
        endOf: (clientId) => ({
          at: ends.byOther.get(clientId) ?? 0,
          reason: ends.otherReasons?.get(clientId) ?? 'consent withdrawn',
        }),
        isEnded: (signedInAt, session) => isEnded(ends, signedInAt, session),
        endedBefore: (clientId) =>
          Math.max(ends.allBefore, clientId === undefined ? 0 : (ends.byOther.get(clientId) ?? 0)),
        ...accesses,
        secondFactor: strictestPolicy([account.secondFactor, accesses.secondFactor]),
      };
    },
  };
}

export function createClientAccess({ db, lease, max = MAX_HOLDERS }: StandingParts): ClientAccess {
  const accessesOf = createAccessesOf({ db, lease });
  const clients = createLeasedCache({
    lease,
    kind: 'client',
    max,
    load: (clientId) => rolesOfClient(db, clientId),
  });
  return { get: async (clientId) => accessesOf((await clients.get(clientId)) ?? []) };
}

/** Permissions are kept by audience, apart from their holders: a role that changes makes one entry new, not a million. */
function createAccessesOf({ db, lease }: StandingParts): (held: readonly RoleKey[]) => Promise<Accesses> {
  const rolesAt = createLeasedCache<Roles>({
    lease,
    kind: 'role',
    max: MAX_AUDIENCES,
    load: async (audience) => new Map((await listRoles(db, audience)).map((role) => [role.name, role])),
  });

  return async (held) => {
    const byAudience = new Map<string, Access>();
    const demanded: (SecondFactorPolicy | undefined)[] = [];
    for (const audience of new Set(held.map((role) => role.audience))) {
      const known: Roles = (await rolesAt.get(audience)) ?? new Map();
      // A role that is gone from its audience is held no longer, whatever the list of the holder still says.
      const roles = held
        .filter((one) => one.audience === audience && known.has(one.role))
        .map((one) => one.role);
      const allowed = new Set(roles.flatMap((role) => known.get(role)?.permissions ?? []));
      demanded.push(...roles.map((role) => known.get(role)?.secondFactor));
      if (roles.length > 0) {
        byAudience.set(audience, { roles: roles.sort(), permissions: [...allowed].sort() });
      }
    }
    return {
      access: (audience) => byAudience.get(audience) ?? NOTHING,
      audiences: [...byAudience.keys()].sort(),
      secondFactor: strictestPolicy(demanded),
    };
  };
}
