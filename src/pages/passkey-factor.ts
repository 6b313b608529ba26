/** A passkey as the second factor, after a password: it brings what is missing, and only of the same account. */

import type { Csrf } from '../web/csrf.ts';
import { requestIdOf } from '../web/request-id.ts';
import type { FrontDoor, PasskeyFront, SecondFactor } from './front-door.ts';
import { passkeyPurpose, visitPath } from './visit-address.ts';

export function createPasskeyFactor(o: {
  passkeys: PasskeyFront;
  csrf: Pick<Csrf, 'issue'>;
  base: string;
  networkOf: FrontDoor['networkOf'];
  browserOf: FrontDoor['browserOf'];
}): SecondFactor {
  const { passkeys, csrf } = o;
  return {
    kind: 'passkey',
    has: async (accountId) => (await passkeys.count(accountId)) > 0,
    view: async (ctx, visit) => ({
      partial: '@layouts/passkey-factor',
      action: `${o.base}${visitPath(visit.uid)}/second-factor`,
      ask: JSON.stringify(await passkeys.signingIn.options(csrf.issue(ctx, passkeyPurpose(visit.uid)))),
    }),
    async verify(ctx, visit, accountId, fields) {
      const outcome = await passkeys.signingIn.signIn({
        bound: csrf.issue(ctx, passkeyPurpose(visit.uid)),
        response: fields.credential ?? '',
        network: o.networkOf(ctx.ip),
        requestId: requestIdOf(ctx),
        browser: () => o.browserOf(ctx.get('User-Agent')),
        accountId,
      });
      switch (outcome.kind) {
        case 'signed-in':
          return { kind: 'ok', amr: outcome.amr, at: outcome.at };
        case 'locked':
          return outcome;
        default:
          return { kind: 'wrong' };
      }
    },
  };
}
