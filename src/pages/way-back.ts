/**
 * A page that is out of date never ends the way. While a visit is live its browser keeps the authorization request in
 * a cookie bound to that visit's path; once the visit is over the same request can be started anew from it. The cookie
 * is not signed: whatever stands in it, it leads to our own authorization endpoint, like any link on the web.
 */
import type Koa from 'koa';
import type { Cookies } from '../web/cookies.ts';
import { type SendPage, seeOther } from '../web/page-sender.ts';
import { clientView, formTargetsOf, imagesOf } from './display.ts';
import type { FrontDoor, Visit } from './front-door.ts';
import { visitPath } from './visit-address.ts';

export interface WayBack {
  /** Called whenever a page of a live visit is shown. */
  remember(ctx: Koa.Context, visit: Visit): void;
  /** Starts the same authorization anew when this browser still knows it. */
  restart(ctx: Koa.Context, uid: string, o?: { email?: string | undefined }): boolean;
  /** Explains, with a way on. */
  explain(ctx: Koa.Context, uid: string, status: number, o?: { currentPage?: boolean }): Promise<void>;
}

/** A day: longer than any visit lives, short enough that cookies do not pile up. */
const KEPT_SECONDS = 86_400;
const COOKIE = 'again';
/** Browsers send all cookies of a path in one header; a longer request just loses this convenience. */
const MAX_QUERY = 3_000;

export function createWayBack(o: {
  cookies: Cookies;
  base: string;
  sendPage: SendPage;
  findClient: FrontDoor['findClient'];
}): WayBack {
  const { cookies, base, sendPage } = o;
  const recall = (ctx: Koa.Context, uid: string): URLSearchParams | undefined => {
    const query = cookies.read(ctx, COOKIE, visitPath(uid));
    const params = query === undefined ? undefined : new URLSearchParams(query);
    return params?.has('client_id') ? params : undefined;
  };

  return {
    remember(ctx, visit) {
      // A device begins again with another code.
      if (visit.onDevice) return;
      const query = restartQuery(visit.params)?.toString();
      if (query === undefined || query.length > MAX_QUERY) return;
      const path = visitPath(visit.uid);
      if (cookies.read(ctx, COOKIE, path) === query) return;
      cookies.set(ctx, COOKIE, query, { path, maxAgeSeconds: KEPT_SECONDS });
    },
    restart(ctx, uid, { email } = {}) {
      const params = recall(ctx, uid);
      if (!params) return false;
      if (email !== undefined && email !== '' && email.length <= 254) params.set('login_hint', email);
      seeOther(ctx, authorizeUrl(base, params));
      return true;
    },
    async explain(ctx, uid, status, { currentPage = false } = {}) {
      const params = recall(ctx, uid);
      const client = params && (await o.findClient(params.get('client_id') ?? ''));
      const again = params && authorizeUrl(base, params);
      sendPage(ctx, 'stale', {
        status,
        data: {
          client: client && clientView(client),
          again: currentPage ? `${base}${visitPath(uid)}` : again,
          currentPage,
        },
        policy: client ? { formTargets: formTargetsOf(client), images: imagesOf(client) } : {},
      });
    },
  };
}

/** The authorization endpoint with this request. */
export function authorizeUrl(base: string, params: URLSearchParams): string {
  return `${base}/oauth2/authorize?${params}`;
}

/** The request again, for somebody else: a wish for consent is kept. */
export function otherAccountUrl(base: string, visit: Visit): string | undefined {
  const params = visit.onDevice ? undefined : restartQuery(visit.params);
  if (!params) return undefined;
  const consent = (params.get('prompt') ?? '').split(' ').includes('consent');
  params.set('prompt', consent ? `${ANOTHER_ACCOUNT} consent` : ANOTHER_ACCOUNT);
  params.delete('login_hint');
  return authorizeUrl(base, params);
}

/** OpenID Connect Core section 3.1.2.1: to choose an account, and not to be taken for signed in. */
const ANOTHER_ACCOUNT = 'login select_account';

/** Whether the request itself asks for that, by our link or by the client's wish. */
export function asksForAnotherAccount(visit: Pick<Visit, 'params'>): boolean {
  const { prompt } = visit.params;
  const asked = typeof prompt === 'string' ? prompt.split(' ') : [];
  return ANOTHER_ACCOUNT.split(' ').every((wish) => asked.includes(wish));
}

/** Undefined for requests that cannot be made twice: pushed (RFC 9126) and signed (RFC 9101) ones. */
function restartQuery(params: Readonly<Record<string, unknown>>): URLSearchParams | undefined {
  if (
    typeof params.client_id !== 'string' ||
    params.request_uri !== undefined ||
    params.request !== undefined
  ) {
    return undefined;
  }
  const texts = Object.entries(params).flatMap(([name, value]): [string, string][] => {
    if (typeof value === 'string') return [[name, value]];
    if (typeof value === 'number') return [[name, String(value)]];
    return Array.isArray(value)
      ? value.filter((item) => typeof item === 'string').map((item) => [name, item])
      : [];
  });
  return new URLSearchParams(texts);
}
