/** Two-step sign-in: the account's authenticator apps and recovery codes. Adding and removing need a strong sign-in. */
import type Koa from 'koa';
import type { Enrolment } from '../factors/authenticators.ts';
import type { Factors } from '../factors/factors.ts';
import { rankOfLevel } from '../protocol/levels.ts';
import type { FormFields } from '../web/forms.ts';
import type { PortalKit } from './portal-kit.ts';
import {
  type Again,
  notThere,
  type OverviewLine,
  type PortalSection,
  type PortalVisit,
} from './portal-routes.ts';

const PATH = '/account/two-step';
const ADD = `${PATH}/add`;
const CODES = `${PATH}/recovery-codes`;
const appPath = (act: string, id = ':id') => `${PATH}/apps/${id}/${act}`;
/** So few are left that the person should make new ones. */
const FEW = 3;

export type TwoStepFactors = Pick<
  Factors,
  'held' | 'begin' | 'confirm' | 'rename' | 'remove' | 'makeRecoveryCodes'
>;

/** @param hasPasskey whether the account has a passkey, which is a second step of its own */
export function twoStepSection(
  kit: PortalKit,
  factors: TwoStepFactors,
  hasPasskey: (accountId: string) => Promise<boolean>,
): PortalSection {
  const placeOf = ({ account, session, signedIn }: PortalVisit) => ({
    accountId: account.id,
    signedIn,
    // Only the session that began it sees and confirms it.
    place: `session ${session.uid}`,
    isStrong: rankOfLevel(session.acr) >= 2,
  });

  async function list(ctx: Koa.Context, visit: PortalVisit, again?: Again): Promise<void> {
    const { authenticators, recoveryCodes } = await factors.held(visit.account.id);
    const token = (path: string) => ({ path, csrf: kit.csrf(ctx, visit, path) });
    const hasOther = await hasPasskey(visit.account.id);
    const unnamed = kit.textsFor(visit).t('portal.twoStep.unnamed');
    kit.send(ctx, visit, 'two-step', {
      title: 'portal.twoStep.title',
      topic: PATH,
      again,
      data: {
        apps: authenticators.map(({ id, name, addedAt, lastUsedAt }) => ({
          id,
          name: name === '' ? unnamed : name,
          typed: name,
          added: kit.day(visit, addedAt),
          used: lastUsedAt === undefined ? undefined : kit.time(visit, lastUsedAt),
          rename: token(appPath('rename', id)),
          remove: token(appPath('remove', id)),
        })),
        codes: recoveryCodes && {
          left: recoveryCodes.left,
          made: kit.day(visit, recoveryCodes.madeAt),
          few: recoveryCodes.left <= FEW,
        },
        codesGoToo: recoveryCodes !== undefined && authenticators.length === 1 && !hasOther,
        canHaveCodes: authenticators.length > 0 || hasOther,
      },
    });
  }

  const showNewApp = (ctx: Koa.Context, visit: PortalVisit, enrolment: Enrolment, again?: Again): void =>
    kit.send(ctx, visit, 'two-step-add', {
      title: 'enrolTotp.title',
      topic: PATH,
      again,
      data: { enrolment, csrf: kit.csrf(ctx, visit, ADD), name: again?.fields?.name ?? '' },
    });

  async function add(ctx: Koa.Context, visit: PortalVisit, again?: Again): Promise<void> {
    const begun = await factors.begin(placeOf(visit));
    if (begun.kind === 'begun') return showNewApp(ctx, visit, begun.enrolment, again);
    if (begun.kind === 'full') return list(ctx, visit, { status: 409, notice: 'portal.twoStep.full' });
    if (begun.kind === 'needs-strong') {
      return list(ctx, visit, { status: 403, notice: 'portal.twoStep.weak' });
    }
    throw notThere();
  }

  async function confirm(ctx: Koa.Context, visit: PortalVisit, fields: FormFields): Promise<void> {
    const { code = '', name = '' } = fields;
    const kept = { name };
    const again = (key: string) => add(ctx, visit, { status: 422, faults: { code: key }, fields: kept });
    if (code.trim() === '') return again('secondFactor.codeMissing');
    const confirmed = await factors.confirm(placeOf(visit), { code, name }, visit.by);
    switch (confirmed.kind) {
      case 'added':
        return confirmed.recoveryCodes
          ? showCodes(ctx, visit, confirmed.recoveryCodes)
          : kit.goTo(ctx, PATH, 'authenticatorAdded');
      case 'wrong':
        return again('enrolTotp.wrong');
      case 'gone':
        return add(ctx, visit, { status: 422, notice: 'enrolTotp.gone', fields: kept });
      default:
        return add(ctx, visit);
    }
  }

  const showCodes = (ctx: Koa.Context, visit: PortalVisit, codes: readonly string[], again?: Again): void =>
    kit.send(ctx, visit, 'recovery-codes', {
      title: codes.length > 0 ? 'recoveryCodes.title' : 'portal.twoStep.newCodes',
      topic: PATH,
      again,
      data: { codes, csrf: kit.csrf(ctx, visit, CODES) },
    });

  return {
    topic: { path: PATH, text: 'portal.twoStep.topic' },
    routes: [
      { method: 'GET', path: PATH, needs: 'signed-in', show: list },
      { method: 'GET', path: ADD, needs: 'recent-strong', show: add },
      { method: 'POST', path: ADD, page: ADD, needs: 'recent-strong', submit: confirm },
      {
        method: 'GET',
        path: CODES,
        needs: 'recent-strong',
        show: (ctx, visit, again) => showCodes(ctx, visit, [], again),
      },
      {
        method: 'POST',
        path: CODES,
        page: CODES,
        needs: 'recent-strong',
        async submit(ctx, visit) {
          const made = await factors.makeRecoveryCodes(visit.account.id, visit.by);
          if (made.kind === 'made') return showCodes(ctx, visit, made.codes);
          return list(ctx, visit, { status: 409, notice: 'portal.twoStep.noFactor' });
        },
      },
      {
        method: 'POST',
        path: appPath('rename'),
        page: PATH,
        needs: 'recent',
        async submit(ctx, visit, { name = '' }) {
          const { kind } = await factors.rename(visit.account.id, visit.id, name, visit.by);
          if (kind === 'absent') throw notThere();
          return kit.goTo(ctx, PATH, 'authenticatorRenamed');
        },
      },
      {
        method: 'POST',
        path: appPath('remove'),
        page: PATH,
        needs: 'recent-strong',
        async submit(ctx, visit) {
          const { kind } = await factors.remove(visit.account.id, visit.id, visit.by);
          if (kind === 'absent') throw notThere();
          return kit.goTo(ctx, PATH, 'authenticatorRemoved');
        },
      },
    ],
    async overview({ account }): Promise<readonly OverviewLine[]> {
      const { authenticators, recoveryCodes } = await factors.held(account.id);
      const line = { group: 'sign-in', path: PATH } as const;
      const apps = authenticators.length;
      if (apps === 0) {
        const advice = !(await hasPasskey(account.id));
        return [{ ...line, text: 'portal.twoStep.overviewNone', advice }];
      }
      const left = recoveryCodes?.left ?? 0;
      return [
        { ...line, text: 'portal.twoStep.overviewApps', values: { count: apps } },
        { ...line, text: 'portal.twoStep.overviewCodes', values: { left }, advice: left <= FEW },
      ];
    },
  };
}
