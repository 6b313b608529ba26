/** What the pages of a sign-up need from the rest of the house, as functions (accounts/sign-ups.ts). */
import type { From } from './mailed-front.ts';

/** What was wrong with a field: a text's key, with what stands in it. */
export interface FieldFault {
  readonly field: string;
  readonly key: string;
  readonly values?: Readonly<Record<string, number>> | undefined;
}

export type SignUpPlace = { readonly visit: string } | { readonly token: string };

/** How the new person will sign in. */
export type NewWayIn =
  | { readonly password: string }
  /** The browser's answer, and what it was bound to. */
  | { readonly passkey: { readonly response: string; readonly bound: string } };

export type CompletedSignUp =
  | {
      readonly kind: 'created';
      /** What its making has proved. */
      readonly amr: readonly string[];
      readonly account: { readonly id: string; readonly passwordVersion: number };
      readonly at: number;
    }
  | { readonly kind: 'gone' | 'taken' }
  /** Nothing was made; a text's key says why. */
  | { readonly kind: 'no-passkey'; readonly notice: string }
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
  /** Whether a new account may have a passkey as its way in. */
  readonly passkeys: boolean;
  /** At least one. @param clientId the app that the person comes from, if any */
  ways(clientId?: string): Promise<{ readonly passkey: boolean; readonly password: boolean }>;
  /** Where `ways` has passkeys: what the browser is asked for (PublicKeyCredentialCreationOptionsJSON). */
  passkeyOptions(place: SignUpPlace, bound: string): Promise<unknown>;
  complete(
    place: SignUpPlace,
    person: NewWayIn & { readonly name: string; readonly app?: string | undefined },
    from: From,
  ): Promise<CompletedSignUp>;
}
