/**
 * That an account with the provider's address is the person's own: by its password, or by a code that is mailed there.
 * Nothing is linked yet: that waits for the end of the whole sign-in (links.ts), so that a password alone adds no other
 * way into an account that asks for more.
 */
import { digest } from '../storage/digest.ts';
import type { Held } from './attempts.ts';
import type { Coming } from './coming.ts';
import type { From } from './upstream-needs.ts';
import type { SignedIn, UpstreamParts } from './upstream-parts.ts';

export type CodeOutcome =
  /** `amr` is what was proved of the account: that its mailbox is read. */
  | SignedIn
  | { readonly kind: 'wrong' }
  /** Its network has typed too many. Nothing was looked at. */
  | { readonly kind: 'wait'; readonly retryAfterSeconds: number }
  /** It was right, and there is more to do: the standing says what. */
  | { readonly kind: 'go-on' }
  /** It was right; but nobody has ever verified that account's address, so its password must say the same. */
  | { readonly kind: 'password-needed' };

export interface Proving {
  /** Whether codes can be mailed here. */
  readonly mailsCodes: boolean;
  /** The same whether there is an account or not. `locale`: the page's language. False: it is over. */
  sendCode(held: Held, uid: string, from: From, locale: string): Promise<boolean>;
  proveByCode(held: Held, uid: string, code: string, from: From): Promise<CodeOutcome>;
  /** The address whose password is asked for; undefined: it is over. */
  addressToProve(held: Held, uid: string): Promise<string | undefined>;
  /** The password of this account was right. False: it is over, or about another address. */
  proveByPassword(held: Held, uid: string, accountId: string): Promise<boolean>;
}

export function createProving(
  { db, clock, attempts, needs }: UpstreamParts,
  { stranger }: Pick<Coming, 'stranger'>,
): Proving {
  return {
    mailsCodes: needs.mailCode !== undefined,
    async sendCode(held, uid, from, locale) {
      const found = await stranger(held, uid);
      if (!found || !needs.mailCode) return false;
      const { email, canonical } = found.address;
      const account = await needs.findByAddress(db, canonical);
      // The answer is the same when nothing is mailed any more (THREATS A16).
      if (await needs.mayMail(canonical, from.network)) {
        const provider = found.provider.name;
        await needs.mailCode({ subject: digest(held.handle), account, email, provider, from, locale });
      }
      return true;
    },
    async proveByCode(held, uid, code, from) {
      const found = await stranger(held, uid);
      if (!found) return { kind: 'wrong' };
      const admitted = await needs.admitCode(from.network);
      if (admitted.kind === 'wait') return admitted;
      const at = clock.now();
      return db.transaction().execute(async (trx): Promise<CodeOutcome> => {
        const proved = await needs.redeemCode(trx, digest(held.handle), code);
        if (!proved) return { kind: 'wrong' };
        const { accountId } = proved;
        const account =
          accountId === undefined ? undefined : await needs.findByAddress(trx, found.address.canonical);
        // Whoever made an account with an address that was never verified may know its password: the mailbox alone does
        // not tell whose account it is.
        const mayLink = account?.active === true && account.emailVerified && account.id === accountId;
        const noted = { ...found.standing, emailProved: true, ...(mayLink && { linkTo: account.id }) };
        if (!(await attempts.note(trx, held, noted))) return { kind: 'wrong' };
        if (mayLink) return { kind: 'signed-in', accountId: account.id, amr: ['email'], at };
        return accountId === undefined ? { kind: 'go-on' } : { kind: 'password-needed' };
      });
    },
    addressToProve: async (held, uid) => (await stranger(held, uid))?.address.email,
    async proveByPassword(held, uid, accountId) {
      const found = await stranger(held, uid);
      const account = found && (await needs.findByAddress(db, found.address.canonical));
      if (!found || account?.id !== accountId) return false;
      return db
        .transaction()
        .execute((trx) => attempts.note(trx, held, { ...found.standing, linkTo: accountId }));
    },
  };
}
