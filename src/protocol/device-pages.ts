/** The engine's `deviceFlow` feature with our pages (RFC 8628 section 3.3): code entry, who asks, and how it went. */
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import { type DeviceInfo, deviceInfoOf } from './device-codes.ts';
import { stateOf } from './request-state.ts';

/** Why the code is asked for again. */
export type UserCodeFault = 'unknown' | 'used' | 'missing' | 'outdated' | 'wait' | 'failed';

export interface DevicePages {
  readonly codeEntry: (
    ctx: KoaContextWithOIDC,
    view: { action: string; xsrf: string; userCode: string; fault?: UserCodeFault },
  ) => void;
  readonly confirm: (
    ctx: KoaContextWithOIDC,
    view: { action: string; xsrf: string; userCode: string; device: DeviceInfo; client: Client | undefined },
  ) => void;
  readonly done: (
    ctx: KoaContextWithOIDC,
    view: { outcome: 'connected' | 'declined' | 'stale'; client: Client | undefined },
  ) => void;
}

type DeviceFlow = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>;

/** @param clientOf the client that the device is of, once it is known */
export function deviceFlow(
  pages: DevicePages,
  clientOf: (ctx: KoaContextWithOIDC) => Client | undefined,
): DeviceFlow {
  const formOf = (ctx: KoaContextWithOIDC) => ({
    action: ctx.oidc.urlFor('code_verification'),
    xsrf: String((ctx.oidc.session?.state as { secret?: string } | undefined)?.secret ?? ''),
  });

  return {
    enabled: true,
    // RFC 8628 section 6.1: 20 letters without vowels, so that no word comes out; 8 of them are 34 bits.
    charset: 'base-20',
    mask: '****-****',
    deviceInfo: (ctx) => deviceInfoOf(ctx) as unknown as Record<string, unknown>,
    async userCodeInputSource(ctx, _form, _out, error) {
      if (error?.name === 'AbortedError') {
        return pages.done(ctx, { outcome: 'declined', client: clientOf(ctx) });
      }
      if (error && ctx.oidc.route === 'device_resume') {
        // The sign-in is over. There is no form here, so nothing of it is kept: the engine would save a session that
        // this browser may not have.
        (ctx.oidc.session as unknown as { touched: boolean }).touched = false;
        return pages.done(ctx, { outcome: 'stale', client: clientOf(ctx) });
      }
      const fault = error && faultOf(error);
      pages.codeEntry(ctx, {
        ...formOf(ctx),
        userCode: error ? typedIn(ctx) : (stateOf(ctx).prefilledUserCode ?? ''),
        ...(fault && { fault }),
      });
    },
    async userCodeConfirmSource(ctx, _form, _client, deviceInfo, userCode) {
      const device = deviceInfo as unknown as DeviceInfo;
      pages.confirm(ctx, { ...formOf(ctx), userCode, device, client: clientOf(ctx) });
    },
    successSource: async (ctx) => pages.done(ctx, { outcome: 'connected', client: clientOf(ctx) }),
  };
}

/** Unknown and expired codes look the same: neither tells a guesser anything. */
function faultOf(
  error: Error & { statusCode?: number; error_description?: string | undefined },
): UserCodeFault {
  const named = faultsByName[error.name];
  if (named) return named;
  if (error.statusCode === 429) return 'wait';
  const { error_description: description = '' } = error;
  if (description.includes('used already')) return 'used';
  return /xsrf|device form details/.test(description) ? 'outdated' : 'failed';
}

/** The engine's own errors of this form. */
const faultsByName: Readonly<Record<string, UserCodeFault>> = {
  NoCodeError: 'missing',
  NotFoundError: 'unknown',
  ExpiredError: 'unknown',
  AlreadyUsedError: 'used',
};

/** What was typed is shown again, when it is something that can be typed. */
function typedIn(ctx: KoaContextWithOIDC): string {
  const typed: unknown = ctx.oidc.body?.user_code;
  return typeof typed === 'string' && typed.length <= 20 ? typed : '';
}
