/** The page of the second factor: one field for the whole code, and the person's other factors one line below. */
import type Koa from 'koa';
import type { Csrf } from '../web/csrf.ts';
import type { FormFields } from '../web/forms.ts';
import { personView } from '../web/names.ts';
import { type SendPage, seeOther } from '../web/page-sender.ts';
import { clientView, formTargetsOf, imagesOf } from './display.ts';
import type { AgainPage } from './factor.ts';
import type { FactorKind, FrontDoor, SecondFactor, Visit } from './front-door.ts';
import type { Stand } from './journey.ts';
import { visitPath, visitPurpose } from './visit-address.ts';
import { waitText } from './wait-text.ts';

type Here = Extract<Stand, { step: 'second-factor' }>;

export interface SecondFactorPage {
  show(ctx: Koa.Context, visit: Visit, here: Here, again?: Again): Promise<void>;
  /** `out-of-order`: nothing was answered yet; this factor is not one that comes next. */
  submit(ctx: Koa.Context, visit: Visit, here: Here, fields: FormFields): Promise<'taken' | 'out-of-order'>;
}

interface Again extends Partial<AgainPage> {
  readonly status: number;
  readonly waitSeconds?: number;
  readonly kind?: FactorKind;
  /** Text keys by field. */
  readonly faults?: Readonly<Partial<Record<'code', string>>>;
}

export function createSecondFactorPage(o: {
  front: Pick<FrontDoor, 'protocol' | 'secondFactors' | 'findPerson'>;
  csrf: Csrf;
  base: string;
  sendPage: SendPage;
}): SecondFactorPage {
  const { front, csrf, base, sendPage } = o;

  const factorOf = ({ kinds }: Here, kind: unknown): SecondFactor | undefined =>
    front.secondFactors.find((one) => one.kind === kind && kinds.includes(one.kind));

  const show: SecondFactorPage['show'] = async (ctx, visit, here, again) => {
    const { accountId } = here.proved;
    const factor = factorOf(here, again?.kind ?? ctx.query.factor) ?? factorOf(here, here.kinds[0]);
    if (!factor) throw new Error('a second factor is next, and there is none');
    const [person, view] = await Promise.all([
      front.findPerson(accountId),
      factor.view?.(ctx, visit, accountId),
    ]);
    const path = base + visitPath(visit.uid);
    sendPage(ctx, 'second-factor', {
      status: again?.status ?? 200,
      retryAfterSeconds: again?.waitSeconds,
      data: {
        client: clientView(visit.client),
        chip: person && personView(person),
        onDevice: visit.onDevice === true,
        why: here.why,
        factor: { kind: factor.kind, ...view, isSent: factor.send !== undefined },
        others: here.kinds
          .filter((kind) => kind !== factor.kind)
          .map((kind) => ({ kind, url: `${path}?factor=${kind}` })),
        action: path,
        csrf: csrf.issue(ctx, visitPurpose(visit.uid)),
        faults: again?.faults ?? {},
        notice: again?.notice,
        wait: again?.waitSeconds === undefined ? undefined : waitText(again.waitSeconds),
      },
      policy: {
        formTargets: formTargetsOf(visit.client, visit.redirectOrigin),
        images: imagesOf(visit.client),
      },
    });
  };

  return {
    show,
    async submit(ctx, visit, here, fields) {
      const factor = factorOf(here, fields.factor);
      if (!factor) return 'out-of-order';
      const { accountId, remember } = here.proved;
      if (fields.send === 'yes') {
        if (!factor.send) return 'out-of-order';
        await factor.send(ctx, visit, accountId);
        seeOther(ctx, `${base}${visitPath(visit.uid)}?factor=${factor.kind}&sent=yes`);
        return 'taken';
      }
      const again = (more: Omit<Again, 'kind'>) => show(ctx, visit, here, { ...more, kind: factor.kind });
      if (factor.kind !== 'passkey' && (fields.code ?? '').trim() === '') {
        await again({ status: 422, faults: { code: 'secondFactor.codeMissing' } });
        return 'taken';
      }
      const outcome = await factor.verify(ctx, visit, accountId, fields);
      switch (outcome.kind) {
        case 'ok': {
          const { amr, at } = outcome;
          await front.protocol.finishSignIn(ctx, visit, { accountId, amr, at, remember });
          return 'taken';
        }
        case 'wrong':
          await again({ status: 422, ...wrong(factor.kind) });
          return 'taken';
        case 'locked':
        case 'busy': {
          const [status, notice] =
            outcome.kind === 'locked' ? [429, 'secondFactor.locked'] : [503, 'secondFactor.busy'];
          await again({
            status: Number(status),
            notice: String(notice),
            waitSeconds: outcome.retryAfterSeconds,
          });
          return 'taken';
        }
      }
    },
  };
}

/** Beside the field where there is one. */
function wrong(kind: FactorKind): Pick<Again, 'notice' | 'faults'> {
  const text = `secondFactor.wrong.${kind}`;
  return kind === 'passkey' ? { notice: text } : { faults: { code: text } };
}
