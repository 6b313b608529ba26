/** The passkeys room on a database, with the accounts behind it and a pen that notes whom it would write to. */
import { findSettledAccount, hasPassword, lockAccount } from '../../src/accounts/account-store.ts';
import type { Limit } from '../../src/config/limits.ts';
import type { Notify } from '../../src/passkeys/adding.ts';
import type { Holder, Passkey } from '../../src/passkeys/passkey.ts';
import { createPasskeys } from '../../src/passkeys/passkeys.ts';
import { createSqlArtifacts } from '../../src/storage/artifacts-sql.ts';
import { createSqlCounters } from '../../src/storage/counters-sql.ts';
import { createPasskeyThrottle } from '../../src/throttle/passkey-throttle.ts';
import { makeAccount, openAccounts } from '../accounts/rooms.ts';
import { standingClock, type TestDatabase } from '../clients/databases.ts';
import {
  type Algorithm,
  type Authenticator,
  type CreationOptions,
  type Credential,
  createAuthenticator,
  type Lies,
} from './authenticator.ts';

export const ORIGIN = 'https://id.example.com';
export const RP_ID = 'id.example.com';
/** The secret word of one page of one browser. */
export const PAGE = 'page-of-this-browser';
export const NETWORK = '192.0.2.1';

export function openPasskeyRooms(
  database: TestDatabase,
  o: { rpId?: string; limit?: Limit; network?: string; clock?: ReturnType<typeof standingClock> } = {},
) {
  const { db } = database;
  const clock = o.clock ?? standingClock();
  const rooms = openAccounts(database, clock);
  const notices: { kind: string; to: string; name: string | undefined }[] = [];
  const notify: Notify = async (_, { kind, account, passkey }) => {
    notices.push({ kind, to: account.email, name: passkey.name });
  };
  const passkeys = createPasskeys({
    db,
    clock,
    audit: rooms.audit,
    rp: { id: o.rpId ?? RP_ID, name: 'Cardea', origin: ORIGIN },
    keys: ['the key of this test'],
    claim: claimsOf(database, clock),
    challengeSeconds: 300,
    throttle: createPasskeyThrottle({
      counters: createSqlCounters({ db, clock }),
      limits: { passkeyPerNetwork: o.limit ?? { limit: 10_000, windowSeconds: 900 } },
      clock,
    }),
    accounts: { settled: findSettledAccount, lock: lockAccount, hasOtherWayIn: hasPassword },
    notify,
    onRemoved: async () => undefined,
  });
  const authenticator = createAuthenticator(ORIGIN);

  const by = (id: string) => ({ actor: { kind: 'account', id }, network: NETWORK }) as const;

  /** One go of making a passkey, with whatever lies are told. */
  async function add(holder: Holder, lies: Lies = {}, algorithm: Algorithm = 'ES256', again?: Credential) {
    const options = (await passkeys.adding.options(holder, PAGE)) as CreationOptions;
    const { response, credential } = authenticator.create(options, lies, algorithm, again);
    const outcome = await passkeys.adding.add({ holder, bound: PAGE, response, by: by(holder.id) });
    return { outcome, credential, response };
  }

  return {
    ...rooms,
    db,
    clock,
    passkeys,
    authenticator,
    notices,
    add,
    by,
    /** An account with a passkey. */
    async person(email: string, o: { password?: string; lies?: Lies; algorithm?: Algorithm } = {}) {
      const account = await makeAccount(rooms, email, o.password);
      const holder = { id: account.id, email };
      const { outcome, credential } = await add(holder, o.lies, o.algorithm);
      if (outcome.kind !== 'added') throw new Error(`no passkey: ${outcome.kind}`);
      return { account, holder, credential, passkey: outcome.passkey satisfies Passkey };
    },
    async use(credential: Credential, lies: Lies = {}) {
      const options = (await passkeys.signingIn.options(PAGE)) as { challenge: string };
      const response = authenticator.get(options, credential, lies);
      return passkeys.signingIn.signIn({ bound: PAGE, response, network: o.network ?? NETWORK });
    },
  };
}

export type PasskeyRooms = ReturnType<typeof openPasskeyRooms>;
export type { Authenticator, Credential, Lies };

function claimsOf({ db }: TestDatabase, clock: { now(): number }) {
  return createSqlArtifacts({ db, clock } as never).claim;
}
