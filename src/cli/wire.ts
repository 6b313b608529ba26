/** How `--json` shows things: OAuth members under their wire names (RFC 7591 section 2), times in ISO 8601. */
import type { Account } from '../accounts/account.ts';
import type { Invitation } from '../accounts/invitations-store.ts';
import type { Role, RoleKey } from '../accounts/roles.ts';
import { type SubjectMember, subjectMembers } from '../clients/certificate-subject.ts';
import type { Client, ClientSecretInfo, FederatedSubject } from '../clients/client.ts';
import type { RegistrationToken } from '../clients/registrations-store.ts';
import type { ResourceServer } from '../clients/resource-server.ts';
import type { KeyInfo } from '../keys/signing-key.ts';
import type { ReceiverHealth } from '../storage/logout-queue.ts';
import { wireGrantPolicies } from './wire-grants.ts';

const iso = (at: number) => new Date(at).toISOString();
const isoIfAny = (name: string, at: number | undefined) => (at === undefined ? {} : { [name]: iso(at) });

/** `roles` are the names; `roles_by_resource` says at which resource server each is held. */
export function wireRoles(held: readonly RoleKey[]) {
  const byResource: Record<string, string[]> = {};
  for (const { audience, role } of held) byResource[audience] = [...(byResource[audience] ?? []), role];
  return { roles: [...new Set(held.map(({ role }) => role))], roles_by_resource: byResource };
}

export function wireAccount(account: Account, held: readonly RoleKey[]) {
  return {
    id: account.id,
    email: account.email,
    email_verified: account.emailVerified,
    name: account.profile.name ?? null,
    status: account.status,
    ...(account.leavingUntil !== undefined && { leaving_until: iso(account.leavingUntil) }),
    ...(account.secondFactor && { second_factor: account.secondFactor }),
    ...wireRoles(held),
    created_at: iso(account.createdAt),
    updated_at: iso(account.updatedAt),
  };
}

/** @param secret given once, after it was made */
export function wireClient(client: Client, held: readonly RoleKey[], secret?: string) {
  const { jwks, defaultResource, backchannelLogoutUri, refreshReplayWindowSeconds } = client;
  const { logoUri, policyUri, tosUri, clientUri, supportUri, accent, accentDark } = client;
  return {
    client_id: client.clientId,
    ...(secret !== undefined && { client_secret: secret }),
    client_name: client.name,
    type: client.type,
    status: client.status,
    ...(client.registered !== undefined && { registered: client.registered }),
    first_party: client.firstParty,
    require_pkce: client.pkceRequired,
    redirect_uris: client.redirectUris,
    post_logout_redirect_uris: client.postLogoutRedirectUris,
    ...(client.corsOrigins && { cors_origins: client.corsOrigins }),
    grant_types: client.grantTypes,
    response_types: client.responseTypes,
    scope: client.scopes.join(' '),
    token_endpoint_auth_method: client.authMethod,
    id_token_signed_response_alg: client.idTokenAlg,
    ...wireRequests(client),
    resources: client.resources,
    ...(defaultResource !== undefined && { default_resource: defaultResource }),
    ...(jwks && { jwks }),
    ...wireCredentials(client),
    ...wireGrantPolicies(client),
    ...(backchannelLogoutUri !== undefined && { backchannel_logout_uri: backchannelLogoutUri }),
    ...(refreshReplayWindowSeconds !== undefined && {
      refresh_replay_window_seconds: refreshReplayWindowSeconds,
    }),
    ...(client.familyIdleSeconds !== undefined && { family_idle_seconds: client.familyIdleSeconds }),
    ...(client.familyAbsoluteSeconds !== undefined && {
      family_absolute_seconds: client.familyAbsoluteSeconds,
    }),
    ...(client.accessTokenSeconds !== undefined && { access_token_seconds: client.accessTokenSeconds }),
    ...(logoUri !== undefined && { logo_uri: logoUri }),
    ...(policyUri !== undefined && { policy_uri: policyUri }),
    ...(tosUri !== undefined && { tos_uri: tosUri }),
    ...(clientUri !== undefined && { client_uri: clientUri }),
    ...(supportUri !== undefined && { support_uri: supportUri }),
    ...(accent !== undefined && { accent }),
    ...(accentDark !== undefined && { accent_dark: accentDark }),
    ...wireRoles(held),
    created_at: iso(client.createdAt),
    updated_at: iso(client.updatedAt),
  };
}

/** What is not set is not shown. */
function wireRequests(client: Client) {
  const { authorizationAlg, introspectionAlg, userinfoAlg } = client;
  return {
    profile: client.profile ?? 'baseline',
    ...(client.requirePushedRequests && { require_pushed_authorization_requests: true }),
    ...(client.requireSignedRequests && { require_signed_request_object: true }),
    ...(client.dpopBoundTokens && { dpop_bound_access_tokens: true }),
    ...(client.subjectType && { subject_type: client.subjectType }),
    ...(client.sectorIdentifierUri && { sector_identifier_uri: client.sectorIdentifierUri }),
    ...(authorizationAlg && { authorization_signed_response_alg: authorizationAlg }),
    ...(introspectionAlg && { introspection_signed_response_alg: introspectionAlg }),
    ...(userinfoAlg && { userinfo_signed_response_alg: userinfoAlg }),
    ...(client.secondFactor && { second_factor: client.secondFactor }),
    ...(client.signInWith && { sign_in_with: client.signInWith }),
  };
}

function wireFederated({ issuer, subject, audience, jwksUri, reusable }: FederatedSubject) {
  return {
    issuer,
    subject,
    ...(audience !== undefined && { audience }),
    ...(jwksUri !== undefined && { jwks_uri: jwksUri }),
    ...(reusable && { reusable }),
  };
}

/** How telling a client of sign-outs went in the last week. */
export function wireReceiver(health: ReceiverHealth) {
  return {
    due: health.due,
    given_up: health.failed,
    ...isoIfAny('last_told_at', health.lastToldAt),
    ...(health.lastFault !== undefined && { last_fault: health.lastFault }),
  };
}

/** Keys and certificates by their wire names (RFC 8705 section 2.1.2). */
function wireCredentials(client: Client) {
  const certificate = Object.entries(subjectMembers).flatMap(([member, name]) => {
    const value = client[member as SubjectMember];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...(client.jwksUri !== undefined && { jwks_uri: client.jwksUri }),
    ...Object.fromEntries(certificate),
    ...(client.federated && { federated: client.federated.map(wireFederated) }),
    ...(client.certificateBoundTokens && { tls_client_certificate_bound_access_tokens: true }),
  };
}

export function wireSecret(secret: ClientSecretInfo) {
  return {
    secret_id: secret.secretId,
    created_at: iso(secret.createdAt),
    ...isoIfAny('expires_at', secret.expiresAt),
    ...isoIfAny('last_used_at', secret.lastUsedAt),
  };
}

export function wireInvitation(invitation: Invitation) {
  return {
    id: invitation.id,
    email: invitation.email,
    roles: invitation.roles.map(({ role, audience }) => ({ name: role, resource: audience })),
    created_at: iso(invitation.createdAt),
    expires_at: iso(invitation.expiresAt),
  };
}

export function wireRegistrationToken(token: RegistrationToken) {
  return {
    id: token.tokenId,
    uses: token.uses,
    max_uses: token.maxUses,
    created_at: iso(token.createdAt),
    expires_at: iso(token.expiresAt),
  };
}

export function wireResource(server: ResourceServer) {
  const described = server.scopes.filter((scope) => scope.description !== undefined);
  return {
    audience: server.audience,
    name: server.name,
    scopes: server.scopes.map((scope) => scope.name),
    ...(described.length > 0 && {
      scope_descriptions: Object.fromEntries(described.map((scope) => [scope.name, scope.description])),
    }),
    token_format: server.tokenFormat,
    signing_alg: server.signingAlg,
    ...(server.accessTokenTtlSeconds !== undefined && {
      access_token_ttl_seconds: server.accessTokenTtlSeconds,
    }),
    ...(server.authorizationTypes && { authorization_types: server.authorizationTypes }),
    ...(server.introspectionClientId !== undefined && {
      introspection_client_id: server.introspectionClientId,
    }),
    created_at: iso(server.createdAt),
    updated_at: iso(server.updatedAt),
  };
}

export function wireRole(role: Role) {
  return {
    name: role.name,
    resource: role.audience,
    ...(role.description !== undefined && { description: role.description }),
    permissions: role.permissions,
    ...(role.secondFactor && { second_factor: role.secondFactor }),
    created_at: iso(role.createdAt),
  };
}

export function wireKey(key: KeyInfo) {
  return {
    kid: key.kid,
    alg: key.alg,
    state: key.state,
    published_at: iso(key.publishedAt),
    ...isoIfAny('signing_at', key.signingAt),
    ...isoIfAny('retired_at', key.retiredAt),
    ...isoIfAny('gone_at', key.goneAt),
  };
}
