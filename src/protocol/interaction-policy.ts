/** When the engine sends a person to our pages: its own policy, with a few rules of ours. */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { errors, interactionPolicy } from 'oidc-provider';
import type { Client } from '../clients/client.ts';

/** @param clientOf the registered client of the request */
export function createInteractionPolicy(
  clientOf: (ctx: KoaContextWithOIDC) => Promise<Client>,
): interactionPolicy.DefaultPolicy {
  const { base, Check, Prompt } = interactionPolicy;
  const policy = base();

  // OpenID Connect Unmet Authentication Requirements section 2. The engine would ask for another sign-in without end,
  // since none here reaches a level that was not reached before.
  const login = policy.get('login');
  login?.checks.remove('essential_acr');
  login?.checks.remove('essential_acrs');
  login?.checks.add(
    new Check('essential_acr', 'the level that is asked for cannot be reached', 'login_required', (ctx) => {
      const { acr } = (ctx.oidc.claims.id_token ?? {}) as { acr?: EssentialAcr | null };
      const levels = [acr?.values ?? acr?.value ?? []].flat();
      if (!acr?.essential || levels.length === 0 || levels.includes(ctx.oidc.acr)) return false;
      throw new errors.UnmetAuthenticationRequirements('no sign-in here reaches the acr that is asked for');
    }),
  );

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

/** OpenID Connect Core section 5.5.1.1. */
interface EssentialAcr {
  readonly essential?: boolean;
  readonly value?: unknown;
  readonly values?: unknown;
}
