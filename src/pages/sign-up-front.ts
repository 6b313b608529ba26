/** What the pages of a sign-up need from the rest of the house, as functions (accounts/sign-ups.ts). */
import type { From } from './mailed-front.ts';

/** What was wrong with a field: a text's key, with what stands in it. */
export interface FieldFault {
  readonly field: string;
  readonly key: string;
  readonly values?: Readonly<Record<string, number>> | undefined;
}

export type SignUpPlace = { readonly visit: string } | { readonly token: string };

export type CompletedSignUp =
  | {
      readonly kind: 'created';
      readonly account: { readonly id: string; readonly passwordVersion: number };
      readonly at: number;
    }
  | { readonly kind: 'gone' | 'taken' }
  | { readonly kind: 'faults'; readonly faults: readonly FieldFault[] }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number };

export interface SignUpFront {
  /** Whether whoever comes by may begin; links of invitations work all the same. */
  readonly offered: boolean;
  /** Of the addresses that may sign up; empty: any. */
  readonly domains: readonly string[];
  begin(o: {
    readonly visit: string;
    readonly email: string;
    readonly app: string;
    readonly network: string;
    readonly locale: string;
  }): Promise<{ readonly kind: 'sent' | 'domain' | 'no-address' }>;
  stand(visit: string): Promise<{ readonly email: string; readonly proved: boolean } | undefined>;
  proveByCode(
    visit: string,
    code: string,
    network: string,
  ): Promise<
    { readonly kind: 'proved' | 'wrong' } | { readonly kind: 'wait'; readonly retryAfterSeconds: number }
  >;
  /** Uses nothing up. */
  look(token: string): Promise<{ readonly email: string; visits(visit: string): boolean } | undefined>;
  proveByLink(visit: string, token: string): Promise<boolean>;
  /** The code of an invitation becomes a link. */
  linkOfInvitation(o: {
    readonly email: string;
    readonly code: string;
    readonly network: string;
  }): Promise<
    | { readonly kind: 'open'; readonly token: string }
    | { readonly kind: 'wrong' }
    | { readonly kind: 'wait'; readonly retryAfterSeconds: number }
  >;
  complete(
    place: SignUpPlace,
    person: { readonly name: string; readonly password: string; readonly app?: string | undefined },
    from: From,
  ): Promise<CompletedSignUp>;
}
