/** Links that need no more than a yes: a sentence, a button, and a sentence that it is done. */
import { type SendPage, seeOther } from '../web/page-sender.ts';
import { requestIdOf } from '../web/request-id.ts';
import type { LinkPage } from './link.ts';
import type { ConfirmLink, ConfirmPurpose } from './mailed-front.ts';

export function createConfirmLink(o: {
  purpose: ConfirmPurpose;
  link: ConfirmLink;
  base: string;
  networkOf: (address: string) => string;
  sendPage: SendPage;
}): LinkPage {
  const { link, sendPage } = o;
  const texts = `link.${o.purpose.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())}`;
  return {
    async show(ctx, { token, action, csrf }, again) {
      const values = (await link.describe(token)) ?? {};
      const signIn = (await link.signInFirst?.(ctx, token)) !== undefined;
      const data = { texts, values, action, csrf, token, signIn, notice: again?.notice };
      sendPage(ctx, 'link', { status: again?.status ?? 200, data });
    },
    async submit(ctx, { token }) {
      const way = await link.signInFirst?.(ctx, token);
      if (way === undefined) {
        return link.confirm(token, { network: o.networkOf(ctx.ip), requestId: requestIdOf(ctx) }, ctx);
      }
      seeOther(ctx, way);
      return 'answered';
    },
    done: (ctx, removed) => sendPage(ctx, 'link-done', { data: { texts, removed, home: `${o.base}/` } }),
  };
}
