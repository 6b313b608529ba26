/**
 * What a mailed link or a typed code proves: that whoever brings it reads that mailbox. One table for all purposes, so
 * that one place decides what is single use, newest only, bound and short-lived. Owned by this room: proofs at rest and
 * their redemption. Not owned: what follows from one, and the mail, which the caller writes in the same transaction.
 *
 * The link's token has 256 bits and is kept as a digest. The code is short enough to be read aloud (8 digits, 26.6 bits),
 * so a digest alone would give it away to whoever steals a dump: it is kept under HMAC with a secret of the installation
 * that is sealed at rest, bound to purpose and subject, and may be tried five times. Tries that are used up do not end
 * the link: nobody guesses it, and strangers must not be able to void somebody's mail.
 */
import { createHmac, randomBytes, randomInt } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Clock } from '../config/clock.ts';
import { digest } from '../storage/digest.ts';
import { sweepInRounds } from '../storage/sweep-rounds.ts';
import type { Database } from '../storage/tables.ts';
import { canonicalEmail } from './emails.ts';
import { bindings, isPurpose, openTo, type ProofPurpose } from './mailed-proof-purposes.ts';
import {
  deleteExpiredProofs,
  deleteNewerProofs,
  deleteProof,
  findLiveProof,
  findLivePurpose,
  insertProof,
  listOlderProofs,
  type ProofRow,
  useByCode,
  useByToken,
} from './mailed-proofs-store.ts';

export interface NewProof {
  readonly purpose: ProofPurpose;
  /**
   * The account's id; the canonical address where there is no account; or, when `accountId` is given, whatever may have
   * one proof of that purpose, such as one sign-in page.
   */
  readonly subject: string;
  /** Whose account, when `subject` is not its id. */
  readonly accountId?: string | undefined;
  /** Where it is mailed, as typed. */
  readonly email: string;
  readonly lifetimeSeconds: number;
  /** Small, and nothing secret: kept as it is. */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

export interface MailedProof {
  readonly purpose: ProofPurpose;
  readonly subject: string;
  /** Absent for purposes that come before an account. */
  readonly accountId?: string | undefined;
  readonly email: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** ms */
  readonly expiresAt: number;
}

export interface MailedProofs {
  /**
   * Makes one, and voids the older of the same purpose and subject. Where the purpose needs an account and there is none
   * (or `email` is not its address), it costs the same and opens nothing.
   * @returns `token` for a link, 43 characters; `code` in two groups, `1234 5678`
   * @throws RangeError when `email` is no address
   */
  issue(trx: Kysely<Database>, proof: NewProof): Promise<{ readonly token: string; readonly code: string }>;
  /** What the token would prove now. Uses nothing up. Unknown, used, replaced, expired, void: all undefined. */
  look(purpose: ProofPurpose, token: string): Promise<MailedProof | undefined>;
  /** For the page of a link that does not say what it is for. Uses nothing up. */
  purposeOf(token: string): Promise<ProofPurpose | undefined>;
  /**
   * Uses it up: one statement, of any number of callers one gets it. In a transaction the account's row stays locked, so
   * that what the proof was bound to holds until the end. Undefined as with `look`.
   */
  redeemToken(trx: Kysely<Database>, purpose: ProofPurpose, token: string): Promise<MailedProof | undefined>;
  /**
   * The same by the typed code. A wrong one is a try that counts: let the transaction commit. Spaces and hyphens do not
   * matter. What cannot be a code is no try.
   */
  redeemCode(
    trx: Kysely<Database>,
    purpose: ProofPurpose,
    subject: string,
    code: string,
  ): Promise<MailedProof | undefined>;
  /** Voids the proof of that purpose and subject, if there is one. */
  withdraw(trx: Kysely<Database>, purpose: ProofPurpose, subject: string): Promise<void>;
  /** Voids those of that purpose and account that were issued after the one of this token, used or not. */
  withdrawNewer(trx: Kysely<Database>, purpose: ProofPurpose, token: string): Promise<void>;
  /** What is kept with those of that purpose and account that were issued before the one of this token, and still stand. */
  older(
    trx: Kysely<Database>,
    purpose: ProofPurpose,
    token: string,
  ): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Deletes expired ones, in bounded rounds. */
  sweep(): Promise<number>;
}

/** RFC 4648 base64url of 32 bytes. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/;
const CODE = /^\d{8}$/;
/** NIST SP 800-63B section 3.1.3.2 asks for at most 100 tries of 20 bits; five of 26 are one chance in 20 million. */
const MAX_TRIES = 5;
const MAX_DATA_BYTES = 4_096;

/** @param secrets newest first: the first signs new codes, all verify (storage/random-secrets.ts, `mailed-codes`) */
export function createMailedProofs({
  db,
  clock,
  secrets,
}: {
  db: Kysely<Database>;
  clock: Clock;
  secrets: readonly string[];
}): MailedProofs {
  const [newest] = secrets;
  if (newest === undefined) throw new RangeError('mailed codes need a secret');
  const now = () => new Date(clock.now());

  const look: MailedProofs['look'] = async (purpose, token) => {
    if (!TOKEN.test(token)) return undefined;
    const row = await findLiveProof(db, { purpose, tokenDigest: digest(token), now: now() }, openTo(purpose));
    return row && proofOf(purpose, row);
  };

  return {
    async issue(trx, { purpose, subject, accountId = subject, email, lifetimeSeconds, data = {} }) {
      const address = canonicalEmail(email);
      if (address.kind === 'refused') throw new RangeError('a proof is mailed to an address');
      const kept = JSON.stringify(data);
      if (Buffer.byteLength(kept) > MAX_DATA_BYTES) throw new RangeError('too much to keep with a proof');
      const binding = bindings[purpose];
      const token = randomBytes(32).toString('base64url');
      const code = String(randomInt(100_000_000)).padStart(8, '0');
      const at = clock.now();
      await insertProof(trx, {
        purpose,
        subject,
        accountId: binding.account === 'nobody' ? '' : accountId,
        email: address.email,
        canonical: address.canonical,
        bindsAddress: binding.address,
        bindsPassword: binding.password,
        tokenDigest: digest(token),
        codeDigest: codeDigest(newest, purpose, subject, code),
        data: kept,
        createdAt: new Date(at),
        expiresAt: new Date(at + lifetimeSeconds * 1_000),
      });
      return { token, code: `${code.slice(0, 4)} ${code.slice(4)}` };
    },
    look,
    async purposeOf(token) {
      if (!TOKEN.test(token)) return undefined;
      const purpose = await findLivePurpose(db, digest(token), now());
      if (purpose === undefined || !isPurpose(purpose)) return undefined;
      return (await look(purpose, token)) && purpose;
    },
    async redeemToken(trx, purpose, token) {
      if (!TOKEN.test(token)) return undefined;
      const row = await useByToken(trx, { purpose, tokenDigest: digest(token), now: now() }, openTo(purpose));
      return row && proofOf(purpose, row);
    },
    async redeemCode(trx, purpose, subject, typed) {
      const code = plainCode(typed);
      if (code === undefined) return undefined;
      const codeDigests = secrets.map((secret) => codeDigest(secret, purpose, subject, code));
      const row = await useByCode(
        trx,
        { purpose, subject, codeDigests, maxTries: MAX_TRIES, now: now() },
        openTo(purpose),
      );
      return row && proofOf(purpose, row);
    },
    withdraw: (trx, purpose, subject) => deleteProof(trx, purpose, subject),
    withdrawNewer: (trx, purpose, token) => deleteNewerProofs(trx, purpose, digest(token)),
    older: (trx, purpose, token) => listOlderProofs(trx, { purpose, tokenDigest: digest(token), now: now() }),
    sweep: () => sweepInRounds((rows) => deleteExpiredProofs(db, now(), rows)),
  };
}

/** The eight digits of a typed code, undefined when it cannot be one: full-width digits are digits, groups do not matter. */
export function plainCode(typed: string): string | undefined {
  if (typed.length > 64) return undefined;
  const code = typed.normalize('NFKC').replace(/[\s\p{Pd}.]+/gu, '');
  return CODE.test(code) ? code : undefined;
}

function codeDigest(secret: string, purpose: string, subject: string, code: string): string {
  const place = JSON.stringify(['cardea mailed code 1', purpose, subject, code]);
  return createHmac('sha256', secret).update(place).digest('base64url');
}

function proofOf(purpose: ProofPurpose, row: ProofRow): MailedProof {
  return {
    purpose,
    subject: row.subject,
    ...(row.account_id === null ? {} : { accountId: row.account_id }),
    email: row.email,
    data: row.data,
    expiresAt: row.expires_at.getTime(),
  };
}
