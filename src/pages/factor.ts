/**
 * What each second factor proves, and the further pages of a sign-in. The factors themselves come from the wiring
 * (front-door.ts, SecondFactor); the pages here are made in pages.ts; the dispatcher asks nothing of them but this.
 */
import type Koa from 'koa';
import type { FormFields } from '../web/forms.ts';
import type { FactorKind, Visit } from './front-door.ts';

/** What each proves (protocol/levels.ts). */
export const methodsOf: Readonly<Record<FactorKind, readonly string[]>> = {
  passkey: ['pop', 'user', 'mfa'],
  totp: ['otp'],
  recovery: ['recovery'],
  email: ['email'],
};

/**
 * A page that sets a factor up where policy demands one that the account lacks. Its forms go to
 * `/interaction/:uid/enrol` with its kind in the field `factor`; when the factor is proved it calls `finishSignIn` with
 * its methods, and the dispatcher goes on.
 */
export interface Enrolment {
  readonly kind: Extract<FactorKind, 'passkey' | 'totp'>;
  show(ctx: Koa.Context, visit: Visit, accountId: string, again?: AgainPage): Promise<void>;
  submit(ctx: Koa.Context, visit: Visit, accountId: string, fields: FormFields): Promise<void>;
}

/**
 * A page between the last proof and the end. Its form goes to `/interaction/:uid/go-on`; afterwards the sign-in ends
 * whatever it answered.
 */
export interface Interlude {
  readonly kind: 'enrolled' | 'offer';
  /** Asked once, when all is proved. */
  wants(
    ctx: Koa.Context,
    visit: Visit,
    proved: { accountId: string; amr: readonly string[] },
  ): Promise<boolean>;
  show(ctx: Koa.Context, visit: Visit, accountId: string, again?: AgainPage): Promise<void>;
  /** `shown`: it has answered with a page of its own, and is not over yet. */
  submit(ctx: Koa.Context, visit: Visit, accountId: string, fields: FormFields): Promise<'over' | 'shown'>;
}

/** A page a second time, with a text's key for the whole form. */
export interface AgainPage {
  readonly status: number;
  readonly notice: string;
}
