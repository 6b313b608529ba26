/** The factors room on a database, beside the accounts that it is about; `second` is another process on the same one. */
import { generateSync } from 'otplib';
import { lockAccount } from '../../src/accounts/account-store.ts';
import type { FactorAccount } from '../../src/factors/factor.ts';
import { createFactors } from '../../src/factors/factors.ts';
import type { Message } from '../../src/mail/message.ts';
import type { OpenDatabase } from '../../src/storage/database.ts';
import { openAccounts, operator } from '../accounts/rooms.ts';
import type { standingClock } from '../clients/databases.ts';
import { sealing } from '../storage/databases.ts';

export const by = (accountId: string) =>
  ({ actor: { kind: 'account', id: accountId }, network: '192.0.2.9' }) as const;

export function openFactors(
  database: Pick<OpenDatabase, 'db'>,
  clock: ReturnType<typeof standingClock>,
  hasOther = async (_db: unknown, _accountId: string) => false,
) {
  const rooms = openAccounts(database, clock);
  const mails: Message[] = [];
  const factors = createFactors({
    ...rooms,
    sealing,
    findAccount: async (id): Promise<FactorAccount | undefined> => rooms.accounts.find(id),
    lockAccount,
    hasOther,
    recoverySecrets: ['newest secret', 'older secret'],
    issuerName: 'id.example.com',
    mail: {
      async write(_trx, message) {
        if (!mails.some(({ key }) => key === message.key)) mails.push(message);
      },
    },
  });
  return { ...rooms, factors, mails };
}

export type FactorRooms = ReturnType<typeof openFactors>;

/** The code of that many steps from now. */
export function codeOf(rooms: { readonly clock: { now(): number } }, secret: string, steps = 0): string {
  return generateSync({ secret, epoch: Math.floor(rooms.clock.now() / 1000) + steps * 30 });
}

let people = 0;

export async function newPerson(rooms: FactorRooms) {
  people += 1;
  const made = await rooms.accounts.create(
    { email: `person-${people}@example.com`, emailVerified: true },
    operator,
  );
  if (made.kind !== 'created') throw new Error(JSON.stringify(made));
  return made.account;
}

/** Begins at `place`; gives the secret that the page shows. */
export async function beginAt(rooms: FactorRooms, accountId: string, place: string, isStrong = false) {
  const begun = await rooms.factors.begin({ accountId, place, isStrong });
  if (begun.kind !== 'begun') throw new Error(begun.kind);
  return begun.enrolment.key.replaceAll(' ', '');
}

/** A person with an authenticator that counts; its first code is spent. */
export async function enrolled(rooms: FactorRooms) {
  const account = await newPerson(rooms);
  const at = { accountId: account.id, place: 'here', isStrong: false };
  const secret = await beginAt(rooms, account.id, 'here');
  const code = codeOf(rooms, secret);
  const added = await rooms.factors.confirm(at, { code, name: 'Phone' }, by(account.id));
  if (added.kind !== 'added') throw new Error(added.kind);
  rooms.clock.advance(30);
  return { account, secret, spent: code, added, codes: added.recoveryCodes ?? [] };
}
