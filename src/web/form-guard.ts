/** The first three checks of every form: it is a form, it came from our own page, in this browser. */
import type Koa from 'koa';
import { type Csrf, cameFromHere } from './csrf.ts';
import { type FormFields, readForm } from './forms.ts';
import { WebFault } from './problem.ts';

export interface SubmittedForm {
  readonly fields: FormFields;
  /** Whether the token fits this purpose. When not, the page was old: show it again, do nothing. */
  isFresh(purpose: string): boolean;
}

export type ReadSubmitted = (ctx: Koa.Context) => Promise<SubmittedForm>;

/** Throws WebFault 403 when another site sent the form, and what `readForm` throws. */
export function createReadSubmitted({ csrf, origin }: { csrf: Csrf; origin: string }): ReadSubmitted {
  return async (ctx) => {
    if (!cameFromHere(ctx, origin)) {
      throw new WebFault({
        status: 403,
        detail: 'This form was sent from another site, so nothing was done.',
      });
    }
    const fields = await readForm(ctx);
    return { fields, isFresh: (purpose) => csrf.check(ctx, purpose, fields.csrf).kind === 'ok' };
  };
}
