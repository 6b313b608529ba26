/** Passkeys of the account: which there are, a new one, another name, one less. */
import type Koa from 'koa';
import type { Factors } from '../factors/factors.ts';
import type { AddOutcome, Passkey } from '../passkeys/passkey.ts';
import type { Passkeys } from '../passkeys/passkeys.ts';
import type { PortalKit } from './portal-kit.ts';
import {
  type Again,
  notThere,
  type PortalRoute,
  type PortalSection,
  type PortalVisit,
} from './portal-routes.ts';

const PATH = '/account/passkeys';
const NEW = `${PATH}/new`;
const ONE = `${PATH}/:id`;
const REMOVE = `${PATH}/:id/remove`;

type Show = (ctx: Koa.Context, visit: PortalVisit, again?: Again) => Promise<void>;

/** @param hasOtherWayIn whether something else than a passkey signs the account in */
export function passkeysSection(
  kit: PortalKit,
  passkeys: Pick<Passkeys, 'rpId' | 'list' | 'count' | 'rename' | 'remove' | 'adding'>,
  factors: Pick<Factors, 'held'>,
  hasOtherWayIn: (accountId: string) => Promise<boolean>,
): PortalSection {
  const view = (visit: PortalVisit, passkey: Passkey) => ({
    id: passkey.id,
    name: passkey.name ?? passkey.keeper ?? kit.textsFor(visit).t('portal.passkeys.unnamed'),
    given: passkey.name ?? '',
    synced: passkey.synced,
    usable: passkey.rpId === passkeys.rpId,
    created: kit.day(visit, passkey.createdAt),
    used: passkey.lastUsedAt === undefined ? undefined : kit.day(visit, passkey.lastUsedAt),
  });

  const find = async (visit: PortalVisit): Promise<Passkey> => {
    const found = (await passkeys.list(visit.account.id)).find(({ id }) => id === visit.id);
    if (!found) throw notThere();
    return found;
  };

  /** What the challenge of this page is bound to, in this browser, for this account. */
  const boundTo = (ctx: Koa.Context, visit: PortalVisit) => kit.csrf(ctx, visit, `${NEW} challenge`);

  const showAll: Show = async (ctx, visit, again) => {
    const all = await passkeys.list(visit.account.id);
    const usable = all.filter(({ rpId }) => rpId === passkeys.rpId);
    kit.send(ctx, visit, 'passkeys', {
      title: 'portal.passkeys.title',
      topic: PATH,
      again,
      data: {
        passkeys: all.map((one) => view(visit, one)),
        accepted: usable[0] && {
          rpId: passkeys.rpId,
          user: usable[0].userHandle,
          ids: usable.map(({ credentialId }) => credentialId).join(' '),
        },
        scripts: ['passkey.js'],
      },
    });
  };

  const showNew: Show = async (ctx, visit, again) => {
    const { id, email, profile } = visit.account;
    const ask = await passkeys.adding.options({ id, email, name: profile.name }, boundTo(ctx, visit));
    kit.send(ctx, visit, 'passkey-new', {
      title: 'portal.passkeys.newTitle',
      topic: PATH,
      again,
      data: { ask: JSON.stringify(ask), csrf: kit.csrf(ctx, visit, NEW), scripts: ['passkey.js'] },
    });
  };

  const showOne: Show = async (ctx, visit, again) => {
    const passkey = view(visit, await find(visit));
    kit.send(ctx, visit, 'passkey', {
      title: 'portal.passkeys.oneTitle',
      topic: PATH,
      again,
      data: { passkey, csrf: kit.csrf(ctx, visit, ONE.replace(':id', visit.id)) },
    });
  };

  const showRemove: Show = async (ctx, visit, again) => {
    const passkey = view(visit, await find(visit));
    const [usable, held] = await Promise.all([
      passkeys.count(visit.account.id),
      factors.held(visit.account.id),
    ]);
    const isLast = passkey.usable && usable === 1 && held.authenticators.length === 0;
    kit.send(ctx, visit, 'passkey-remove', {
      title: 'portal.passkeys.removeTitle',
      topic: PATH,
      again,
      data: {
        passkey,
        takesCodes: isLast && held.recoveryCodes !== undefined,
        csrf: kit.csrf(ctx, visit, REMOVE.replace(':id', visit.id)),
      },
    });
  };

  const routes: readonly PortalRoute[] = [
    { method: 'GET', path: PATH, needs: 'signed-in', show: showAll },
    { method: 'GET', path: NEW, needs: 'recent-strong', show: showNew },
    {
      method: 'POST',
      path: NEW,
      needs: 'recent-strong',
      page: NEW,
      async submit(ctx, visit, fields) {
        const outcome = await passkeys.adding.add({
          holder: visit.account,
          signedIn: visit.signedIn,
          bound: boundTo(ctx, visit),
          response: fields.credential ?? '',
          name: fields.name,
          by: visit.by,
        });
        if (outcome.kind === 'added') return kit.goTo(ctx, PATH, 'passkey-added');
        return showNew(ctx, visit, { status: 422, notice: noticeOf(outcome), fields });
      },
    },
    { method: 'GET', path: ONE, needs: 'signed-in', show: showOne },
    {
      method: 'POST',
      path: ONE,
      needs: 'signed-in',
      page: ONE,
      async submit(ctx, visit, fields) {
        const renamed = await passkeys.rename(visit.account.id, visit.id, fields.name ?? '', visit.by);
        if (!renamed) throw notThere();
        return kit.goTo(ctx, PATH, 'passkey-renamed');
      },
    },
    { method: 'GET', path: REMOVE, needs: 'recent-strong', show: showRemove },
    {
      method: 'POST',
      path: REMOVE,
      needs: 'recent-strong',
      page: REMOVE,
      async submit(ctx, visit) {
        const { kind } = await passkeys.remove(visit.account.id, visit.id, visit.by);
        if (kind === 'absent') throw notThere();
        if (kind === 'removed') return kit.goTo(ctx, PATH, 'passkey-removed');
        return showRemove(ctx, visit, { status: 422, notice: 'portal.passkeys.last' });
      },
    },
  ];

  return {
    topic: { path: PATH, text: 'portal.passkeys.topic' },
    routes,
    async overview({ account }) {
      const number = await passkeys.count(account.id);
      const text =
        number === 0
          ? 'portal.passkeys.none'
          : number === 1
            ? 'portal.passkeys.one'
            : 'portal.passkeys.several';
      const line = { group: 'sign-in', text, values: { number }, path: PATH, advice: number === 0 } as const;
      if (number !== 1 || (await hasOtherWayIn(account.id))) return [line];
      // They are as good as a second passkey: either gets the holder back in.
      const { recoveryCodes } = await factors.held(account.id);
      if ((recoveryCodes?.left ?? 0) > 0) return [line];
      return [line, { ...line, text: 'portal.passkeys.onlyWay', advice: true }];
    },
  };
}

const notices = {
  stale: 'passkey.stale',
  known: 'passkey.known',
  full: 'passkey.full',
  rejected: 'passkey.notTaken',
} as const;

function noticeOf({ kind }: Exclude<AddOutcome, { kind: 'added' }>): string {
  return notices[kind];
}
