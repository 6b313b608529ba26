/**
 * Authenticator apps: enrolled, named, removed. One that waits for its first code counts for nothing, is seen only where
 * it was begun (an interaction, a session) and lives for an hour: whoever else knows the account's password can neither
 * learn its secret nor have the person confirm one of his own.
 */
import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import { noteChange } from '../storage/changes.ts';
import { digest } from '../storage/digest.ts';
import { hasEnded, type SignInAt } from '../storage/ended-access.ts';
import type { Sealing } from '../storage/sealing.ts';
import type { Database } from '../storage/tables.ts';
import { type Authenticator, type By, MAX_AUTHENTICATORS, plainName } from './factor.ts';
import type { FactorParts } from './factor-parts.ts';
import {
  confirmPending,
  deleteAuthenticator,
  findPending,
  holdFactors,
  listAuthenticators,
  type Pending,
  renameAuthenticator,
  replacePending,
} from './factor-store.ts';
import { type QrCode, qrCodeOf } from './qr-code.ts';
import type { RecoveryCodes } from './recovery.ts';
import { addressOfSecret, generateSecret, plainCode, stepOfCode } from './totp.ts';

/** What a page shows of an enrolment. */
export interface Enrolment {
  readonly qr: QrCode;
  /** The key in groups of four, for typing it. */
  readonly key: string;
  /** `otpauth://…`: a phone that shows this page itself opens its app by it. */
  readonly address: string;
}

/** Whose factor, and where in the browser: only that place sees and confirms what was begun there. */
export interface EnrolmentAt {
  readonly accountId: string;
  /** A name of the interaction or session. */
  readonly place: string;
  /** Whether this sign-in proved a second factor. Without it, nothing is added to an account that has one (S19). */
  readonly isStrong: boolean;
  /** The sign-in that it builds on: `absent` when that was ended meanwhile, on whichever process. */
  readonly signedIn?: SignInAt | undefined;
}

type Refused = { readonly kind: 'full' } | { readonly kind: 'needs-strong' } | { readonly kind: 'absent' };

export type Begun = { readonly kind: 'begun'; readonly enrolment: Enrolment } | Refused;

export type Confirmed =
  /** `recoveryCodes`: when the account had none before. Nobody can read them again. */
  | {
      readonly kind: 'added';
      readonly authenticator: Authenticator;
      readonly recoveryCodes?: readonly string[] | undefined;
      /** ms, from before the account was read. */
      readonly at: number;
    }
  | { readonly kind: 'wrong' }
  /** Nothing waits here: too old, begun anew elsewhere, or confirmed already. */
  | { readonly kind: 'gone' }
  | Refused;

export interface Authenticators {
  /** The one that waits at this place, or a new one: showing the page again shows the same key. */
  begin(at: EnrolmentAt): Promise<Begun>;
  /** The first code makes it count; the code is spent. */
  confirm(at: EnrolmentAt, o: { code: string; name?: string | undefined }, by: By): Promise<Confirmed>;
  rename(accountId: string, id: string, name: string, by: By): Promise<{ kind: 'renamed' | 'absent' }>;
  /** Its recovery codes go with the last factor of an account. */
  remove(accountId: string, id: string, by: By): Promise<{ kind: 'removed' | 'absent' }>;
}

/** Long enough to find the phone and install an app, and no person is there any more after it. */
const PENDING_MS = 3_600_000;

export const sealPlace = (id: string) => `authenticator:${id}`;

export function createAuthenticators(
  parts: Pick<
    FactorParts,
    'db' | 'clock' | 'audit' | 'sealing' | 'findAccount' | 'lockAccount' | 'hasOther' | 'issuerName' | 'tell'
  >,
  recovery: Pick<RecoveryCodes, 'makeFirst' | 'dropIdle'>,
): Authenticators {
  const { db, clock, audit, sealing, findAccount, issuerName, tell } = parts;

  /** Holds the account, and then its factors: what has ended meanwhile is seen, what ends now waits. */
  async function judge(trx: Kysely<Database>, at: EnrolmentAt, now: number): Promise<Refused | undefined> {
    const account = await parts.lockAccount(trx, at.accountId);
    const isOver = at.signedIn !== undefined && (await hasEnded(trx, at.accountId, at.signedIn));
    if (account?.status !== 'active' || isOver) return { kind: 'absent' };
    await holdFactors(trx, at.accountId, now);
    const held = await listAuthenticators(trx, at.accountId);
    if (!at.isStrong && (held.length > 0 || (await parts.hasOther(trx, at.accountId))))
      return { kind: 'needs-strong' };
    return held.length >= MAX_AUTHENTICATORS ? { kind: 'full' } : undefined;
  }

  return {
    async begin(at) {
      const account = await findAccount(at.accountId);
      if (account?.status !== 'active') return { kind: 'absent' };
      return db.transaction().execute(async (trx) => {
        const now = clock.now();
        const refused = await judge(trx, at, now);
        if (refused) return refused;
        const placeDigest = digest(at.place);
        const waiting = await findPending(trx, account.id, placeDigest, now);
        const secret = waiting ? openSecret(sealing, waiting) : generateSecret();
        if (!waiting) {
          const id = randomUUID();
          const sealed = sealing.seal(secret, sealPlace(id));
          const expiresAt = now + PENDING_MS;
          await replacePending(trx, account.id, { id, sealed, expiresAt, placeDigest, at: now });
        }
        const address = addressOfSecret(secret, { issuer: issuerName, email: account.email });
        const key = secret.match(/.{1,4}/g)?.join(' ') ?? secret;
        return { kind: 'begun', enrolment: { qr: qrCodeOf(address), key, address } };
      });
    },
    async confirm(at, { code, name = '' }, by) {
      const began = clock.now();
      const account = await findAccount(at.accountId);
      if (account?.status !== 'active') return { kind: 'absent' };
      return db.transaction().execute(async (trx) => {
        const now = clock.now();
        const refused = await judge(trx, at, now);
        if (refused?.kind === 'absent') return refused;
        const waiting = await findPending(trx, account.id, digest(at.place), now);
        if (!waiting) return { kind: 'gone' };
        if (refused) return refused;
        const step = stepOfCode(openSecret(sealing, waiting), plainCode(code), now);
        if (step === undefined) return { kind: 'wrong' };
        const { id } = waiting;
        const called = plainName(name);
        if (!(await confirmPending(trx, id, { name: called, step, at: now }))) return { kind: 'gone' };
        await audit.append(trx, {
          type: 'authenticator.added',
          detail: { authenticatorId: id },
          accountId: account.id,
          ...by,
        });
        await noteChange(trx, 'account', account.id);
        const data = { factor: 'totp', name: called === '' ? undefined : called } as const;
        await tell(trx, account, { kind: 'factor-added', key: id, at: now, by, data });
        const recoveryCodes = await recovery.makeFirst(trx, account, by);
        const authenticator = { id, name: called, addedAt: now, lastUsedAt: now };
        return { kind: 'added', authenticator, recoveryCodes, at: began };
      });
    },
    rename: (accountId, id, name, by) =>
      db.transaction().execute(async (trx) => {
        if (!(await renameAuthenticator(trx, accountId, id, plainName(name)))) return { kind: 'absent' };
        await audit.append(trx, {
          type: 'authenticator.renamed',
          detail: { authenticatorId: id },
          accountId,
          ...by,
        });
        return { kind: 'renamed' };
      }),
    async remove(accountId, id, by) {
      const account = await findAccount(accountId);
      if (!account) return { kind: 'absent' };
      return db.transaction().execute(async (trx) => {
        const now = clock.now();
        await parts.lockAccount(trx, accountId);
        await holdFactors(trx, accountId, now);
        const name = await deleteAuthenticator(trx, accountId, id);
        if (name === undefined) return { kind: 'absent' };
        const left = (await listAuthenticators(trx, accountId)).length;
        const detail = { authenticatorId: id, left };
        await audit.append(trx, { type: 'authenticator.removed', detail, accountId, ...by });
        await noteChange(trx, 'account', accountId);
        const data = { factor: 'totp', name: name === '' ? undefined : name } as const;
        await tell(trx, account, { kind: 'factor-removed', key: id, at: now, by, data });
        await recovery.dropIdle(trx, accountId, by);
        return { kind: 'removed' };
      });
    },
  };
}

function openSecret(sealing: Pick<Sealing, 'open'>, { id, sealed }: Pick<Pending, 'id' | 'sealed'>): string {
  return sealing.open(sealed, sealPlace(id));
}
