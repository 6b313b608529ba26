/** The policies of a client's grants as `--json` shows them. */
import type { GrantPolicies } from '../clients/grant-policy.ts';

export function wireGrantPolicies({ exchange, mayAct, assertionIssuers }: GrantPolicies) {
  return {
    ...(exchange && { exchange }),
    ...(mayAct !== undefined && { may_act: mayAct }),
    ...(assertionIssuers && {
      assertion_issuers: assertionIssuers.map(({ jwksUri, ...issuer }) => ({
        ...issuer,
        ...(jwksUri !== undefined && { jwks_uri: jwksUri }),
      })),
    }),
  };
}
