/**
 * The engine's own pages, replaced: none of its HTML reaches a browser. What it would submit by an inline script
 * becomes our page with a button and a script file, under our headers.
 */
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import { signedOutQuery } from './back-channel-logout.ts';
import { type DevicePages, deviceFlow } from './device-pages.ts';
import type { ResponseMode } from './engine.ts';
import { forgetWhoAsked, isAboutAnother } from './logout-hints.ts';
import { stateOf } from './request-state.ts';

/** The pages that the protocol needs; pages/ renders them with the headers that a page must have. */
export interface EnginePages extends DevicePages {
  readonly error: (
    ctx: KoaContextWithOIDC,
    view: {
      status: number;
      error: string;
      description: string;
      reference: string;
      client?: Client | undefined;
      /** The app's address, when the person goes on to it only if they want to. */
      goOnTo?: string | undefined;
    },
  ) => void;
  /** A form that goes on by itself: a button for browsers without scripting. */
  readonly formPost: (
    ctx: KoaContextWithOIDC,
    view: { action: string; fields: Record<string, string>; client?: Client | undefined },
  ) => void;
  /** Whether a `logout_hint` names that account. */
  readonly isPerson: (accountId: string, hint: string) => Promise<boolean>;
  readonly logoutConfirm: (
    ctx: KoaContextWithOIDC,
    view: {
      action: string;
      xsrf: string;
      accountId: string;
      client?: Client | undefined;
      aboutAnother: boolean;
    },
  ) => Promise<void>;
  readonly signedOut: (
    ctx: KoaContextWithOIDC,
    view: {
      client?: Client | undefined;
      /** The sign-out whose clients are told of it, and the app's address that was put off for that. */
      told?: string | undefined;
      goOnTo?: string | undefined;
    },
  ) => Promise<void>;
}

type ClientOf = (ctx: KoaContextWithOIDC) => Client | undefined;

export function pageConfiguration(pages: EnginePages, clientOf: ClientOf) {
  const renderError: NonNullable<Configuration['renderError']> = (ctx, out) => {
    pages.error(ctx, {
      status: ctx.status,
      error: out.error,
      description: out.error_description ?? '',
      reference: stateOf(ctx).reference ?? '',
      client: clientOf(ctx),
    });
  };
  const rpInitiatedLogout = {
    enabled: true,
    logoutSource: async (ctx: KoaContextWithOIDC) => {
      const { session } = ctx.oidc;
      const aboutAnother = await isAboutAnother(ctx, pages.isPerson);
      if (aboutAnother) forgetWhoAsked(ctx);
      await pages.logoutConfirm(ctx, {
        action: ctx.oidc.urlFor('end_session_confirm'),
        xsrf: xsrfOf(ctx),
        accountId: session?.accountId ?? '',
        client: aboutAnother ? undefined : clientOf(ctx),
        aboutAnother,
      });
    },
    postLogoutSuccessSource: async (ctx: KoaContextWithOIDC) => {
      const client = clientOf(ctx);
      await pages.signedOut(ctx, { client, ...signedOutQuery(ctx, client) });
    },
  } as const;
  return { renderError, rpInitiatedLogout, deviceFlow: deviceFlow(pages, clientOf) };
}

/**
 * form_post (OAuth 2.0 Form Post Response Mode) and form_post.jwt (JARM section 2.3.3) by our page; errors in a redirect
 * carry their reference.
 */
export function wrapResponseMode(
  pages: EnginePages,
  clientOf: ClientOf,
  isUnknownTo: (ctx: KoaContextWithOIDC) => Promise<boolean>,
  mode: string,
  builtin: ResponseMode,
): ResponseMode {
  return async (ctx, redirectUri, payload) => {
    const { reference } = stateOf(ctx);
    const told = 'error' in payload && reference ? { ...payload, reference } : payload;
    // RFC 9700 section 4.11.2: an error that nobody has met at a page of ours would make an open redirector of this
    // server for whoever registered the client.
    if ('error' in told && (await isUnknownTo(ctx))) return askFirst(ctx, redirectUri, told);
    if (mode === 'form_post.jwt') return postJwt(ctx, redirectUri, told);
    if (mode !== 'form_post') return builtin(ctx, redirectUri, told);
    const fields = Object.entries(told).map(([name, value]) => [name, String(value)]);
    pages.formPost(ctx, { action: redirectUri, fields: Object.fromEntries(fields), client: clientOf(ctx) });
  };

  async function askFirst(
    ctx: KoaContextWithOIDC,
    redirectUri: string,
    payload: Record<string, unknown>,
  ): Promise<void> {
    // A form cannot be followed like a link: for form_post the person is told, and the way back is the browser's.
    if (!mode.startsWith('form_post')) await builtin(ctx, redirectUri, payload);
    const goOnTo = ctx.response.get('Location') || undefined;
    ctx.remove('Location');
    pages.error(ctx, {
      status: 400,
      error: String(payload.error),
      description: String(payload.error_description ?? ''),
      reference: String(payload.reference ?? ''),
      client: clientOf(ctx),
      goOnTo,
    });
  }

  async function postJwt(ctx: KoaContextWithOIDC, action: string, payload: object): Promise<void> {
    const IdToken = ctx.oidc.provider.IdToken as unknown as new (
      available: object,
      by: object,
    ) => ResponseJwt;
    const token = new IdToken({}, { ctx });
    token.extra = payload;
    const response = await token.issue({ use: 'authorization' });
    pages.formPost(ctx, { action, fields: { response }, client: clientOf(ctx) });
  }
}

/** The engine signs authorization responses with the class of its ID tokens. */
interface ResponseJwt {
  extra: object;
  issue(o: { use: 'authorization' }): Promise<string>;
}

/**
 * Two places where the engine answers with a form that submits itself: a logout without anybody signed in, and a
 * sign-in as somebody else while another account is signed in. Runs after the engine.
 *
 * @param findClient the client to which the form leads in the end, for the page's `form-action`
 */
export async function replaceSelfSubmittingForms(
  ctx: KoaContextWithOIDC,
  pages: EnginePages,
  findClient: (clientId: string) => Promise<Client | undefined>,
): Promise<void> {
  const { route, session } = ctx.oidc ?? {};
  if (ctx.status !== 200 || !session?.state || !ctx.oidc) return;
  const { clientId, postLogoutRedirectUri } = session.state as Readonly<
    Record<'clientId' | 'postLogoutRedirectUri', string | undefined>
  >;
  const asksAlone = route === 'end_session' && !session.accountId;
  // Any other page of that address, such as an answer by form_post, is left alone: the session may still hold the state
  // of a logout that somebody asked for and the person never confirmed.
  const switches =
    (route === 'resume' || route === 'device_resume') &&
    ctx.oidc.result === undefined &&
    stateOf(ctx).reference === undefined &&
    postLogoutRedirectUri === ctx.oidc.urlFor(route, ctx.params);
  if (!asksAlone && !switches) return;
  pages.formPost(ctx, {
    action: ctx.oidc.urlFor('end_session_confirm'),
    fields: { xsrf: xsrfOf(ctx), logout: 'yes' },
    client: clientId ? await findClient(clientId) : undefined,
  });
}

function xsrfOf(ctx: KoaContextWithOIDC): string {
  return String((ctx.oidc.session?.state as { secret?: string } | undefined)?.secret ?? '');
}
