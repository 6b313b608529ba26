/**
 * An authenticator app is set up in the middle of a sign-in, because policy demands a second factor. Its first code is
 * the proof that the sign-in lacked. The recovery codes that come with it are shown by the answer itself, once.
 */
import type Koa from 'koa';
import type { Enrolment as NewApp } from '../factors/authenticators.ts';
import { rankOf } from '../protocol/levels.ts';
import type { Csrf } from '../web/csrf.ts';
import { personView } from '../web/names.ts';
import { type SendPage, seeOther } from '../web/page-sender.ts';
import { requestIdOf } from '../web/request-id.ts';
import { clientView, formTargetsOf, imagesOf } from './display.ts';
import { type Enrolment, type Interlude, methodsOf } from './factor.ts';
import type { FrontDoor, Visit } from './front-door.ts';
import type { Journey } from './journey.ts';
import { visitPath, visitPurpose } from './visit-address.ts';

interface Shared {
  readonly csrf: Csrf;
  readonly base: string;
  readonly sendPage: SendPage;
}

/** What every page of this file shows around its own content. */
const frameOf = ({ csrf, base }: Shared, ctx: Koa.Context, visit: Visit) => ({
  data: {
    client: clientView(visit.client),
    action: base + visitPath(visit.uid),
    csrf: csrf.issue(ctx, visitPurpose(visit.uid)),
  },
  policy: { formTargets: formTargetsOf(visit.client, visit.redirectOrigin), images: imagesOf(visit.client) },
});

export function createTotpEnrolment(
  o: Shared & {
    front: Pick<FrontDoor, 'protocol' | 'authenticators' | 'findPerson' | 'networkOf'>;
    journey: Pick<Journey, 'pause'>;
  },
): Enrolment {
  const { front, journey, base, sendPage } = o;

  const placeOf = (visit: Visit, accountId: string) => ({
    accountId,
    place: `interaction ${visit.uid}`,
    isStrong: rankOf(visit.proved?.amr ?? []) >= 2,
    signedIn: visit.proved,
  });

  interface Again {
    readonly status: number;
    readonly notice?: string;
    readonly faults?: Readonly<Partial<Record<'code', string>>>;
  }

  const showApp = async (
    ctx: Koa.Context,
    visit: Visit,
    accountId: string,
    enrolment: NewApp,
    again?: Again,
  ): Promise<void> => {
    const person = await front.findPerson(accountId);
    const { data, policy } = frameOf(o, ctx, visit);
    sendPage(ctx, 'enrol-totp', {
      status: again?.status ?? 200,
      data: {
        ...data,
        chip: person && personView(person),
        enrolment,
        wayUrl: `${base}${visitPath(visit.uid)}`,
        notice: again?.notice,
        faults: again?.faults ?? {},
      },
      policy,
    });
  };

  const begin = async (ctx: Koa.Context, visit: Visit, accountId: string, again?: Again): Promise<void> => {
    const begun = await front.authenticators.begin(placeOf(visit, accountId));
    switch (begun.kind) {
      case 'begun':
        return showApp(ctx, visit, accountId, begun.enrolment, again);
      case 'absent':
        return front.protocol.refuse(ctx, visit, 'access_denied', 'The account is not there any more.');
      // It has a factor by now, set up elsewhere: the dispatcher asks for that one.
      case 'full':
      case 'needs-strong':
        return seeOther(ctx, base + visitPath(visit.uid));
    }
  };

  return {
    kind: 'totp',
    show: begin,
    async submit(ctx, visit, accountId, { code = '' }) {
      if (code.trim() === '') {
        const faults = { code: 'secondFactor.codeMissing' };
        return begin(ctx, visit, accountId, { status: 422, faults });
      }
      const by = {
        actor: { kind: 'account', id: accountId },
        network: front.networkOf(ctx.ip),
        requestId: requestIdOf(ctx),
      } as const;
      const confirmed = await front.authenticators.confirm(placeOf(visit, accountId), { code }, by);
      switch (confirmed.kind) {
        case 'added': {
          const remember = visit.proved?.remember ?? false;
          const { recoveryCodes, at } = confirmed;
          const signIn = { accountId, amr: methodsOf.totp, remember, at };
          if (!recoveryCodes) return front.protocol.finishSignIn(ctx, visit, signIn);
          await journey.pause(ctx, visit, signIn, 'enrolled');
          const { data, policy } = frameOf(o, ctx, visit);
          return sendPage(ctx, 'recovery-codes', { data: { ...data, codes: recoveryCodes }, policy });
        }
        case 'wrong': {
          const faults = { code: 'enrolTotp.wrong' };
          return begin(ctx, visit, accountId, { status: 422, faults });
        }
        case 'gone':
          return begin(ctx, visit, accountId, { status: 422, notice: 'enrolTotp.gone' });
        default:
          return begin(ctx, visit, accountId);
      }
    },
  };
}

/** Where a reload of the recovery codes leads: they are not there any more, and the sign-in goes on. */
export function enrolledInterlude(o: Shared): Interlude {
  return {
    kind: 'enrolled',
    // Only the answer that shows the codes leads here.
    wants: async () => false,
    async show(ctx, visit, _accountId, again) {
      const { data, policy } = frameOf(o, ctx, visit);
      o.sendPage(ctx, 'recovery-codes', {
        status: again?.status ?? 200,
        data: { ...data, codes: [], notice: again?.notice },
        policy,
      });
    },
    submit: async () => 'over',
  };
}
