/**
 * An address whose people sign in with another provider has no password to choose here: the page says where to sign in,
 * by the domain alone, whether there is such an account or not. An app that takes no provider says so in its link.
 */
import type Koa from 'koa';
import type { FormFields } from '../web/forms.ts';
import type { SendPage } from '../web/page-sender.ts';
import type { FrontDoor } from './front-door.ts';

export interface ResetElsewhere {
  /** What its link to the page of a reset asks for, and its form brings back. */
  readonly own: (ctx: Koa.Context, fields?: FormFields) => boolean;
  /** True: it has answered, and nothing is to be mailed. */
  answer(ctx: Koa.Context, fields: FormFields, email: string): Promise<boolean>;
}

/** For the link of an app whose people sign in by password and by no provider. */
export const OWN_PASSWORD = 'way=password';
const WAY = 'password';

export function createResetElsewhere(o: {
  front: Pick<FrontDoor, 'upstream' | 'signInUrl'>;
  base: string;
  sendPage: SendPage;
  /** The sign-in that the person left. */
  leftFor: (ctx: Koa.Context) => string | undefined;
}): ResetElsewhere {
  const { front, base, sendPage } = o;
  const own: ResetElsewhere['own'] = (ctx, fields) => (fields?.way ?? ctx.query.way) === WAY;
  return {
    own,
    async answer(ctx, fields, email) {
      const provider = own(ctx, fields) ? undefined : await front.upstream.providerFor(email);
      if (!provider) return false;
      const url = o.leftFor(ctx) ?? front.signInUrl;
      sendPage(ctx, 'reset-elsewhere', {
        data: { provider: provider.name, email, signInUrl: url, home: `${base}/` },
      });
      return true;
    },
  };
}
