/** The ways in which people may sign in to a client, held against what their session has proved. */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { interactionPolicy } from 'oidc-provider';
import type { Client } from '../clients/client.ts';

/** The method (`amr`) that each way leaves behind; a provider leaves its own name (upstream/coming.ts). */
const methods: Readonly<Record<string, string>> = { password: 'pwd', passkey: 'pop', code: 'email' };

export function methodOfWay(way: string): string {
  return Object.hasOwn(methods, way) ? (methods[way] ?? way) : `upstream:${way}`;
}

/** Asked again however often a sign-in comes back in another way: what a page forgets to refuse ends here. */
export function signInWayCheck(
  clientOf: (ctx: KoaContextWithOIDC) => Promise<Pick<Client, 'signInWith'>>,
): interactionPolicy.Check {
  return new interactionPolicy.Check(
    'sign_in_way',
    'this app takes another way of signing in',
    'login_required',
    async (ctx) => {
      if (ctx.oidc.session?.accountId === undefined) return false;
      const { signInWith } = await clientOf(ctx);
      const amr = ctx.oidc.amr ?? [];
      return signInWith !== undefined && !signInWith.some((way) => amr.includes(methodOfWay(way)));
    },
  );
}
