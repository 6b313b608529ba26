/**
 * Gives the portal's pages of address and password what they need of the accounts room. What such a change ends is over
 * here as soon as it is answered: the lease is renewed first; other processes follow within it.
 */
import type { EmailFront } from './portal/email.ts';
import type { PasswordFront } from './portal/password.ts';
import type { Rooms } from './rooms.ts';

export function emailFront(rooms: Rooms): EmailFront {
  const { emailChange, lease } = rooms;
  return {
    ask: emailChange.ask,
    confirmCode: (accountId, code, by, signedInAt) =>
      seenHere(lease, emailChange.confirmCode(accountId, code, by, signedInAt)),
    offered: rooms.mail.kind !== 'off',
    verification: rooms.emailVerification,
    checkCode: ({ network = 'unknown' }) => rooms.codeThrottle.check(network),
    find: rooms.accounts.find,
    endOthers: (accountId, by, keep) =>
      seenHere(lease, rooms.sessions.signOutEverywhere(accountId, by, { keep })),
  };
}

export function passwordFront(rooms: Rooms): PasswordFront {
  const { passwordChange, lease } = rooms;
  return {
    hasPassword: passwordChange.hasPassword,
    change: (o, by) => seenHere(lease, passwordChange.change(o, by)),
    minLength: rooms.settings.passwordMinLength,
  };
}

/** What the work has changed holds in this process before anybody hears of it. */
export async function seenHere<T>(lease: Pick<Rooms['lease'], 'renew'>, work: Promise<T>): Promise<T> {
  const outcome = await work;
  await lease.renew();
  return outcome;
}
