/**
 * The way out through the front door and back. What is needed to come back stands in `state`, under a MAC that is bound
 * to this browser's cookie (OpenID Connect Core section 3.1.2.1): several tabs can be on their way at once, nothing is
 * stored, and a state of another browser, or one that was written by hand, leads to the overview and nowhere else.
 */
import { createHash } from 'node:crypto';
import type Koa from 'koa';
import type { Csrf } from '../web/csrf.ts';

export interface WayBack {
  /** A path of the portal. It is looked up in its table before anybody is sent there. */
  readonly path: string;
  /** Whether it was this account that set out; an account that set out as nobody is anybody. */
  setOutAs(accountId: string): boolean;
}

export interface Way {
  /** The address of the front door. `maxAgeSeconds` and `level` ask for a sign-in that is as fresh and as strong. */
  out(ctx: Koa.Context, o: WayOut): string;
  /** Undefined: not made here for this browser, or too old. */
  back(ctx: Koa.Context): WayBack | undefined;
}

export interface WayOut {
  readonly path: string;
  readonly accountId?: string | undefined;
  readonly maxAgeSeconds?: number | undefined;
  readonly level?: string | undefined;
  /** The account's language (BCP 47). */
  readonly locale?: string | undefined;
}

export const RETURN_PATH = '/account/return';
/** A state is 64 characters of MAC and what it carries. */
const MAX_STATE = 600;

export function createWay(o: {
  issuer: string;
  /** The issuer's path, '' when none. */
  base: string;
  clientId: string;
  csrf: Pick<Csrf, 'issue' | 'isOfBrowser'>;
  clock: { now(): number };
  /** As long as a sign-in page may stay open. */
  lifetimeSeconds: number;
}): Way {
  const { csrf, clock } = o;
  const purposeOf = (carried: string) => `portal way\n${carried}`;

  return {
    out(ctx, { path, accountId, maxAgeSeconds, level, locale }) {
      const carried = Buffer.from(
        JSON.stringify([path, accountId === undefined ? '' : digestOf(accountId), clock.now()]),
      ).toString('base64url');
      const query = new URLSearchParams({
        client_id: o.clientId,
        response_type: 'none',
        scope: 'openid',
        redirect_uri: `${o.issuer}${RETURN_PATH}`,
        state: `${carried}.${csrf.issue(ctx, purposeOf(carried))}`,
        ...(maxAgeSeconds === undefined ? {} : { max_age: String(maxAgeSeconds) }),
        ...(level === undefined ? {} : { acr_values: level }),
        ...(locale === undefined ? {} : { ui_locales: locale }),
      });
      return `${o.base}/oauth2/authorize?${query}`;
    },
    back(ctx) {
      const { state } = ctx.query;
      if (typeof state !== 'string' || state.length > MAX_STATE) return undefined;
      const [carried = '', mac = ''] = state.split('.');
      if (!csrf.isOfBrowser(ctx, purposeOf(carried), mac)) return undefined;
      // Our own words, as the MAC says.
      const [path, account, at] = JSON.parse(Buffer.from(carried, 'base64url').toString()) as [
        string,
        string,
        number,
      ];
      if (clock.now() - at > o.lifetimeSeconds * 1000) return undefined;
      return { path, setOutAs: (accountId) => account === '' || account === digestOf(accountId) };
    },
  };
}

/** The state stands in addresses, which end up in histories: the account's id does not. */
function digestOf(accountId: string): string {
  return createHash('sha256').update(`portal way ${accountId}`).digest('base64url').slice(0, 22);
}
