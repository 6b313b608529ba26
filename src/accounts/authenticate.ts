/**
 * Signing in by password. The order is the defence: counted before anything is hashed, then exactly one hash, whether
 * there is such an account, such a password, or neither, and the same answer for all of them (ASVS 5 6.3.8).
 *
 * An attempt costs one statement on the way to a refusal. A right password costs a few more (is it still the password, throttle, audit), and one
 * hash more, once, when the hashing parameters have grown since.
 */
import type { Kysely } from 'kysely';
import type { Audit } from '../audit/audit.ts';
import type { AuditDetails, SaidByBrowser } from '../audit/catalogue.ts';
import type { Clock } from '../config/clock.ts';
import type { Database } from '../storage/tables.ts';
import type { Device } from '../throttle/device-cookie.ts';
import type { SignInThrottle, ThrottledAttempt, Unusual } from '../throttle/sign-in-throttle.ts';
import type { Account } from './account.ts';
import { findCredentials, findSettledAccount, replaceHash } from './account-store.ts';
import type { Deletions } from './deletion.ts';
import { canonicalEmail, throttleNameOf } from './emails.ts';
import { isKnownBrowser } from './known-browser.ts';
import type { Passwords } from './passwords.ts';

/** Unknown, wrong, disabled and without a password are all `rejected`, and all cost one hash. */
export type SignInOutcome =
  /** `at`, in ms, is from before the account was read: whatever ends its access afterwards ends this sign-in too. */
  | {
      readonly kind: 'signed-in';
      readonly account: Account;
      readonly amr: ['pwd'];
      readonly at: number;
      /** An unknown browser, while the account or the network sees many failures. */
      readonly suspected?: Unusual | undefined;
    }
  | { readonly kind: 'rejected' }
  /** Told to whoever knows the password only. ms: until then the account can be kept, by a sign-in with `keep`. */
  | { readonly kind: 'leaving'; readonly until: number }
  /** A stranger, and `admits` said no: nothing was counted, looked up or hashed. */
  | { readonly kind: 'unproved' }
  | { readonly kind: 'locked'; readonly retryAfterSeconds: number }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number };

export interface SignInAttempt {
  /** As typed. */
  readonly email: string;
  readonly password: string;
  /** throttle/networks.ts */
  readonly network: string;
  /** What the browser's device cookie says once its MAC has been verified (throttle/device-cookie.ts). */
  readonly device?: Device | undefined;
  /** Asked for a refusal that is recorded, and for nothing else. */
  readonly browser?: (() => SaidByBrowser) | undefined;
  /** An account that is leaving stays. */
  readonly keep?: boolean | undefined;
  readonly requestId?: string | undefined;
  /** Asked for strangers only, before anything else: whether anything may be done for this browser. */
  readonly admits?: (() => Promise<boolean>) | undefined;
}

export type Authenticate = (attempt: SignInAttempt) => Promise<SignInOutcome>;

export function createAuthenticate({
  db,
  clock,
  audit,
  passwords,
  throttle,
  keepAccount,
  onOutcome = () => undefined,
}: {
  db: Kysely<Database>;
  clock: Clock;
  audit: Pick<Audit, 'append' | 'later'>;
  passwords: Passwords;
  throttle: SignInThrottle;
  /** deletion.ts */
  keepAccount: Deletions['keep'];
  /** For metrics. */
  onOutcome?: (kind: SignInOutcome['kind']) => void;
}): Authenticate {
  async function credentialsOf(email: string) {
    const address = canonicalEmail(email);
    return address.kind === 'email' ? findCredentials(db, address.canonical) : undefined;
  }

  const mayRecord = createBound(clock);

  /** Buffered and bounded: refusals are what strangers can cause, and none of them may cost a write. */
  function refuse(
    { network, requestId, browser }: SignInAttempt,
    reason: AuditDetails['account.sign-in-refused']['reason'],
    account: Account | undefined,
  ): void {
    // Refused by password, it has cost a hash, and there are few of those. The others cost their sender nothing.
    if ((reason === 'locked' || reason === 'busy') && !mayRecord()) return;
    const detail = { reason, ...browser?.() };
    const actor = { kind: 'anonymous' } as const;
    audit.later({
      type: 'account.sign-in-refused',
      detail,
      actor,
      accountId: account?.id,
      network,
      requestId,
    });
  }

  async function settle(
    attempt: SignInAttempt,
    found: { account: Account; hash: string },
    counted: ThrottledAttempt,
  ): Promise<Unusual | undefined> {
    const { account, hash } = found;
    const actor = { kind: 'account', id: account.id } as const;
    const { network, requestId } = attempt;
    const context = { actor, accountId: account.id, network, requestId, at: clock.now() };
    const unusual = await throttle.succeeded(counted);
    if (unusual) audit.later({ type: 'account.sign-in-suspected', detail: { unusual }, ...context });
    if (!passwords.needsRehash(hash)) return unusual;
    const hashed = await passwords.hash(attempt.password, counted.device ? 'known' : 'stranger');
    // Busy: the next sign-in hashes anew.
    if (hashed.kind === 'busy') return unusual;
    await db.transaction().execute(async (trx) => {
      if (!(await replaceHash(trx, account.id, hash, hashed.value))) return;
      await audit.append(trx, { type: 'account.password-rehashed', detail: {}, ...context });
    });
    return unusual;
  }

  async function authenticate(attempt: SignInAttempt): Promise<SignInOutcome> {
    const { email, password, network, device } = attempt;
    // A browser that claims to be known is looked up before it is counted, because only its own account makes it known;
    // for everybody else a locked account costs no statement at all.
    const early = device ? await credentialsOf(email) : undefined;
    const isKnown = isKnownBrowser(device, early?.account);
    if (!isKnown && attempt.admits && !(await attempt.admits())) return { kind: 'unproved' };
    const account = throttleNameOf(email);
    const counted = { account, network, device: isKnown ? device?.deviceId : undefined };

    const admitted = await throttle.check(counted);
    if (admitted.kind === 'wait') {
      refuse(attempt, 'locked', early?.account);
      return { kind: 'locked', retryAfterSeconds: admitted.retryAfterSeconds };
    }
    const found = device ? early : await credentialsOf(email);
    const verified = await passwords.verify(found?.hash, password, isKnown ? 'known' : 'stranger');
    if (verified.kind === 'busy') {
      await throttle.released(counted);
      refuse(attempt, 'busy', found?.account);
      return verified;
    }
    if (!verified.value || found?.hash === undefined || found.account.status === 'disabled') {
      refuse(attempt, verified.value ? 'disabled' : 'rejected', found?.account);
      return { kind: 'rejected' };
    }
    const { id, status, leavingUntil, passwordVersion } = found.account;
    if (status === 'leaving' && !attempt.keep) {
      await throttle.released(counted);
      return { kind: 'leaving', until: leavingUntil ?? clock.now() };
    }
    if (status === 'leaving') {
      const by = { actor: { kind: 'account', id }, network, requestId: attempt.requestId } as const;
      // Whether it worked is seen below: only an active account gets in.
      await keepAccount(id, passwordVersion, by);
    }
    // The hash, and the queue before it, took time: what was verified must still be the account's password now, or a
    // sign-in that began before a password change would be born after what that change has ended. A change that has
    // dated its end but is not committed yet is waited for.
    const at = clock.now();
    const now = await findSettledAccount(db, found.account.id);
    if (now?.status !== 'active' || now.passwordVersion !== found.account.passwordVersion) {
      refuse(attempt, 'rejected', found.account);
      return { kind: 'rejected' };
    }
    const suspected = await settle(attempt, { account: now, hash: found.hash }, counted);
    return { kind: 'signed-in', account: now, amr: ['pwd'], at, suspected };
  }

  return async (attempt) => {
    const outcome = await authenticate(attempt);
    onOutcome(outcome.kind);
    return outcome;
  };
}

/** Of refusals that cost nothing to cause, this many a minute and process are recorded: a storm shows, and fills nothing. */
const RECORDED_A_MINUTE = 60;

function createBound(clock: Clock): () => boolean {
  let minute = 0;
  let recorded = 0;
  return () => {
    const now = Math.floor(clock.now() / 60_000);
    if (now !== minute) [minute, recorded] = [now, 0];
    recorded += 1;
    return recorded <= RECORDED_A_MINUTE;
  };
}
