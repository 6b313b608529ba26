/**
 * Whose sign-out an app asks for (OpenID Connect RP-Initiated Logout 1.0 section 2). The engine has verified the hint:
 * signed by a key of ours, retired ones too, for that client, expired or not. What it leaves open is decided here: a hint
 * about somebody else than who is signed in makes the request suspect, and a suspect request leads nowhere.
 */
import type { KoaContextWithOIDC } from 'oidc-provider';

/** @param isPerson whether a `logout_hint` names that account */
export async function isAboutAnother(
  ctx: KoaContextWithOIDC,
  isPerson: (accountId: string, hint: string) => Promise<boolean>,
): Promise<boolean> {
  const { session, client, params, entities } = ctx.oidc;
  const accountId = session?.accountId;
  if (!accountId) return false;
  const hint = (entities.IdTokenHint as { payload?: { sub?: unknown } } | undefined)?.payload;
  if (hint && client && hint.sub !== (await subjectOf(ctx, client, accountId))) return true;
  const named = params?.logout_hint;
  return typeof named === 'string' && named !== '' && !(await isPerson(accountId, named));
}

/** The person is asked as if nobody had sent them: signing out then ends here, at our own page. */
export function forgetWhoAsked(ctx: KoaContextWithOIDC): void {
  const { session } = ctx.oidc;
  if (!session?.state) return;
  const { secret } = session.state as { secret?: string };
  session.state = { secret };
}

/** What this client calls the account, pairwise or not. */
async function subjectOf(ctx: KoaContextWithOIDC, client: object, accountId: string): Promise<unknown> {
  const IdToken = ctx.oidc.provider.IdToken as unknown as new (
    claims: object,
    of: { client: object; ctx: undefined },
  ) => { mask: object; payload(): Promise<{ sub?: unknown }> };
  const token = new IdToken({ sub: accountId }, { client, ctx: undefined });
  token.mask = { sub: null };
  return (await token.payload()).sub;
}
