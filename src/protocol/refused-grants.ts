/**
 * Why somebody was signed out: every refused code, refresh token and device code is counted with exactly one reason of
 * the closed list (storage/end-reasons.ts), and recorded for the account and the client as far as its network has not
 * had its share. The engine says "not found" of what expired and of what never was; the index of families knows.
 */
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Audit } from '../audit/audit.ts';
import type { AuditDetails } from '../audit/catalogue.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { EndReason } from '../storage/end-reasons.ts';
import type { FamilyIndex } from '../storage/family-index.ts';
import { stateOf } from './request-state.ts';

export interface RefusedGrantParts {
  readonly families: Pick<FamilyIndex, 'ask'>;
  readonly audit: Pick<Audit, 'later'>;
  readonly metrics: Pick<Metrics, 'count'>;
  readonly clock: { now(): number };
  readonly networkOf: (ip: string) => string;
  readonly requestIdOf: (ctx: KoaContextWithOIDC) => string;
  /** Whether one more may be recorded for this network: strangers hold client ids of public clients. */
  readonly mayRecord: (network: string) => boolean;
}

type TokenKind = AuditDetails['grant.refused']['token'];

const presentedAs: Readonly<Record<string, readonly [TokenKind, string]>> = {
  refresh_token: ['refresh_token', 'refresh_token'],
  authorization_code: ['authorization_code', 'code'],
  'urn:ietf:params:oauth:grant-type:device_code': ['device_code', 'device_code'],
};

/** For a request that the token endpoint refused with `invalid_grant` (or, for a device, `expired_token`). */
export function noteRefusedGrant(parts: RefusedGrantParts, ctx: KoaContextWithOIDC, reference: string): void {
  const { params, client } = ctx.oidc;
  const [token, member] = presentedAs[String(params?.grant_type)] ?? [];
  if (!token || !member) return;
  const presented = String(params?.[member] ?? '');
  const state = stateOf(ctx);
  const at = parts.clock.now();
  const clientId = client?.clientId;
  const network = parts.networkOf(ctx.ip);
  const requestId = parts.requestIdOf(ctx);

  const record = (reason: EndReason, family?: string, accountId?: string): void => {
    parts.metrics.count('cardea_grants_refused_total', { token, reason });
    if (!parts.mayRecord(network)) return;
    parts.audit.later({
      type: 'grant.refused',
      actor: { kind: 'client', id: clientId },
      ...{ accountId, clientId, network, requestId, at },
      detail: { reason, token, reference, ...(family === undefined ? {} : { family }) },
    });
  };

  const family = state.familyOf.get(presented);
  const accountOf = (id: string) => state.grants.get(id)?.accountId as string | undefined;
  // Found, and refused for how it was presented: nothing has ended.
  if (family !== undefined) {
    record(state.endedBecause ?? 'unknown', family, accountOf(family));
    return;
  }
  parts.families.ask(presented, at, (gone) => {
    // Another client's token tells this client nothing.
    if (!gone || gone.family.clientId !== clientId) record('unknown');
    else record(state.endedBecause ?? gone.reason, gone.family.family, gone.family.accountId);
  });
}
