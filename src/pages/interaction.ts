/** THE dispatcher: which page comes next follows from what is stored, never from where the person came from. */
import type Koa from 'koa';
import type { ReadSubmitted } from '../web/form-guard.ts';
import type { FormFields } from '../web/forms.ts';
import type { PageLanguages } from '../web/languages.ts';
import { seeOther } from '../web/page-sender.ts';
import type { ConsentPage } from './consent.ts';
import type { EnrolPage } from './enrol.ts';
import type { AgainPage, Interlude } from './factor.ts';
import type { FrontDoor, Visit } from './front-door.ts';
import type { Journey, Stand } from './journey.ts';
import type { SecondFactorPage } from './second-factor.ts';
import type { SignInPage } from './sign-in.ts';
import type { UpstreamSteps } from './upstream-steps.ts';
import { visitPath, visitPurpose } from './visit-address.ts';
import type { WayBack } from './way-back.ts';

/** One POST of a visit, below its address: taken only while the store says that one of these steps comes next. */
export interface Action {
  readonly name: string;
  readonly at: readonly Stand['step'][];
  submit(ctx: Koa.Context, visit: Visit, fields: FormFields, stand: Stand): Promise<void>;
}

export interface InteractionPages {
  /** GET /interaction/:uid */
  show(ctx: Koa.Context, uid: string): Promise<void>;
  /** GET of a step's address (a reload or bookmark of an answered form): back to the dispatcher. */
  back(ctx: Koa.Context, uid: string): void;
  /** POST /interaction/:uid/… */
  submit(ctx: Koa.Context, uid: string, action: string): Promise<void>;
  readonly actions: readonly string[];
}

/** A page that may stand in for the sign-in page; its forms are among `moreActions`. */
export interface SignUpStep {
  isWanted(ctx: Koa.Context, visit: Visit): boolean;
  show(
    ctx: Koa.Context,
    visit: Visit,
    again?: AgainPage & Partial<Record<'email' | 'name', string | undefined>>,
  ): Promise<void>;
}

export interface InteractionParts {
  readonly front: Pick<FrontDoor, 'protocol' | 'findPerson'>;
  readonly languages: Pick<PageLanguages, 'settle'>;
  readonly base: string;
  readonly journey: Journey;
  readonly signIn: SignInPage;
  readonly upstream: Pick<UpstreamSteps, 'resume'>;
  readonly secondFactor: SecondFactorPage;
  readonly enrol: EnrolPage;
  readonly interludes: readonly Interlude[];
  readonly consent: ConsentPage;
  readonly wayBack: WayBack;
  /** Absent: nobody may make an account by coming by. */
  readonly signUp?: SignUpStep | undefined;
  readonly readSubmitted: ReadSubmitted;
  /** Other ways of signing in, each with a POST of its own at the step 'sign-in' or another. */
  readonly moreActions?: readonly Action[];
}

export function createInteractionPages(o: InteractionParts): InteractionPages {
  const { front, journey, signIn, secondFactor, enrol, consent, wayBack } = o;
  const { protocol } = front;
  const actions = new Map(
    [...stepActions(o), ...(o.moreActions ?? [])].map((action) => [action.name, action] as const),
  );

  /** The visit, and with it the language of whatever is answered. */
  const visitOf = async (ctx: Koa.Context): Promise<Visit | undefined> => {
    const visit = await protocol.visit(ctx);
    if (!visit) return undefined;
    const person = visit.accountId === undefined ? undefined : await front.findPerson(visit.accountId);
    o.languages.settle(ctx, { uiLocales: visit.params.ui_locales, account: person?.locale });
    return visit;
  };

  const page = async (
    ctx: Koa.Context,
    visit: Visit,
    again?: AgainPage & { fields: FormFields },
  ): Promise<void> => {
    wayBack.remember(ctx, visit);
    const stand = await journey.stand(visit);
    switch (stand.step) {
      case 'sign-in':
        if (!again && (await o.upstream.resume(ctx, visit))) return;
        if (o.signUp?.isWanted(ctx, visit)) {
          return o.signUp.show(ctx, visit, again && { ...again, ...typedOf(again.fields) });
        }
        return signIn.show(ctx, visit, again && { ...again, email: again.fields.email });
      case 'second-factor':
        return secondFactor.show(ctx, visit, stand, again);
      case 'enrol':
        return enrol.show(ctx, visit, stand, again);
      case 'consent':
        return consent.show(ctx, visit, again);
      default:
        return o.interludes
          .find(({ kind }) => kind === stand.step)
          ?.show(ctx, visit, stand.proved.accountId, again);
    }
  };

  return {
    actions: [...actions.keys(), 'cancel'],
    async show(ctx, uid) {
      const visit = await visitOf(ctx);
      if (!visit) return wayBack.explain(ctx, uid, 410);
      return page(ctx, visit);
    },
    back: (ctx, uid) => seeOther(ctx, o.base + visitPath(uid)),
    async submit(ctx, uid, name) {
      const form = await o.readSubmitted(ctx);
      const visit = await visitOf(ctx);
      if (!visit) {
        const restarted = name === 'sign-in' && wayBack.restart(ctx, uid, { email: form.fields.email });
        return restarted ? undefined : wayBack.explain(ctx, uid, 403);
      }
      if (!form.isFresh(visitPurpose(visit.uid))) {
        return page(ctx, visit, { status: 403, notice: 'form.outdated', fields: form.fields });
      }
      if (name === 'cancel') return protocol.refuse(ctx, visit, 'access_denied', 'The person cancelled.');
      // Only the step that the store says comes next is taken: an earlier or later one is an old page.
      const stand = await journey.stand(visit);
      const action = actions.get(name);
      if (!action?.at.includes(stand.step)) return wayBack.explain(ctx, uid, 403, { currentPage: true });
      const onto = 'proved' in stand ? { ...visit, ground: stand.proved } : visit;
      return action.submit(ctx, onto, form.fields, stand);
    },
  };
}

const typedOf = ({ email, name }: FormFields) => ({ email, name });

function stepActions(o: InteractionParts): readonly Action[] {
  const { journey, secondFactor, enrol } = o;
  const outOfOrder = (ctx: Koa.Context, { uid }: Visit) =>
    o.wayBack.explain(ctx, uid, 403, { currentPage: true });
  return [
    { name: 'sign-in', at: ['sign-in'], submit: o.signIn.submit },
    {
      name: 'second-factor',
      at: ['second-factor'],
      async submit(ctx, visit, fields, stand) {
        if (stand.step !== 'second-factor') return outOfOrder(ctx, visit);
        const taken = await secondFactor.submit(ctx, visit, stand, fields);
        return taken === 'taken' ? undefined : outOfOrder(ctx, visit);
      },
    },
    {
      name: 'enrol',
      at: ['enrol'],
      async submit(ctx, visit, fields, stand) {
        if (stand.step !== 'enrol') return outOfOrder(ctx, visit);
        const taken = await enrol.submit(ctx, visit, stand, fields);
        return taken === 'taken' ? undefined : outOfOrder(ctx, visit);
      },
    },
    {
      name: 'go-on',
      at: ['enrolled', 'offer'],
      async submit(ctx, visit, fields, stand) {
        const interlude = o.interludes.find(({ kind }) => kind === stand.step);
        if (!interlude || !('proved' in stand)) return outOfOrder(ctx, visit);
        const answer = await interlude.submit(ctx, visit, stand.proved.accountId, fields);
        return answer === 'over' ? journey.goOn(ctx, visit, stand.proved) : undefined;
      },
    },
    {
      name: 'start-over',
      at: ['second-factor', 'enrol', 'enrolled', 'offer'],
      submit: (ctx, visit) => journey.startOver(ctx, visit),
    },
    { name: 'consent', at: ['consent'], submit: (ctx, visit) => o.consent.allow(ctx, visit) },
  ];
}
