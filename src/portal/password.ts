/** The password: changed with the present one, or set for the first time after a strong sign-in. */
import type { PasswordChange } from '../accounts/password-change.ts';
import type { PortalKit } from './portal-kit.ts';
import { notThere, type PortalAct, type PortalPage, type PortalSection } from './portal-routes.ts';

const PATH = '/account/password';
const FIRST = '/account/password/first';

export interface PasswordFront extends PasswordChange {
  /** Characters. */
  readonly minLength: number;
}

export function passwordSection(kit: PortalKit, front: PasswordFront): PortalSection {
  /** `fault`: its text, in the person's language. */
  const page =
    (first: boolean, fault?: { field: 'old' | 'password'; text: string }): PortalPage['show'] =>
    async (ctx, visit, again) => {
      const path = first ? FIRST : PATH;
      const { email, profile } = visit.account;
      kit.send(ctx, visit, 'password', {
        title: 'portal.password.title',
        topic: PATH,
        again,
        data: {
          csrf: kit.csrf(ctx, visit, path),
          path,
          first,
          fault,
          email,
          minLength: front.minLength,
          words: [email, profile.name ?? ''],
        },
      });
    };

  const show: PortalPage['show'] = async (ctx, visit, again) => {
    if (again || (await front.hasPassword(visit.account.id))) return page(false)(ctx, visit, again);
    return kit.goTo(ctx, FIRST);
  };
  const showFirst: PortalPage['show'] = async (ctx, visit, again) => {
    if (!again && (await front.hasPassword(visit.account.id))) return kit.goTo(ctx, PATH);
    return page(true)(ctx, visit, again);
  };

  const submit =
    (first: boolean): PortalAct['submit'] =>
    async (ctx, visit, fields) => {
      // An account that has a password is never given one without it.
      if (first === (await front.hasPassword(visit.account.id))) throw notThere();
      const { t } = kit.textsFor(visit);
      const refuse = (
        field: 'old' | 'password',
        key: string,
        values?: Readonly<Record<string, number>>,
        status = 422,
      ) => page(first, { field, text: t(key, values) })(ctx, visit, { status });
      const { old = '', password = '' } = fields;
      if (!first && old === '') return refuse('old', 'portal.password.oldMissing');
      if (password === '') return refuse('password', 'setup.passwordMissing');
      const by = { ...visit.by, network: visit.by.network ?? '' };
      const outcome = await front.change({ accountId: visit.account.id, old, password }, by);
      switch (outcome.kind) {
        case 'changed':
          // Nobody is signed in any more: the way back is by the new password.
          return kit.goTo(ctx, '/account');
        case 'wrong':
          return refuse('old', 'portal.password.wrong');
        case 'locked':
          return refuse('old', 'portal.password.locked', undefined, 429);
        case 'busy':
          return refuse('old', 'signIn.busy', undefined, 503);
        case 'fault': {
          const { text = { key: 'passwordFault.unusable' } } = outcome.fault;
          return refuse('password', text.key, text.values);
        }
        case 'absent':
          throw notThere();
      }
    };

  return {
    topic: { path: PATH, text: 'portal.password.topic' },
    routes: [
      { method: 'GET', path: PATH, needs: 'recent', show },
      { method: 'POST', path: PATH, page: PATH, needs: 'recent', submit: submit(false) },
      { method: 'GET', path: FIRST, needs: 'recent-strong', show: showFirst },
      { method: 'POST', path: FIRST, page: FIRST, needs: 'recent-strong', submit: submit(true) },
    ],
  };
}
