/** The part of the two sign-up pages that is about how the new person will sign in: a passkey, a password, or either. */
import type Koa from 'koa';
import type { Csrf } from '../web/csrf.ts';
import type { FormFields } from '../web/forms.ts';
import type { FieldFault, NewWayIn, SignUpFront, SignUpPlace } from './sign-up-front.ts';
import { passkeyPurpose } from './visit-address.ts';

export interface NewAccount {
  /** What the page shows: whether there is a password field, and what the browser is asked for, for a passkey. */
  view(
    ctx: Koa.Context,
    place: SignUpPlace,
    clientId?: string,
  ): Promise<{ readonly password: boolean; readonly ask?: string }>;
  /** What the form has chosen; a way that is not offered here is none. */
  chosen(
    ctx: Koa.Context,
    place: SignUpPlace,
    fields: FormFields,
    clientId?: string,
  ): Promise<NewWayIn | { readonly notice: string } | { readonly fault: FieldFault }>;
}

export function createNewAccount({ signUp, csrf }: { signUp: SignUpFront; csrf: Csrf }): NewAccount {
  /** A secret word of this browser and page; which sign-up it is stands in the challenge besides. */
  const boundTo = (ctx: Koa.Context, place: SignUpPlace) =>
    csrf.issue(ctx, passkeyPurpose('visit' in place ? place.visit : 'link'));

  return {
    async view(ctx, place, clientId) {
      const { passkey, password } = await signUp.ways(clientId);
      if (!passkey) return { password };
      return { password, ask: JSON.stringify(await signUp.passkeyOptions(place, boundTo(ctx, place))) };
    },
    async chosen(ctx, place, { credential = '', password = '' }, clientId) {
      const ways = await signUp.ways(clientId);
      if (credential !== '') {
        if (!ways.passkey) return { notice: 'signUpAccount.noPasskey' };
        return { passkey: { response: credential, bound: boundTo(ctx, place) } };
      }
      if (!ways.password) return { notice: 'signUpAccount.passkeyOnly' };
      if (password === '') return { fault: { field: 'password', key: 'setup.passwordMissing' } };
      return { password };
    },
  };
}
