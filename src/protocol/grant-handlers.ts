/**
 * The engine's own grant handlers, each inside a unit of work: what they write is gathered and stored by one statement,
 * and only then is there an answer.
 */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Artifacts } from '../storage/artifacts.ts';
import type { Sealing } from '../storage/sealing.ts';
import { StorageUnavailable } from '../storage/unavailable.ts';
import { hasHungUp, isGone } from './caller.ts';
import { keepAnswer, openAnswer, otherRequest, Replayed } from './refresh.ts';
import { stateOf } from './request-state.ts';
import { checkTokenSizes, type LargeToken } from './token-sizes.ts';
import { commitUnit, openUnit, type UnitOfWork } from './unit-of-work.ts';

export type GrantHandler = (ctx: KoaContextWithOIDC) => Promise<void>;

export interface GrantHandlerParts {
  readonly artifacts: Artifacts;
  readonly sealing: Sealing;
  /** False for a device that polls too soon. */
  readonly mayPoll: (deviceCode: string) => Promise<boolean>;
  /** Seconds that a used refresh token of this client is answered again. 0: strict. */
  readonly replayWindowSeconds: (clientId: string) => Promise<number>;
  /** Records durably that a family was ended by the store's own statement. */
  readonly recordTheft: (family: string) => Promise<void>;
  /** How an address is named in records. */
  readonly networkOf: (ip: string) => string;
  /** Throws the refusal when the request does not do what the client's profile asks. */
  readonly checkProfile: (ctx: KoaContextWithOIDC) => Promise<void>;
  readonly noteLargeToken: (ctx: KoaContextWithOIDC, large: LargeToken) => void;
  /** Throws the refusal when the client has used up its share of token requests. */
  readonly checkClientLimit: (ctx: KoaContextWithOIDC, clientId: string) => Promise<void>;
}

/** Wraps one built-in handler. Grants without a family (client credentials) pass straight through. */
export function wrapGrantHandler(
  grantType: string,
  builtin: GrantHandler,
  parts: GrantHandlerParts,
): GrantHandler {
  const inFamily = grantType !== 'client_credentials';
  return async function handleGrant(ctx) {
    const clientId = ctx.oidc.client?.clientId ?? '';
    await parts.checkClientLimit(ctx, clientId);
    await parts.checkProfile(ctx);
    if (!inFamily) {
      await builtin(ctx);
      return checkTokenSizes(ctx, (large) => parts.noteLargeToken(ctx, large));
    }

    const state = stateOf(ctx);
    const unit = openUnit();
    state.unit = unit;
    try {
      await builtin(ctx);
    } catch (error) {
      if (error instanceof Replayed) return answerAgain(ctx, parts, error.sealed);
      if (error instanceof errors.AuthorizationPending) await checkPace(ctx, parts);
      throw error;
    } finally {
      delete state.unit;
    }
    checkTokenSizes(ctx, (large) => parts.noteLargeToken(ctx, large));
    await store(ctx, unit, parts);
  };
}

async function store(ctx: KoaContextWithOIDC, unit: UnitOfWork, parts: GrantHandlerParts): Promise<void> {
  const { artifacts, sealing } = parts;
  const { kind } = unit.consume ?? {};
  const window =
    kind === 'RefreshToken' ? await parts.replayWindowSeconds(ctx.oidc.client?.clientId ?? '') : 0;
  // Within a window a use that nobody waits for harms nobody: it is answered again, or has lost a race (artifacts.ts).
  const gone = window > 0 ? isGone(ctx) : await hasHungUp(ctx);
  if (gone) throw new errors.InvalidGrant('the caller has hung up; nothing was used');
  if (kind === 'AuthorizationCode' || kind === 'DeviceCode') keepFamily(ctx, unit);
  // The body is fixed here: what is sealed is, to the byte, what is sent.
  const body = JSON.stringify(ctx.body);
  const answer =
    unit.consume && window > 0 ? keepAnswer(sealing, ctx, unit.consume.id, body, window) : undefined;

  const outcome = await commitUnit(artifacts, unit, answer, parts.networkOf(ctx.ip)).catch(
    (error: unknown) => {
      if (error instanceof StorageUnavailable) {
        stateOf(ctx).unavailable = { retryAfterSeconds: error.retryAfterSeconds };
      }
      throw error;
    },
  );
  switch (outcome.kind) {
    case 'committed':
      ctx.body = body;
      ctx.type = 'application/json; charset=utf-8';
      return;
    case 'replayed':
      return answerAgain(ctx, parts, outcome.sealed);
    case 'mismatch':
      throw otherRequest();
    case 'theft':
      stateOf(ctx).endedBecause = 'replayed';
      if (outcome.firstUse) stateOf(ctx).firstUse = outcome.firstUse;
      await parts.recordTheft(unit.family ?? '');
      throw new errors.InvalidGrant('already used; the family was ended');
    case 'ended':
      stateOf(ctx).endedBecause = outcome.reason;
      throw new errors.InvalidGrant(`ended: ${outcome.reason}`);
    case 'absent':
      throw new errors.InvalidGrant('not found');
  }
}

/** RFC 8628 section 3.5: who asks again too soon is told to slow down. @throws SlowDown */
async function checkPace(ctx: KoaContextWithOIDC, { mayPoll }: GrantHandlerParts): Promise<void> {
  if (!(await mayPoll(String(ctx.oidc.params?.device_code)))) throw new errors.SlowDown();
}

/** Until its code is redeemed a family lives hardly longer than the code (adapter.ts); from now on, as it was granted. */
function keepFamily(ctx: KoaContextWithOIDC, unit: UnitOfWork): void {
  const { family } = unit;
  const grant = family === undefined ? undefined : stateOf(ctx).grants.get(family);
  if (!family || !grant) return;
  const ttlSeconds = Math.max(1, Number(grant.exp) - Math.floor(Date.now() / 1000));
  unit.puts.unshift({ kind: 'Grant', id: family, payload: { ...grant, redeemed: true }, ttlSeconds });
}

function answerAgain(ctx: KoaContextWithOIDC, { sealing }: GrantHandlerParts, sealed: string): void {
  stateOf(ctx).replayed = true;
  ctx.body = openAnswer(sealing, String(ctx.oidc.params?.refresh_token), sealed);
  ctx.type = 'application/json; charset=utf-8';
}
