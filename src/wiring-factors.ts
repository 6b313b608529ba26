/** Gives the factors room the accounts, the mail and its secret. */
import { lockAccount } from './accounts/account-store.ts';
import type { Accounts } from './accounts/accounts.ts';
import { type Branding, ownName } from './config/branding.ts';
import type { Settings } from './config/settings.ts';
import { createFactors, type Factors } from './factors/factors.ts';
import { listPasskeys } from './passkeys/passkey-store.ts';
import type { InstanceSecrets } from './storage/random-secrets.ts';

type Needs = Omit<
  Parameters<typeof createFactors>[0],
  'findAccount' | 'lockAccount' | 'hasOther' | 'recoverySecrets' | 'issuerName'
> & {
  readonly settings: Settings;
  readonly branding: Branding;
  readonly accounts: Pick<Accounts, 'find'>;
  readonly secrets: Pick<InstanceSecrets, 'get'>;
};

export async function openFactors({
  settings,
  branding,
  accounts,
  secrets,
  ...parts
}: Needs): Promise<Factors> {
  const rpId = settings.passkeys?.rpId;
  return createFactors({
    ...parts,
    async findAccount(id) {
      const account = await accounts.find(id);
      return account && { ...account, locale: account.profile.locale };
    },
    lockAccount,
    hasOther: async (db, accountId) =>
      rpId !== undefined && (await listPasskeys(db, accountId)).some((one) => one.rpId === rpId),
    recoverySecrets: await secrets.get('recovery-codes'),
    issuerName: ownName(branding) ?? new URL(settings.issuer).host,
  });
}
