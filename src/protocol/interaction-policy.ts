/** When the engine sends a person to our pages: its own policy, with a few rules of ours. */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { interactionPolicy } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import { isLoopbackHost } from '../clients/uri-rules.ts';
import { type LevelParts, levelCheckList } from './level-checks.ts';
import { stateOf } from './request-state.ts';
import { signInWayCheck } from './sign-in-ways.ts';

/** @param clientOf the registered client of the request @param signUp people may make their own account */
export function createInteractionPolicy(
  clientOf: (ctx: KoaContextWithOIDC) => Promise<Client>,
  levels: LevelParts,
  signUp: boolean,
): interactionPolicy.DefaultPolicy {
  const { base, Check, Prompt } = interactionPolicy;
  const policy = base();

  const login = policy.get('login');
  login?.checks.remove('essential_acr');
  login?.checks.remove('essential_acrs');
  for (const check of levelCheckList(levels, async (ctx) => (await clientOf(ctx)).clientId)) {
    login?.checks.add(check);
  }
  login?.checks.add(signInWayCheck(clientOf));

  // RFC 8252 section 8.6: anyone can claim a native client's redirect URI, so consent is asked each time, unless the
  // operator vouches for the client. For one that registered itself the redirect URI of the request decides, and it gets
  // no code at all, not even without any scope, before the person has let it.
  const consent = policy.get('consent');
  consent?.checks.remove('native_client_prompt');
  // RFC 9396: asked unless the very same was allowed before. The engine asks each time, and believes the answer.
  consent?.checks.remove('rar_prompt');
  consent?.checks.add(
    new Check(
      'rar_prompt',
      'authorization_details need a consent',
      'consent_required',
      (ctx) => (stateOf(ctx).missingDetails?.length ?? 0) > 0,
      (ctx) => ({ missingDetails: stateOf(ctx).missingDetails ?? [] }),
    ),
  );
  consent?.checks.add(
    new Check(
      'native_client_prompt',
      'native clients require interaction',
      'interaction_required',
      async (ctx) => {
        const client = await clientOf(ctx);
        if (client.firstParty || ctx.oidc.params?.response_type === 'none' || ctx.oidc.result?.consent) {
          return false;
        }
        if (client.type === 'native') return true;
        if (!client.registered) return false;
        return !isWebAddress(ctx.oidc.params?.redirect_uri) || stateOf(ctx).unconsented === true;
      },
    ),
  );

  // OpenID Connect Core section 3.1.2.1, prompt=select_account: the sign-in page, which shows the account in use.
  policy.add(new Prompt({ name: 'select_account', requestable: true }), 0);
  // Initiating User Registration via OpenID Connect 1.0 section 4: the sign-up page, where there is one.
  if (signUp) policy.add(new Prompt({ name: 'create', requestable: true }), 0);
  return policy;
}

/** An https address of a host that is not the person's own machine. */
function isWebAddress(redirectUri: unknown): boolean {
  const url = typeof redirectUri === 'string' ? URL.parse(redirectUri) : null;
  return url?.protocol === 'https:' && !isLoopbackHost(url.hostname);
}
