/**
 * The first administrator, from the one-time link that the first start prints. It works from this machine alone: the
 * issuer's host, the socket's peer and the absence of any proxy must all say so. Elsewhere it is a page that is not
 * there.
 */
import type Koa from 'koa';
import { cleanAddress, isLoopbackAddress } from '../web/client-address.ts';
import type { Csrf } from '../web/csrf.ts';
import type { ReadSubmitted } from '../web/form-guard.ts';
import type { PageLanguages } from '../web/languages.ts';
import { type SendPage, seeOther } from '../web/page-sender.ts';
import { WebFault } from '../web/problem.ts';
import type { PublicUrl } from '../web/public-url.ts';
import type { FrontDoor } from './front-door.ts';

export interface SetupPages {
  /** GET /setup/:token. Uses nothing up: mail scanners and previews follow links. */
  show(ctx: Koa.Context, token: string): Promise<void>;
  /** POST /setup/:token */
  submit(ctx: Koa.Context, token: string): Promise<void>;
  /** GET /setup-done */
  done(ctx: Koa.Context): void;
}

interface Again {
  readonly status: number;
  readonly notice?: string;
  readonly email?: string;
  readonly name?: string;
  /** Sentences by field. */
  readonly faults?: Readonly<Partial<Record<'email' | 'name' | 'password', string>>>;
  readonly waitSeconds?: number;
}

const SETUP = 'setup';
/** What is said of a field where the fault itself has no text. */
const UNNAMED = {
  email: 'form.emailFault',
  name: 'signUp.nameFault',
  password: 'passwordFault.unusable',
} as const;
/** What any proxy would add. A request that carries one did not start on this machine's own browser. */
const PROXY_HEADERS = ['x-forwarded-for', 'x-real-ip', 'via', 'cf-connecting-ip', 'true-client-ip'] as const;

export function createSetupPages(o: {
  front: Pick<FrontDoor, 'setup' | 'passwordMinLength' | 'signInUrl'>;
  publicUrl: Pick<PublicUrl, 'loopback' | 'base'>;
  csrf: Csrf;
  readSubmitted: ReadSubmitted;
  languages: Pick<PageLanguages, 'textsFor'>;
  sendPage: SendPage;
}): SetupPages {
  const { front, publicUrl, csrf, sendPage } = o;

  const checkHere = (ctx: Koa.Context): void => {
    if (!publicUrl.loopback || !cameFromThisMachine(ctx)) {
      throw new WebFault({ status: 404, detail: 'There is nothing at this address.' });
    }
  };

  const page = (ctx: Koa.Context, token: string, again: Again = { status: 200 }): void =>
    sendPage(ctx, 'setup', {
      status: again.status,
      retryAfterSeconds: again.waitSeconds,
      data: {
        action: `${publicUrl.base}/setup/${token}`,
        csrf: csrf.issue(ctx, SETUP),
        email: again.email ?? '',
        name: again.name ?? '',
        faults: again.faults ?? {},
        notice: again.notice,
        minLength: front.passwordMinLength,
      },
    });

  const gone = (ctx: Koa.Context): void =>
    sendPage(ctx, 'setup-gone', { status: 410, data: { home: `${publicUrl.base}/` } });

  return {
    async show(ctx, token) {
      checkHere(ctx);
      return (await front.setup.isLive(token)) ? page(ctx, token) : gone(ctx);
    },
    async submit(ctx, token) {
      checkHere(ctx);
      const { fields, isFresh } = await o.readSubmitted(ctx);
      if (!(await front.setup.isLive(token))) return gone(ctx);
      const typed = {
        email: (fields.email ?? '').trim().slice(0, 254),
        name: (fields.name ?? '').trim().slice(0, 200),
      };
      if (!isFresh(SETUP)) return page(ctx, token, { status: 403, notice: 'form.outdated', ...typed });
      const text = o.languages.textsFor(ctx).t;
      const password = fields.password ?? '';
      const faults = {
        ...(typed.email === '' && { email: text('signIn.emailMissing') }),
        ...(password === '' && { password: text('setup.passwordMissing') }),
      };
      if (Object.keys(faults).length > 0) return page(ctx, token, { status: 422, faults, ...typed });
      const outcome = await front.setup.complete({ token, password, ...typed });
      switch (outcome.kind) {
        case 'created':
          return seeOther(ctx, `${publicUrl.base}/setup-done`);
        case 'gone':
          return gone(ctx);
        case 'fault': {
          const { field, fault } = outcome;
          const { key, values } = fault.text ?? { key: UNNAMED[field] };
          return page(ctx, token, { status: 422, faults: { [field]: text(key, values) }, ...typed });
        }
        case 'busy':
          return page(ctx, token, {
            status: 503,
            notice: 'signIn.busy',
            waitSeconds: outcome.retryAfterSeconds,
            ...typed,
          });
      }
    },
    done(ctx) {
      checkHere(ctx);
      sendPage(ctx, 'setup-done', { data: { signInUrl: front.signInUrl, home: `${publicUrl.base}/` } });
    },
  };
}

function cameFromThisMachine(ctx: Koa.Context): boolean {
  const peer = cleanAddress(ctx.req.socket.remoteAddress ?? '');
  const proxied = PROXY_HEADERS.some((name) => ctx.req.headers[name] !== undefined);
  return peer !== undefined && isLoopbackAddress(peer) && !proxied;
}
