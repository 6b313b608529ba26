/** What "this wasn't me" removes, of every room that keeps ways in (accounts/not-me.ts). */
import type { TakeBack } from './accounts/not-me.ts';
import type { Audit } from './audit/audit.ts';
import type { Clock } from './config/clock.ts';
import type { Settings } from './config/settings.ts';
import { takeBackFactors } from './factors/taking-back.ts';
import { listPasskeys } from './passkeys/passkey-store.ts';
import { takeBackPasskeys } from './passkeys/taking-back.ts';
import { takeBackIdentities } from './upstream/taking-back.ts';

export function createTakeBack({
  audit,
  clock,
  settings,
}: {
  readonly audit: Pick<Audit, 'append'>;
  readonly clock: Clock;
  readonly settings: Pick<Settings, 'passkeys'>;
}): TakeBack {
  const rpId = settings.passkeys?.rpId;
  return async (trx, what) => {
    const { accountId } = what;
    const passkeys = await takeBackPasskeys(trx, audit, what);
    const providers = await takeBackIdentities(trx, audit, what);
    const hasOther = (await listPasskeys(trx, accountId)).some((one) => one.rpId === rpId);
    const codes = await takeBackFactors(trx, audit, { ...what, now: clock.now(), hasOther });
    return { passkeys, providers, ...codes };
  };
}
