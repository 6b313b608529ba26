/**
 * What the room's files share. Owned by this room: second factors that are codes of the person's own, authenticator apps
 * (TOTP) and recovery codes. Not owned: when one is asked for (pages, protocol/levels.ts), and passkeys.
 */
import type { Actor } from '../audit/catalogue.ts';

/** Who does it, and over which network. */
export interface By {
  readonly actor: Actor;
  readonly network?: string | undefined;
  readonly requestId?: string | undefined;
}

/** What this room needs to know of an account. */
export interface FactorAccount {
  readonly id: string;
  readonly email: string;
  readonly emailCanonical: string;
  readonly emailVerified: boolean;
  readonly status: 'active' | 'disabled' | 'leaving';
  /** BCP 47, of the person's choice. */
  readonly locale?: string | undefined;
}

/** Accounts by id (accounts/accounts.ts). */
export type FindAccount = (id: string) => Promise<FactorAccount | undefined>;

/** One authenticator app that counts. */
export interface Authenticator {
  readonly id: string;
  /** As the person calls it; '' when he never named it. */
  readonly name: string;
  /** ms */
  readonly addedAt: number;
  readonly lastUsedAt?: number | undefined;
}

/** As many phones, tablets and password managers as one person carries; each one more is one more code to guess. */
export const MAX_AUTHENTICATORS = 5;
const MAX_NAME = 60;

/** A name for people: one line, nothing that steers, at most 60 characters. */
export function plainName(typed: string): string {
  const line = typed.slice(0, 1_000).replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ');
  return [...line.trim()].slice(0, MAX_NAME).join('').trim();
}
