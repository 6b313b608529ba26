/** The room's entry: passkeys of accounts, from the first challenge to the last removal. */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../config/clock.ts';
import type { Artifacts } from '../storage/artifacts.ts';
import type { Database } from '../storage/tables.ts';
import type { PasskeyThrottle } from '../throttle/passkey-throttle.ts';
import { type Adding, createAdding, type Notify } from './adding.ts';
import { createCeremonies, type RelyingParty } from './ceremonies.ts';
import { createChallenges } from './challenges.ts';
import { passkeyName } from './names.ts';
import type { By, HolderAccounts, Passkey, PasskeySignIn, RemoveOutcome } from './passkey.ts';
import { countElsewhere, deletePasskey, listPasskeys, renamePasskey } from './passkey-store.ts';
import { createSigningIn, type SigningIn } from './signing-in.ts';

export interface Passkeys {
  readonly rpId: string;
  readonly signingIn: SigningIn;
  readonly adding: Adding;
  /** Oldest first, those too that were made for another relying party. */
  list(accountId: string): Promise<readonly Passkey[]>;
  /** Those that can sign in here. */
  count(accountId: string): Promise<number>;
  /** An empty name gives back the one that it has by itself. Undefined: the account has no such passkey. */
  rename(accountId: string, id: string, name: string, by: By): Promise<Passkey | undefined>;
  /** The last way in is never taken. */
  remove(accountId: string, id: string, by: By): Promise<RemoveOutcome>;
  /** Passkeys that the present relying party id has made useless. */
  elsewhere(): Promise<{ readonly count: number; readonly rpIds: readonly string[] }>;
}

export interface PasskeyParts {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly audit: Pick<Audit, 'append' | 'later'>;
  readonly rp: RelyingParty;
  /** Random secrets of the installation, newest first. */
  readonly keys: readonly string[];
  readonly claim: Artifacts['claim'];
  readonly challengeSeconds: number;
  readonly throttle: PasskeyThrottle;
  readonly accounts: HolderAccounts;
  readonly notify: Notify;
  /** In the transaction that has removed a passkey. */
  readonly onRemoved: (trx: Kysely<Database>, accountId: string, by: By) => Promise<void>;
  readonly onOutcome?: (kind: PasskeySignIn['kind']) => void;
}

export function createPasskeys(parts: PasskeyParts): Passkeys {
  const { db, clock, audit, rp, accounts } = parts;
  const challenges = createChallenges({ ...parts, lifetimeSeconds: parts.challengeSeconds });
  const ceremonies = createCeremonies({ rp, timeoutSeconds: parts.challengeSeconds });
  const common = { ...parts, rpId: rp.id, challenges, ceremonies };
  const usable = (all: readonly Passkey[]) => all.filter(({ rpId }) => rpId === rp.id);

  return {
    rpId: rp.id,
    signingIn: createSigningIn(common),
    adding: createAdding(common),
    list: (accountId) => listPasskeys(db, accountId),
    count: async (accountId) => usable(await listPasskeys(db, accountId)).length,
    rename: (accountId, id, name, by) =>
      db.transaction().execute(async (trx) => {
        const renamed = await renamePasskey(trx, accountId, id, passkeyName(name) ?? null);
        if (!renamed) return undefined;
        await audit.append(trx, { type: 'passkey.renamed', detail: { passkeyId: id }, accountId, ...by });
        return renamed;
      }),
    remove: (accountId, id, by) =>
      db.transaction().execute(async (trx) => {
        // Held until the end, so that two removals at once do not each count on what the other takes.
        const account = await accounts.lock(trx, accountId);
        if (!account) return { kind: 'absent' } as const;
        const mine = await listPasskeys(trx, accountId);
        const wanted = mine.find((one) => one.id === id);
        if (!wanted) return { kind: 'absent' } as const;
        const isLast = wanted.rpId === rp.id && usable(mine).length === 1;
        if (isLast && !(await accounts.hasOtherWayIn(trx, accountId))) {
          return { kind: 'last' } as const;
        }
        const passkey = await deletePasskey(trx, accountId, id);
        if (!passkey) return { kind: 'absent' } as const;
        await audit.append(trx, { type: 'passkey.removed', detail: { passkeyId: id }, accountId, ...by });
        await parts.onRemoved(trx, accountId, by);
        const told = { account, passkey, at: clock.now(), network: by.network };
        await parts.notify(trx, { kind: 'removed', ...told });
        return { kind: 'removed' } as const;
      }),
    elsewhere: () => countElsewhere(db, rp.id),
  };
}
