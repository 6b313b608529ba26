/** Gives the passkeys room the accounts behind passkeys, and a voice in the holder's mail. */
import type { Kysely } from 'kysely';
import { findSettledAccount, hasPassword, lockAccount } from './accounts/account-store.ts';
import type { Settings } from './config/settings.ts';
import type { Factors } from './factors/factors.ts';
import type { Mail } from './mail/mail.ts';
import type { Log } from './observability/log.ts';
import type { Metrics } from './observability/metrics.ts';
import type { Notify } from './passkeys/adding.ts';
import { createPasskeys, type PasskeyParts, type Passkeys } from './passkeys/passkeys.ts';
import type { Artifacts } from './storage/artifacts.ts';
import type { Counters } from './storage/counters.ts';
import type { InstanceSecrets } from './storage/random-secrets.ts';
import type { Database } from './storage/tables.ts';
import { createPasskeyThrottle } from './throttle/passkey-throttle.ts';
import { hasWorkingIdentity } from './upstream/identities-store.ts';

interface Needs extends Pick<PasskeyParts, 'db' | 'clock' | 'audit'> {
  readonly settings: Settings;
  readonly secrets: Pick<InstanceSecrets, 'get'>;
  readonly artifacts: Pick<Artifacts, 'claim'>;
  readonly counters: Counters;
  readonly mail: Pick<Mail, 'write'>;
  readonly factors: Pick<Factors, 'dropIdleRecoveryCodes'>;
  readonly metrics: Pick<Metrics, 'count'>;
}

/** Undefined where browsers make no passkeys: the issuer's host is an address. */
export async function openPasskeys(needs: Needs): Promise<Passkeys | undefined> {
  const { settings, db, clock, audit, artifacts, counters, metrics } = needs;
  if (!settings.passkeys) return undefined;
  const { origin, host } = new URL(settings.issuer);
  return createPasskeys({
    db,
    clock,
    audit,
    rp: { id: settings.passkeys.rpId, name: host, origin },
    keys: await needs.secrets.get('passkeys'),
    claim: artifacts.claim,
    challengeSeconds: settings.lifetimes.passkeyChallenge,
    throttle: createPasskeyThrottle({ counters, limits: settings.limits, clock }),
    accounts: {
      settled: findSettledAccount,
      lock: lockAccount,
      hasOtherWayIn,
    },
    notify: createNotify(needs),
    onRemoved: needs.factors.dropIdleRecoveryCodes,
    onOutcome: (outcome) => metrics.count('cardea_sign_ins_total', { outcome }),
  });
}

/** Whether something else than a passkey signs the account in. */
export async function hasOtherWayIn(db: Kysely<Database>, accountId: string): Promise<boolean> {
  return (await hasPassword(db, accountId)) || (await hasWorkingIdentity(db, accountId));
}

/** Only an address that is known to be the holder's is told. */
function createNotify({ mail }: Pick<Needs, 'mail'>): Notify {
  return async (trx, { kind, account, passkey, at, network }) => {
    if (!account.emailVerified) return;
    const name = passkey.name ?? passkey.keeper;
    const message = { accountId: account.id, to: account.email };
    const data = { at, network, name };
    switch (kind) {
      case 'added':
        return mail.write(trx, {
          ...message,
          kind: 'factor-added',
          key: `passkey-added:${passkey.id}`,
          data: { ...data, factor: 'passkey' },
        });
      case 'removed':
        return mail.write(trx, {
          ...message,
          kind: 'factor-removed',
          key: `passkey-removed:${passkey.id}`,
          data: { ...data, factor: 'passkey' },
        });
      case 'counter-went-back':
        // Once a day and passkey: whoever holds a copy must not fill the mail box.
        return mail.write(trx, {
          ...message,
          kind: 'passkey-suspected',
          key: `passkey-suspected:${passkey.id}:${new Date(at).toISOString().slice(0, 10)}`,
          data,
        });
    }
  };
}

/** A relying party id that was changed is told at every start: those passkeys work again only under the earlier one. */
export async function warnOfUselessPasskeys({
  passkeys,
  log,
}: {
  passkeys: Passkeys | undefined;
  log: Pick<Log, 'warn'>;
}): Promise<void> {
  const elsewhere = await passkeys?.elsewhere();
  if (!passkeys || !elsewhere || elsewhere.count === 0) return;
  log.warn(
    `${elsewhere.count} passkeys do not work: they were made for ${elsewhere.rpIds.join(', ')}, and CARDEA_PASSKEY_RP_ID is ${passkeys.rpId} now. Set it back, or their holders must make new ones.`,
    { passkeys: elsewhere.count, madeFor: elsewhere.rpIds, rpId: passkeys.rpId },
  );
}
