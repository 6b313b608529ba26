/** What the index of families is told (storage/family-index.ts): a family's beginning, and each use of it. */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { digest } from '../storage/digest.ts';
import type { FamilyIndex } from '../storage/family-index.ts';
import type { FamilyNote } from '../storage/family-rows.ts';
import { stateOf } from './request-state.ts';

export interface FamilyNotes {
  readonly index: Pick<FamilyIndex, 'note'>;
  readonly clock: { now(): number };
  readonly networkOf: (ip: string) => string;
}

/** A code was made. Until it is redeemed the family lives as long as its code. */
export function noteBegun(
  { index, clock }: Pick<FamilyNotes, 'index' | 'clock'>,
  ctx: KoaContextWithOIDC,
  family: string,
  offline: boolean,
  codeSeconds: number,
): void {
  const note = familyOf(ctx, family);
  if (note) index.note({ ...note, offline, idleUntil: clock.now() + codeSeconds * 1000, refreshes: 0 });
}

/** Tokens were issued in it. A repeated answer is no use. */
export function noteUsed({ index, clock, networkOf }: FamilyNotes, ctx: KoaContextWithOIDC): void {
  const { entities, params } = ctx.oidc;
  const family = (entities.Grant as { jti?: string } | undefined)?.jti;
  const note = family === undefined ? undefined : familyOf(ctx, family);
  if (!note || stateOf(ctx).replayed) return;
  const now = clock.now();
  const refresh = entities.RefreshToken as { expiration?: number } | undefined;
  const idle = refresh?.expiration === undefined ? note.absoluteUntil : now + refresh.expiration * 1000;
  const refreshed = params?.grant_type === 'refresh_token';
  index.note({
    ...note,
    // A refresh token is issued with `offline_access` only.
    offline: refresh !== undefined,
    redeemedAt: refreshed ? undefined : now,
    idleUntil: Math.min(idle, note.absoluteUntil),
    refreshes: refreshed ? 1 : 0,
    usedAt: now,
    network: networkOf(ctx.ip),
  });
}

type Base = Omit<FamilyNote, 'idleUntil' | 'refreshes' | 'offline'>;

function familyOf(ctx: KoaContextWithOIDC, family: string): Base | undefined {
  const grant = stateOf(ctx).grants.get(family);
  if (!grant || typeof grant.accountId !== 'string' || typeof grant.clientId !== 'string') return undefined;
  const madeAt = Number(grant.iat ?? 0) * 1000;
  return {
    family,
    accountId: grant.accountId,
    clientId: grant.clientId,
    ...(typeof grant.begunIn === 'string' ? { sessionKey: digest(grant.begunIn) } : {}),
    scopes: scopesOf(grant),
    signedInAt: Number(grant.signedInAt ?? madeAt),
    bornAt: Number(grant.begunAt ?? madeAt),
    datedAt: Number(grant.bornAt ?? madeAt),
    absoluteUntil: Number(grant.exp) * 1000,
  };
}

/** What the family was granted: OpenID Connect scopes, then those of APIs. */
function scopesOf(grant: Record<string, unknown>): string {
  const { openid, resources } = grant as {
    openid?: { scope?: string };
    resources?: Record<string, string>;
  };
  const all = [openid?.scope ?? '', ...Object.values(resources ?? {})].join(' ').split(' ');
  return [...new Set(all.filter(Boolean))].join(' ');
}
