/** A factor that policy demands and the account lacks is set up here, before the sign-in goes on. */
import type Koa from 'koa';
import type { Csrf } from '../web/csrf.ts';
import type { FormFields } from '../web/forms.ts';
import { personView } from '../web/names.ts';
import type { SendPage } from '../web/page-sender.ts';
import { clientView, formTargetsOf, imagesOf } from './display.ts';
import type { AgainPage, Enrolment } from './factor.ts';
import type { FrontDoor, Visit } from './front-door.ts';
import type { Stand } from './journey.ts';
import { visitPath, visitPurpose } from './visit-address.ts';

type Here = Extract<Stand, { step: 'enrol' }>;

export interface EnrolPage {
  show(ctx: Koa.Context, visit: Visit, here: Here, again?: AgainPage): Promise<void>;
  /** `out-of-order`: nothing was answered yet; this factor is not one that comes next. */
  submit(ctx: Koa.Context, visit: Visit, here: Here, fields: FormFields): Promise<'taken' | 'out-of-order'>;
}

export function createEnrolPage(o: {
  front: Pick<FrontDoor, 'findPerson' | 'isAppsPolicy'>;
  enrolments: readonly Enrolment[];
  csrf: Csrf;
  base: string;
  sendPage: SendPage;
}): EnrolPage {
  const { csrf, base, sendPage } = o;

  const possible = ({ kinds }: Here) => o.enrolments.filter(({ kind }) => kinds.includes(kind));

  /** Which one: a choice where there is one, and a plain word where there is none. */
  const choose = async (ctx: Koa.Context, visit: Visit, here: Here, again?: AgainPage): Promise<void> => {
    const { accountId } = here.proved;
    const [person, byApp] = await Promise.all([
      o.front.findPerson(accountId),
      o.front.isAppsPolicy(accountId, visit.client.clientId),
    ]);
    const path = base + visitPath(visit.uid);
    sendPage(ctx, 'enrol', {
      status: again?.status ?? 200,
      data: {
        client: clientView(visit.client),
        chip: person && personView(person),
        byApp,
        onDevice: visit.onDevice === true,
        ways: possible(here).map(({ kind }) => ({ kind, url: `${path}?factor=${kind}` })),
        action: path,
        csrf: csrf.issue(ctx, visitPurpose(visit.uid)),
        notice: again?.notice,
      },
      policy: {
        formTargets: formTargetsOf(visit.client, visit.redirectOrigin),
        images: imagesOf(visit.client),
      },
    });
  };

  return {
    async show(ctx, visit, here, again) {
      const ways = possible(here);
      const chosen =
        ways.find(({ kind }) => kind === ctx.query.factor) ?? (ways.length === 1 ? ways[0] : undefined);
      if (!chosen) return choose(ctx, visit, here, again);
      return chosen.show(ctx, visit, here.proved.accountId, again);
    },
    async submit(ctx, visit, here, fields) {
      const chosen = possible(here).find(({ kind }) => kind === fields.factor);
      if (!chosen) return 'out-of-order';
      await chosen.submit(ctx, visit, here.proved.accountId, fields);
      return 'taken';
    },
  };
}
