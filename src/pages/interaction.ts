/** THE dispatcher: which page comes next follows from what is stored, never from where the person came from. */
import type Koa from 'koa';
import type { ReadSubmitted } from '../web/form-guard.ts';
import type { FormFields } from '../web/forms.ts';
import { seeOther } from '../web/page-sender.ts';
import type { ConsentPage } from './consent.ts';
import type { FrontDoor, Visit } from './front-door.ts';
import type { SignInPage } from './sign-in.ts';
import { visitPath, visitPurpose } from './visit-address.ts';
import type { WayBack } from './way-back.ts';

export type Step = 'sign-in' | 'consent';

export function nextPage(visit: Pick<Visit, 'prompt'>): Step {
  return visit.prompt === 'login' ? 'sign-in' : 'consent';
}

export interface InteractionPages {
  /** GET /interaction/:uid */
  show(ctx: Koa.Context, uid: string): Promise<void>;
  /** GET of a step's address (a reload or bookmark of an answered form): back to the dispatcher. */
  back(ctx: Koa.Context, uid: string): void;
  /** POST /interaction/:uid/sign-in, /consent and /cancel. */
  submit(ctx: Koa.Context, uid: string, action: Step | 'cancel'): Promise<void>;
}

export function createInteractionPages(o: {
  protocol: FrontDoor['protocol'];
  base: string;
  signIn: SignInPage;
  consent: ConsentPage;
  wayBack: WayBack;
  readSubmitted: ReadSubmitted;
}): InteractionPages {
  const { protocol, signIn, consent, wayBack } = o;

  const page = async (
    ctx: Koa.Context,
    visit: Visit,
    again?: { status: number; notice: string; fields: FormFields },
  ) => {
    wayBack.remember(ctx, visit);
    if (nextPage(visit) === 'consent') return consent.show(ctx, visit, again);
    return signIn.show(ctx, visit, again && { ...again, email: again.fields.email });
  };

  return {
    async show(ctx, uid) {
      const visit = await protocol.visit(ctx);
      if (!visit) return wayBack.explain(ctx, uid, 410);
      return page(ctx, visit);
    },
    back: (ctx, uid) => seeOther(ctx, o.base + visitPath(uid)),
    async submit(ctx, uid, action) {
      const form = await o.readSubmitted(ctx);
      const visit = await protocol.visit(ctx);
      if (!visit) {
        const restarted = action === 'sign-in' && wayBack.restart(ctx, uid, { email: form.fields.email });
        return restarted ? undefined : wayBack.explain(ctx, uid, 403);
      }
      if (!form.isFresh(visitPurpose(visit.uid))) {
        return page(ctx, visit, { status: 403, notice: 'form.outdated', fields: form.fields });
      }
      if (action === 'cancel') return protocol.refuse(ctx, visit, 'access_denied', 'The person cancelled.');
      // Only the step that the store says comes next is taken: an earlier or later one is an old page.
      if (action !== nextPage(visit)) return wayBack.explain(ctx, uid, 403, { currentPage: true });
      return action === 'sign-in' ? signIn.submit(ctx, visit, form.fields) : consent.allow(ctx, visit);
    },
  };
}
