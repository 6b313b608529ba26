/**
 * The second step: a code of the account's own. Counted before it is looked at, under the counters of the password
 * (throttle/sign-in-throttle.ts), whichever factor it is for. Two statements on the way to a refusal.
 */
import type { Kysely } from 'kysely';
import type { AuditDetails } from '../audit/catalogue.ts';
import { createSampler } from '../audit/sampler.ts';
import type { Database } from '../storage/tables.ts';
import type { ThrottledAttempt } from '../throttle/sign-in-throttle.ts';
import { sealPlace } from './authenticators.ts';
import type { By, FactorAccount } from './factor.ts';
import type { FactorParts } from './factor-parts.ts';
import { findRecoveryCodes, listAuthenticators, spendRecoveryCode, spendStep } from './factor-store.ts';
import { digestOfRecoveryCode, plainRecoveryCode } from './recovery-codes.ts';
import { plainCode, stepOfCode } from './totp.ts';

export interface CodeAttempt {
  readonly accountId: string;
  readonly factor: 'totp' | 'recovery';
  /** As typed. */
  readonly code: string;
  /** throttle/networks.ts */
  readonly network: string;
  /** The id in a device cookie that has been verified for this account and its present password. */
  readonly deviceId?: string | undefined;
  readonly requestId?: string | undefined;
}

export type CodeOutcome =
  /** `at`: ms, from before the account was read. `left`: unused recovery codes, after one was used. */
  | { readonly kind: 'ok'; readonly method: 'otp' | 'recovery'; readonly at: number; readonly left?: number }
  | { readonly kind: 'wrong' }
  /** Right, but taken before: the person waits for the next one. */
  | { readonly kind: 'used' }
  | { readonly kind: 'locked'; readonly retryAfterSeconds: number };

export type VerifyCode = (attempt: CodeAttempt) => Promise<CodeOutcome>;

/** From here on the mail about a used recovery code asks for new ones. */
const FEW = 3;

type Taken = { readonly kind: 'ok'; readonly left?: number } | { readonly kind: 'wrong' | 'used' };

export function createVerifyCode(
  parts: Pick<
    FactorParts,
    'db' | 'clock' | 'audit' | 'sealing' | 'findAccount' | 'throttle' | 'recoverySecrets' | 'tell'
  >,
): VerifyCode {
  const { db, clock, audit, sealing, throttle, recoverySecrets, tell } = parts;
  // Being made to wait costs its sender nothing, so of each account it is recorded and told once an hour and process.
  const waits = createSampler({ clock, limit: 1, windowSeconds: 3_600, totalLimit: 1_000 });

  async function accepted(
    trx: Kysely<Database>,
    account: FactorAccount,
    by: By,
    detail: AuditDetails['second-factor.accepted'],
  ): Promise<void> {
    await audit.append(trx, { type: 'second-factor.accepted', detail, accountId: account.id, ...by });
  }

  async function takeTotp(account: FactorAccount, typed: string, by: By): Promise<Taken> {
    const code = plainCode(typed);
    const at = clock.now();
    const fitting = (await listAuthenticators(db, account.id)).flatMap(({ id, sealed }) => {
      const step = stepOfCode(sealing.open(sealed, sealPlace(id)), code, at);
      return step === undefined ? [] : [{ id, step }];
    });
    if (fitting.length === 0) return { kind: 'wrong' };
    return db.transaction().execute(async (trx) => {
      for (const { id, step } of fitting) {
        if (!(await spendStep(trx, id, step, at))) continue;
        await accepted(trx, account, by, { factor: 'totp', authenticatorId: id });
        return { kind: 'ok' };
      }
      return { kind: 'used' };
    });
  }

  async function takeRecovery(account: FactorAccount, typed: string, by: By): Promise<Taken> {
    const code = plainRecoveryCode(typed);
    if (code === undefined) return { kind: 'wrong' };
    const digests = recoverySecrets.map((secret) => digestOfRecoveryCode(secret, account.id, code));
    return db.transaction().execute(async (trx) => {
      const at = clock.now();
      if (!(await spendRecoveryCode(trx, account.id, digests, at))) return { kind: 'wrong' };
      const left = (await findRecoveryCodes(trx, account.id))?.left ?? 0;
      await accepted(trx, account, by, { factor: 'recovery', left });
      const key = digests[0] ?? '';
      await tell(trx, account, {
        kind: 'recovery-code-used',
        key,
        at,
        by,
        data: left > FEW ? { left } : { few: left },
      });
      return { kind: 'ok', left };
    });
  }

  async function refuse(
    account: FactorAccount,
    { factor, network, requestId }: CodeAttempt,
    reason: AuditDetails['second-factor.refused']['reason'],
  ): Promise<void> {
    const actor = { kind: 'anonymous' } as const;
    const context = { actor, accountId: account.id, network, requestId };
    if (reason !== 'locked') {
      audit.later({ type: 'second-factor.refused', detail: { factor, reason }, ...context });
      return;
    }
    if (!waits.take(account.id)) return;
    const at = clock.now();
    await db.transaction().execute(async (trx) => {
      await audit.append(trx, { type: 'second-factor.refused', detail: { factor, reason }, ...context });
      const key = `${account.id}:${new Date(at).toISOString().slice(0, 10)}`;
      await tell(trx, account, { kind: 'codes-tried', key, at, by: { network }, data: {} });
    });
  }

  return async (attempt) => {
    const { accountId, factor, code, network, deviceId, requestId } = attempt;
    const at = clock.now();
    const account = await parts.findAccount(accountId);
    if (account?.status !== 'active') return { kind: 'wrong' };
    const counted: ThrottledAttempt = {
      account: account.emailCanonical,
      network,
      device: deviceId,
      code: factor === 'totp' ? 'short' : 'long',
    };
    const admitted = await throttle.check(counted);
    if (admitted.kind === 'wait') {
      await refuse(account, attempt, 'locked');
      return { kind: 'locked', retryAfterSeconds: admitted.retryAfterSeconds };
    }
    const by: By = { actor: { kind: 'account', id: accountId }, network, requestId };
    const taken = await (factor === 'totp' ? takeTotp : takeRecovery)(account, code, by);
    if (taken.kind !== 'ok') {
      await refuse(account, attempt, taken.kind);
      return { kind: taken.kind };
    }
    await throttle.succeeded(counted);
    const { left } = taken;
    return {
      kind: 'ok',
      method: factor === 'totp' ? 'otp' : 'recovery',
      at,
      ...(left !== undefined && { left }),
    };
  };
}
