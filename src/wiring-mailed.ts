/** Gives the pages of mailed links and codes what they need of the accounts room. */
import type { By } from './accounts/account.ts';
import { LINK_PATH } from './pages/link.ts';
import type { ConfirmLink, From, MailedFront } from './pages/mailed-front.ts';
import type { Protocol } from './protocol/protocol.ts';
import type { Rooms } from './rooms.ts';
import { seenHere } from './wiring-own-account.ts';
import { ownSignInUrl } from './wiring-protocol.ts';

/** Undefined where there is no mail: then there is nothing that a mail could prove. */
export function createMailedFront(
  rooms: Rooms,
  { session }: Pick<Protocol, 'session'>,
): MailedFront | undefined {
  const { mail, mailedProofs, emailVerification, passwordResets, deletions } = rooms;
  if (mail.kind === 'off') return undefined;
  return {
    purposeOf: mailedProofs.purposeOf,
    reset: passwordResets,
    signInCodes: rooms.settings.signInCode === 'on' ? rooms.signInCodes : undefined,
    confirm: {
      'verify-email': {
        async describe(token) {
          const found = await emailVerification.describe(token);
          return found && { email: found.email };
        },
        confirm: (token, from) => emailVerification.confirm(token, strangerFrom(from)),
      },
      'cancel-deletion': {
        async describe(token) {
          const found = await deletions.describeLink(token);
          return found && { email: found.email };
        },
        confirm: (token, from) => deletions.keepByLink(token, strangerFrom(from)),
      },
      'change-email': {
        ...confirming(rooms.emailChange, rooms.lease),
        async confirm(token, from, ctx) {
          const signedInAt = ((await session(ctx))?.authTime ?? 0) * 1000;
          return seenHere(rooms.lease, rooms.emailChange.confirm(token, strangerFrom(from), signedInAt));
        },
        async signInFirst(ctx, token) {
          const [change, signedIn] = await Promise.all([rooms.emailChange.describe(token), session(ctx)]);
          if (!change || change.accountId === signedIn?.accountId) return undefined;
          // Whoever is signed in as somebody else is asked, or the front door would send them straight back.
          return ownSignInUrl(rooms.settings.issuer, LINK_PATH, signedIn && 'login');
        },
      },
      'not-me': confirming(rooms.notMe, rooms.lease),
    },
  };
}

function confirming(
  room: Pick<Rooms['notMe'], 'describe' | 'confirm'>,
  lease: Pick<Rooms['lease'], 'renew'>,
): ConfirmLink {
  return {
    async describe(token) {
      const found = await room.describe(token);
      return found && { email: found.email };
    },
    confirm: (token, from) => seenHere(lease, room.confirm(token, strangerFrom(from))),
  };
}

/** Whoever holds the link, from there: its page asks nobody who they are. */
function strangerFrom(from: From): By {
  return { actor: { kind: 'anonymous' }, ...from };
}
