/**
 * What an account is. An account is one person (or one mailbox that acts like one): e-mail address, standard claims,
 * status. Its password lives elsewhere (passwords.ts), and so do its roles (roles.ts) and consents (consents.ts).
 */
import type { Actor } from '../audit/catalogue.ts';
import type { SecondFactorPolicy } from '../config/second-factor.ts';
import type { Profile } from './profile.ts';

export interface Account {
  /** The `sub` of this person for every client: random, at most 255 ASCII characters, never used again. */
  readonly id: string;
  /** As typed. */
  readonly email: string;
  /** What look-ups go by (emails.ts). */
  readonly emailCanonical: string;
  readonly emailVerified: boolean;
  /** `leaving`: its holder deletes it, and can keep it until `leavingUntil`. */
  readonly status: 'active' | 'disabled' | 'leaving';
  /** ms; of those that are leaving. */
  readonly leavingUntil?: number | undefined;
  readonly profile: Profile;
  /** Grows by one with every password that is set, so that device cookies made before it are void. */
  readonly passwordVersion: number;
  /** What its sign-ins need besides the first factor, whatever other rules say. */
  readonly secondFactor?: SecondFactorPolicy;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Who changes an account, and over which network: everything the audit wants to know. */
export interface By {
  readonly actor: Actor;
  readonly network?: string | undefined;
  readonly requestId?: string | undefined;
}

/** A role by name; the audience may be left out when only one resource server has a role of that name. */
export interface RoleReference {
  readonly role: string;
  readonly audience?: string | undefined;
}

/** What an account is made of. */
export interface NewAccount {
  readonly email: string;
  readonly name?: string | undefined;
  readonly emailVerified?: boolean | undefined;
  readonly password?: string | undefined;
  /** What else the password must not be made of, such as the app's name. */
  readonly passwordWords?: readonly string[] | undefined;
  readonly roles?: readonly RoleReference[] | undefined;
  readonly profile?: Profile | undefined;
}

export type Created = { readonly kind: 'created'; readonly account: Account };
