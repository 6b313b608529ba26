/** What the pages of mailed links and codes need from the rest of the house, as functions. */

import type Koa from 'koa';
import type { Fault } from '../accounts/fault.ts';
import type { Device } from '../throttle/device-cookie.ts';

/** Where a request comes from, for the audit. */
export interface From {
  /** throttle/networks.ts */
  readonly network: string;
  readonly requestId: string;
}

/** What one button does. Its texts are `link.<purpose>.…`, in camel case. */
export interface ConfirmLink {
  /** What the texts name; undefined when the link is dead. Uses nothing up. */
  describe(token: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** Where this browser has to sign in before; undefined: nowhere. Uses nothing up. */
  signInFirst?(ctx: Koa.Context, token: string): Promise<string | undefined>;
  /** Uses it up, and does what it is for. `done-removed`: it has removed ways in, and the next page says so. */
  confirm(token: string, from: From, ctx: Koa.Context): Promise<'done' | 'done-removed' | 'gone'>;
}

/** Purposes whose page is a sentence and a button (accounts/mailed-proofs.ts). */
export type ConfirmPurpose = 'verify-email' | 'change-email' | 'not-me' | 'cancel-deletion';

/** accounts/password-reset.ts */
export interface ResetFront {
  /** `device`: of this browser's cookie; what it is worth is judged by the account. */
  ask(
    o: From & { email: string; locale: string; device?: Device | undefined },
  ): Promise<'asked' | 'no-address'>;
  redeemCode(o: {
    email: string;
    code: string;
    network: string;
  }): Promise<
    | { readonly kind: 'open'; readonly token: string }
    | { readonly kind: 'wrong' }
    | { readonly kind: 'wait'; readonly retryAfterSeconds: number }
  >;
  describe(token: string): Promise<{ readonly email: string } | undefined>;
  complete(
    o: From & { token: string; password: string },
  ): Promise<
    | { readonly kind: 'changed' }
    | { readonly kind: 'gone' }
    | { readonly kind: 'fault'; readonly fault: Fault }
    | { readonly kind: 'busy'; readonly retryAfterSeconds: number }
  >;
}

/** accounts/sign-in-codes.ts */
export interface SignInCodeFront {
  ask(o: {
    visit: string;
    email: string;
    app: string;
    network: string;
    locale: string;
    device?: Device | undefined;
  }): Promise<'asked' | 'no-address'>;
  redeem(o: From & { visit: string; code: string }): Promise<
    | {
        readonly kind: 'signed-in';
        readonly account: { readonly id: string; readonly passwordVersion: number };
        readonly amr: readonly string[];
        readonly at: number;
      }
    | { readonly kind: 'wrong' }
    | { readonly kind: 'wait'; readonly retryAfterSeconds: number }
  >;
}

export interface MailedFront {
  /** What a live link is for. Uses nothing up. */
  purposeOf(token: string): Promise<string | undefined>;
  readonly reset: ResetFront;
  /** Absent where nobody signs in by a mailed code. */
  readonly signInCodes?: SignInCodeFront | undefined;
  readonly confirm: Readonly<Partial<Record<ConfirmPurpose, ConfirmLink>>>;
}
