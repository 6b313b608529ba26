/** Deleting the account: what goes, until when it can be kept, and the address typed in, so that nobody does it by a slip. */
import type { Deletions } from '../accounts/deletion.ts';
import { canonicalEmail } from '../accounts/emails.ts';
import type { SendPage } from '../web/page-sender.ts';
import type { PortalKit } from './portal-kit.ts';
import {
  notThere,
  type PortalAct,
  type PortalPage,
  type PortalSection,
  type PortalVisit,
} from './portal-routes.ts';

const PATH = '/account/delete';
/** RFC 5321 section 4.5.3.1.3, as everywhere. */
const MAX_EMAIL = 254;

export interface DeletionNeeds {
  readonly deletions: Pick<Deletions, 'plan' | 'isLastAdministrator'>;
  readonly graceSeconds: number;
  /** Whether there is mail: a confirmed address gets a link that keeps the account. */
  readonly hasMail: boolean;
  /** For the page after it, whose person is signed in no longer. */
  readonly sendPage: SendPage;
  readonly base: string;
}

export function deletionSection(kit: PortalKit, needs: DeletionNeeds): PortalSection {
  const { deletions } = needs;
  const hasLink = ({ account }: PortalVisit) => needs.hasMail && account.emailVerified;

  const show: PortalPage['show'] = async (ctx, visit, again) => {
    kit.send(ctx, visit, 'deletion', {
      title: 'portal.deletion.title',
      topic: PATH,
      again,
      data: {
        csrf: kit.csrf(ctx, visit, PATH),
        lastAdministrator: await deletions.isLastAdministrator(visit.account.id),
        hasLink: hasLink(visit),
        days: Math.ceil(needs.graceSeconds / 86_400),
        typed: again?.fields?.email?.slice(0, MAX_EMAIL) ?? '',
      },
    });
  };

  const submit: PortalAct['submit'] = async (ctx, visit, fields) => {
    const typed = canonicalEmail(fields.email ?? '');
    if (typed.kind !== 'email' || typed.canonical !== visit.account.emailCanonical) {
      return show(ctx, visit, { status: 422, faults: { email: 'portal.deletion.fault.email' }, fields });
    }
    const outcome = await deletions.plan(visit.account.id, visit.by);
    switch (outcome.kind) {
      case 'last-administrator':
        return show(ctx, visit, { status: 409, notice: 'portal.deletion.last', fields });
      case 'absent':
        throw notThere();
      default:
        return needs.sendPage(ctx, 'portal-left', {
          data: {
            hasLink: hasLink(visit),
            until: outcome.kind === 'planned' ? kit.time(visit, outcome.until) : undefined,
            home: `${needs.base}/`,
          },
        });
    }
  };

  return {
    topic: { path: PATH, text: 'portal.deletion.topic' },
    routes: [
      { method: 'GET', path: PATH, needs: 'recent-strong', show },
      { method: 'POST', path: PATH, page: PATH, needs: 'recent-strong', submit },
    ],
  };
}
