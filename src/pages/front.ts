/** The front page: whom this browser is signed in as, or what this is. And signing out from it. */
import type Koa from 'koa';
import type { Csrf } from '../web/csrf.ts';
import type { ReadSubmitted } from '../web/form-guard.ts';
import type { PageLanguages } from '../web/languages.ts';
import { personView } from '../web/names.ts';
import { type SendPage, seeOther } from '../web/page-sender.ts';
import type { PublicUrl } from '../web/public-url.ts';
import type { FrontDoor, Person } from './front-door.ts';

export interface FrontPages {
  /** GET / */
  show(ctx: Koa.Context): Promise<void>;
  /** POST /sign-out */
  signOut(ctx: Koa.Context): Promise<void>;
  /** GET /signed-out */
  signedOut(ctx: Koa.Context): Promise<void>;
}

const SIGN_OUT = 'sign-out';

export function createFrontPages(o: {
  front: Pick<FrontDoor, 'protocol' | 'findPerson' | 'signInUrl' | 'signedOutApps'>;
  publicUrl: Pick<PublicUrl, 'issuer' | 'base' | 'origin'>;
  csrf: Csrf;
  readSubmitted: ReadSubmitted;
  sendPage: SendPage;
  languages: Pick<PageLanguages, 'settle'>;
}): FrontPages {
  const { front, publicUrl, csrf, sendPage } = o;

  const personOf = async (ctx: Koa.Context): Promise<Person | undefined> => {
    const session = await front.protocol.session(ctx);
    const person = session && (await front.findPerson(session.accountId));
    if (person) o.languages.settle(ctx, { account: person.locale });
    return person;
  };

  const show = async (ctx: Koa.Context, again?: { status: number; notice: string }): Promise<void> => {
    const person = await personOf(ctx);
    if (!person) {
      return sendPage(ctx, 'front', {
        data: { host: new URL(publicUrl.issuer).host, signInUrl: front.signInUrl },
      });
    }
    return sendPage(ctx, 'account', {
      status: again?.status ?? 200,
      data: {
        chip: personView(person),
        administrator: person.administrator,
        issuer: publicUrl.issuer,
        action: `${publicUrl.base}/sign-out`,
        csrf: csrf.issue(ctx, SIGN_OUT),
        notice: again?.notice,
      },
    });
  };

  return {
    show: (ctx) => show(ctx),
    async signOut(ctx) {
      const form = await o.readSubmitted(ctx);
      if (!form.isFresh(SIGN_OUT)) return show(ctx, { status: 403, notice: 'form.outdated' });
      const signOut = await front.protocol.signOut(ctx);
      return seeOther(ctx, `${publicUrl.base}/signed-out${signOut ? `?told=${signOut}` : ''}`);
    },
    async signedOut(ctx) {
      if (await personOf(ctx)) return seeOther(ctx, `${publicUrl.base}/`);
      const { told } = ctx.query;
      const apps = await front.signedOutApps(typeof told === 'string' ? told : undefined);
      return sendPage(ctx, 'signed-out', { data: { home: `${publicUrl.base}/`, apps } });
    },
  };
}
