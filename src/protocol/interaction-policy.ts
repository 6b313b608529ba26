/** When the engine sends a person to our pages: its own policy, with a few rules of ours. */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { interactionPolicy } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import { essentialLevelCheck } from './levels.ts';

/** @param clientOf the registered client of the request */
export function createInteractionPolicy(
  clientOf: (ctx: KoaContextWithOIDC) => Promise<Client>,
): interactionPolicy.DefaultPolicy {
  const { base, Check, Prompt } = interactionPolicy;
  const policy = base();

  const login = policy.get('login');
  login?.checks.remove('essential_acr');
  login?.checks.remove('essential_acrs');
  login?.checks.add(essentialLevelCheck());

  // RFC 8252 section 8.6: anyone can claim a native client's redirect URI, so consent is asked each time, unless the
  // operator vouches for the client.
  const consent = policy.get('consent');
  consent?.checks.remove('native_client_prompt');
  consent?.checks.add(
    new Check(
      'native_client_prompt',
      'native clients require interaction',
      'interaction_required',
      async (ctx) => {
        const client = await clientOf(ctx);
        return (
          client.type === 'native' &&
          !client.firstParty &&
          ctx.oidc.params?.response_type !== 'none' &&
          !ctx.oidc.result?.consent
        );
      },
    ),
  );

  // OpenID Connect Core section 3.1.2.1, prompt=select_account: the sign-in page, which shows the account in use.
  policy.add(new Prompt({ name: 'select_account', requestable: true }), 0);
  return policy;
}
