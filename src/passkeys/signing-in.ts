/**
 * Signing in by passkey. Nobody is named before: the authenticator says who it is, and proves it. The order is the defence:
 * counted, then the challenge used up, then the row looked up, the signature checked, the counter moved in one statement;
 * every refusal is the same answer.
 */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { SaidByBrowser } from '../audit/catalogue.ts';
import type { Clock } from '../config/clock.ts';
import type { Database } from '../storage/tables.ts';
import type { PasskeyThrottle } from '../throttle/passkey-throttle.ts';
import type { Notify } from './adding.ts';
import type { Ceremonies } from './ceremonies.ts';
import type { Challenges } from './challenges.ts';
import type { HolderAccounts, Passkey, PasskeySignIn } from './passkey.ts';
import { findByCredential, recordUse } from './passkey-store.ts';
import { readAssertion } from './responses.ts';

export interface PasskeyAttempt {
  /** A secret word of this browser and page. */
  readonly bound: string;
  /** The browser's answer, as JSON. */
  readonly response: string;
  readonly network: string;
  readonly requestId?: string | undefined;
  /** Asked for a refusal that is recorded, and for nothing else. */
  readonly browser?: (() => SaidByBrowser) | undefined;
  /** As a second factor: only of this account. */
  readonly accountId?: string | undefined;
}

export interface SigningIn {
  /** What the browser is asked for (PublicKeyCredentialRequestOptionsJSON): the same for everybody but the challenge. */
  options(bound: string): Promise<unknown>;
  signIn(attempt: PasskeyAttempt): Promise<PasskeySignIn>;
}

/** RFC 8176: possession of a key, the person's presence, and the authenticator's own check of who they are: two factors. */
const AMR = ['pop', 'user', 'mfa'] as const;

export function createSigningIn(o: {
  db: Kysely<Database>;
  clock: Clock;
  audit: Pick<Audit, 'append' | 'later'>;
  rpId: string;
  challenges: Challenges;
  ceremonies: Ceremonies;
  throttle: PasskeyThrottle;
  accounts: HolderAccounts;
  notify: Notify;
  /** For metrics. */
  onOutcome?: (kind: PasskeySignIn['kind']) => void;
}): SigningIn {
  const { db, clock, audit, challenges, ceremonies, throttle } = o;

  async function attempt(tried: PasskeyAttempt): Promise<PasskeySignIn> {
    const { bound, network } = tried;
    const admitted = await throttle.check(network);
    if (admitted.kind === 'wait') return { kind: 'locked', retryAfterSeconds: admitted.retryAfterSeconds };
    const answer = readAssertion(tried.response);
    if (!answer) return { kind: 'rejected' };
    if (!(await challenges.redeem({ purpose: 'sign-in', bound }, answer.challenge))) return { kind: 'stale' };
    const passkey = await findByCredential(db, answer.response.id, o.rpId);
    if (!passkey) return { kind: 'rejected', unknown: answer.response.id };
    const use = await ceremonies.verifyUse(answer, passkey);
    // WebAuthn Level 3 section 7.2 step 6: the credential belongs to the account that the authenticator names.
    const isWanted = tried.accountId === undefined || tried.accountId === passkey.accountId;
    if (!use || !isWanted || answer.userHandle !== passkey.userHandle) return refuse(tried, passkey);
    const at = clock.now();
    const account = await o.accounts.settled(db, passkey.accountId);
    if (account?.status !== 'active') return refuse(tried, passkey);
    if (!(await recordUse(db, passkey.id, { ...use, at }))) return suspect(tried, passkey, account);
    await throttle.succeeded(network);
    // A phone that was asked through this screen; a security key, too, is no part of the device, but goes where one goes.
    const isPhone = passkey.transports.some((one) => one === 'hybrid' || one === 'internal');
    const fromAnotherDevice = answer.roaming && isPhone;
    return { kind: 'signed-in', account, passkey, amr: AMR, fromAnotherDevice, at };
  }

  function refuse({ network, requestId, browser }: PasskeyAttempt, { accountId }: Passkey): PasskeySignIn {
    audit.later({
      type: 'account.sign-in-refused',
      detail: { reason: 'rejected', ...browser?.() },
      actor: { kind: 'anonymous' },
      accountId,
      network,
      requestId,
    });
    return { kind: 'rejected' };
  }

  /** Section 6.1.1: the signature is right and the counter is not. Somebody may hold a copy; the holder is told. */
  async function suspect(
    { network, requestId }: PasskeyAttempt,
    passkey: Passkey,
    account: Parameters<Notify>[1]['account'],
  ): Promise<PasskeySignIn> {
    await db.transaction().execute(async (trx) => {
      await audit.append(trx, {
        type: 'passkey.counter-went-back',
        detail: { passkeyId: passkey.id },
        actor: { kind: 'anonymous' },
        accountId: account.id,
        network,
        requestId,
      });
      await o.notify(trx, { kind: 'counter-went-back', account, passkey, at: clock.now(), network });
    });
    return { kind: 'rejected' };
  }

  return {
    options: async (bound) => ceremonies.signInOptions(challenges.issue({ purpose: 'sign-in', bound })),
    async signIn(tried) {
      const outcome = await attempt(tried);
      o.onOutcome?.(outcome.kind);
      return outcome;
    },
  };
}
