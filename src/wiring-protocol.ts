/** Gives the protocol the pages that the engine asks for, rendered by pages/ with the headers that a page must have. */
import { canonicalEmail } from './accounts/emails.ts';
import type { Client } from './clients/client.ts';
import type { DeviceViews } from './pages/device-views.ts';
import { LINK_PATH } from './pages/link.ts';
import type { ProtocolViews } from './pages/protocol-views.ts';
import type { EnginePages } from './protocol/engine-pages.ts';
import type { ProtocolParts } from './protocol/protocol-parts.ts';
import type { Rooms } from './rooms.ts';
import type { SigningOut } from './signing-out.ts';
import { theftMail } from './theft-mail.ts';
import { networkOf } from './throttle/networks.ts';

/**
 * Through the front door and back to a page of our own, by the client below.
 * @param back one of its redirect URIs, below the issuer
 */
export function ownSignInUrl(issuer: string, back: string, prompt?: 'login'): string {
  const query = new URLSearchParams({
    client_id: 'cardea',
    response_type: 'none',
    scope: 'openid',
    redirect_uri: `${issuer}${back}`,
    ...(prompt && { prompt }),
  });
  return `${new URL(issuer).pathname.replace(/\/+$/, '')}/oauth2/authorize?${query}`;
}

/** Cardea's own client: people sign in to its front page through the same door as to any app. */
export function ownClient(issuer: string, name: string): Client {
  return Object.freeze({
    clientId: 'cardea',
    name,
    type: 'web',
    status: 'active',
    firstParty: true,
    pkceRequired: true,
    redirectUris: [`${issuer}/`, `${issuer}/account/return`, `${issuer}${LINK_PATH}`],
    postLogoutRedirectUris: [],
    grantTypes: [],
    responseTypes: ['none'],
    scopes: ['openid'],
    authMethod: 'none',
    resources: [],
    idTokenAlg: 'RS256',
    createdAt: 0,
    updatedAt: 0,
    secretsVersion: 0,
  } as const);
}

/** Ends one family; a theft is recorded in the same transaction. */
export function createFamilyEnd(rooms: Rooms): ProtocolParts['endFamily'] {
  const { families, metrics, audit } = rooms;
  return async (family, reason, theft) => {
    const writeMail = theft && (await theftMail(rooms, family, theft));
    metrics.count('cardea_families_ended_total', { reason });
    await families.end([family], reason, undefined, {
      by: reason === 'revoked by client' ? 'client' : 'system',
      also: async (trx) => {
        if (theft) await audit.append(trx, theft);
        await writeMail?.(trx);
      },
    });
  };
}

/** Whom a trusted issuer speaks of: an account's id, or its confirmed address; never one that may not sign in. */
export function createFindSubject({ accounts, standings }: Rooms): ProtocolParts['findSubject'] {
  return async (kind, subject) => {
    const id = kind === 'id' ? subject : (await accounts.findByEmail(subject))?.id;
    const account = id === undefined ? undefined : (await standings.get(id))?.account;
    return account && (kind === 'id' || account.emailVerified) ? account.id : undefined;
  };
}

export function createEnginePages(o: {
  rooms: Rooms;
  views: ProtocolViews;
  deviceViews: DeviceViews;
  toldApps: SigningOut['toldApps'];
}): EnginePages {
  const { rooms, views, deviceViews, toldApps } = o;
  const send = (ctx: { body: unknown; type: string }, html: string): void => {
    ctx.body = html;
    ctx.type = 'html';
  };
  const fields = (all: Readonly<Record<string, string>>) =>
    Object.entries(all).map(([name, value]) => ({ name, value }));

  return {
    error(ctx, { status, error, description, reference, client, goOnTo }) {
      ctx.status = status;
      send(ctx, views.renderError(ctx, { code: error, detail: description, reference, client, goOnTo }));
    },
    formPost(ctx, view) {
      ctx.status = 200;
      send(
        ctx,
        views.renderFormPost(ctx, { action: view.action, fields: fields(view.fields), client: view.client }),
      );
    },
    async isPerson(accountId, hint) {
      const account = (await rooms.standings.get(accountId))?.account;
      const email = canonicalEmail(hint);
      return hint === accountId || (email.kind === 'email' && email.canonical === account?.emailCanonical);
    },
    async logoutConfirm(ctx, { action, xsrf, accountId, client, aboutAnother }) {
      const account = (await rooms.standings.get(accountId))?.account;
      const person = account && { email: account.email, name: account.profile.name };
      send(
        ctx,
        views.renderLogoutConfirm(ctx, {
          formAction: action,
          fields: fields({ xsrf }),
          confirm: { name: 'logout', value: 'yes' },
          person,
          client,
          notice: aboutAnother ? 'logout.another' : undefined,
        }),
      );
    },
    codeEntry(ctx, view) {
      const waitSeconds = view.fault === 'wait' ? Number(ctx.response.get('Retry-After')) : undefined;
      send(ctx, deviceViews.renderCodeEntry(ctx, { ...view, waitSeconds }));
    },
    confirm(ctx, { device, client, ...view }) {
      if (!client) throw new Error('a device code without a client');
      const isHere = networkOf(device.address) === networkOf(ctx.ip);
      const { address, askedAt } = device;
      const all = { ...view, client, address, isHere, askedAt, now: rooms.clock.now() };
      send(ctx, deviceViews.renderDeviceConfirm(ctx, all));
    },
    done(ctx, view) {
      send(ctx, deviceViews.renderDeviceDone(ctx, view));
    },
    async signedOut(ctx, { client, told, goOnTo }) {
      const apps = await toldApps(told);
      const wayOn = goOnTo && client ? { url: goOnTo, label: client.name } : undefined;
      send(ctx, views.renderSignedOut(ctx, { client, apps, wayOn }));
    },
  };
}
