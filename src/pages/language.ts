/** The language choice at the foot of pages: remembered in this browser, and back to where the person was. */
import type { ReadSubmitted } from '../web/form-guard.ts';
import type { PageLanguages } from '../web/languages.ts';
import { seeOther } from '../web/page-sender.ts';
import { WebFault } from '../web/problem.ts';
import type { Route } from './routes.ts';

/** A path of ours: from a slash that begins no host, in printable ASCII, as browsers send it. */
const PATH = /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,2000}$/;

/**
 * POST /language. Without a token: that it came from here is enough for a preference, and it stands on every page, also
 * on those that give the browser no cookie.
 */
export function languageRoute(o: {
  languages: Pick<PageLanguages, 'choose'>;
  readSubmitted: ReadSubmitted;
  base: string;
}): Route {
  return {
    method: 'POST',
    path: '/language',
    async handle(ctx) {
      const { fields } = await o.readSubmitted(ctx);
      if (!o.languages.choose(ctx, fields.language ?? '')) {
        throw new WebFault({ status: 400, detail: 'That language is not spoken here.' });
      }
      const back = fields.back ?? '';
      return seeOther(ctx, o.base + (PATH.test(back) ? back : '/'));
    },
  };
}
