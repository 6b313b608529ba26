/**
 * What RFC 8628 asks of a device code and the engine leaves open: guesses are counted, one decision counts, polling has
 * a pace, and PKCE binds the code to its device when the device sent a challenge.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type Koa from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import Provider, { errors } from 'oidc-provider';
import type { Artifacts } from '../storage/artifacts.ts';
import type { DeviceThrottle, UserCodeGuess } from '../throttle/device-throttle.ts';
import { cameFromHere } from '../web/csrf.ts';
import { WebFault } from '../web/problem.ts';
import { currentState, stateOf } from './request-state.ts';

/** How long an expired code is still told apart from one that never was (RFC 8628 section 3.5, `expired_token`). */
export const DEVICE_CODE_GRACE_SECONDS = 300;

/** What is kept of the device's own request, for the person to judge it by. */
export interface DeviceInfo {
  /** The network address that asked. */
  readonly address: string;
  /** ms since the epoch */
  readonly askedAt: number;
  /** RFC 7636, S256. */
  readonly codeChallenge?: string;
}

export interface DeviceCodes {
  /** Counts a try at a user code. @throws when this network or browser has tried too many */
  countGuess(): Promise<void>;
  /** The code was there. */
  takeGuessBack(): Promise<void>;
  /** Of two browsers (or clicks) that decide about one device at once, one goes on. @throws for the others */
  decideOnce(id: string, payload: object): Promise<void>;
  /** @throws InvalidGrant when the device sent a challenge and this is not its verifier (RFC 7636 section 4.6) */
  checkVerifier(): void;
  /** How long an approved family waits for its device. */
  readonly unredeemedSeconds: number;
}

export interface DeviceCodeParts {
  readonly artifacts: Pick<Artifacts, 'claim'>;
  readonly throttle: DeviceThrottle;
  readonly networkOf: (ip: string) => string;
  readonly deviceCodeSeconds: number;
}

export function createDeviceCodes(parts: DeviceCodeParts): DeviceCodes {
  const { artifacts, throttle } = parts;
  const guessOf = (ctx: KoaContextWithOIDC): UserCodeGuess => ({
    network: parts.networkOf(ctx.ip),
    browser: ctx.oidc.session?.uid ?? '',
  });

  return {
    async countGuess() {
      const ctx = Provider.ctx;
      if (!ctx) return;
      const outcome = await throttle.checkGuess(guessOf(ctx));
      if (outcome.kind === 'go') return;
      ctx.set('Retry-After', String(outcome.retryAfterSeconds));
      throw tooManyGuesses();
    },
    async takeGuessBack() {
      const ctx = Provider.ctx;
      if (ctx) await throttle.takeBack(guessOf(ctx));
    },
    async decideOnce(id, payload) {
      const { inFlight, error, accountId, exp } = payload as Decision;
      if (!inFlight && !error && !accountId) return;
      const step = inFlight && (error || accountId) ? 'device decided' : 'device taken';
      if (await artifacts.claim(step, id, (exp + DEVICE_CODE_GRACE_SECONDS) * 1000)) return;
      throw new errors.InvalidRequest('this device code was used already');
    },
    checkVerifier() {
      const state = currentState();
      const challenge = (state?.deviceCode?.deviceInfo as DeviceInfo | undefined)?.codeChallenge;
      const verifier: unknown = Provider.ctx?.oidc.params?.code_verifier;
      if (challenge === undefined && verifier === undefined) return;
      const digest = createHash('sha256')
        .update(String(verifier ?? ''))
        .digest();
      const expected = Buffer.from(challenge ?? '', 'base64url');
      if (expected.length === digest.length && timingSafeEqual(expected, digest)) return;
      throw new errors.InvalidGrant('PKCE verification failed');
    },
    unredeemedSeconds: parts.deviceCodeSeconds + DEVICE_CODE_GRACE_SECONDS,
  };
}

interface Decision {
  readonly inFlight?: boolean;
  readonly error?: string;
  readonly accountId?: string;
  readonly exp: number;
}

/** The engine's `deviceInfo`: called once, when the device asks. @throws InvalidRequest for a challenge that is none */
export function deviceInfoOf(ctx: KoaContextWithOIDC): DeviceInfo {
  const info = { address: ctx.ip, askedAt: Date.now() };
  const { code_challenge: challenge, code_challenge_method: method } = ctx.oidc.body ?? {};
  if (challenge === undefined && method === undefined) return info;
  if (typeof challenge !== 'string' || !/^[A-Za-z0-9_-]{43}$/.test(challenge) || method !== 'S256') {
    throw new errors.InvalidRequest(
      'code_challenge must be a SHA-256 digest with code_challenge_method=S256',
    );
  }
  return { ...info, codeChallenge: challenge };
}

/**
 * The form of `/device` before the engine sees it. `verification_uri_complete` fills the field and does nothing else (the
 * engine would send the form by a script); a form that another site sent goes no further.
 * @throws WebFault 403
 */
export function prepareDeviceForm(ctx: Koa.Context, issuer: string): void {
  if (ctx.method === 'POST' && !cameFromHere(ctx, new URL(issuer).origin)) {
    throw new WebFault({
      status: 403,
      detail: 'This form was sent from another site, so nothing was done.',
    });
  }
  const { user_code: code } = ctx.query;
  if (typeof code === 'string' && /^[A-Za-z -]{1,20}$/.test(code)) stateOf(ctx).prefilledUserCode = code;
  ctx.request.querystring = '';
}

function tooManyGuesses(): Error {
  const refusal = new errors.CustomOIDCProviderError(
    'temporarily_unavailable',
    'too many codes were tried from here; wait before the next',
  );
  return Object.assign(refusal, { status: 429, statusCode: 429 });
}
