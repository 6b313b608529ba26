/**
 * A consent is a business record; a grant is a token family. Each authorization gets a grant of its own, made from the
 * consent, so that ending a stolen family ends that family alone (docs/architecture.md).
 */
import type { Configuration, Grant, KoaContextWithOIDC } from 'oidc-provider';
import type { Consent } from '../accounts/consents.ts';
import type { RecallConsent } from '../accounts/kept-consents.ts';
import type { Client } from '../clients/client.ts';
import type { ResourceServer } from '../clients/resource-server.ts';
import type { Lifetimes } from '../config/lifetimes.ts';
import type { Artifacts } from '../storage/artifacts.ts';
import type { ClientSession } from '../storage/logout-notices.ts';
import { type FamilyNotes, noteBegun } from './family-notes.ts';
import { stateOf } from './request-state.ts';
import { noteDetails } from './rich-requests.ts';

export interface AuthorizationParts {
  readonly artifacts: Artifacts;
  readonly recallConsent: RecallConsent;
  readonly resourceServers: () => Promise<readonly ResourceServer[]>;
  readonly clientOf: (ctx: KoaContextWithOIDC) => Promise<Client>;
  readonly lifetimes: Lifetimes;
  readonly families: FamilyNotes['index'];
  readonly clock: FamilyNotes['clock'];
  readonly noteClientSession: (session: ClientSession) => Promise<void>;
}

/** What the person turned down on the consent page; kept in the interaction's result. */
export interface ConsentResult {
  readonly rejectedScopes?: readonly string[];
  readonly rejectedClaims?: readonly string[];
  readonly rejectedResources?: Readonly<Record<string, readonly string[]>>;
}

type Hooks = Required<Pick<Configuration, 'loadExistingGrant' | 'expiresWithSession'>>;

export function authorizationHooks(parts: AuthorizationParts): Hooks {
  return {
    /** An unsaved grant that holds what is asked and consented; the engine prompts for what is missing. */
    loadExistingGrant: async (ctx) => {
      const accountId = ctx.oidc.account?.accountId;
      const client = await parts.clientOf(ctx);
      if (!accountId) return undefined;
      const grant = new ctx.oidc.provider.Grant({ accountId, clientId: client.clientId });
      const asksDetails = ctx.oidc.params?.authorization_details !== undefined;
      const { consent, asOf } =
        client.firstParty && !asksDetails
          ? { consent: undefined, asOf: parts.clock.now() }
          : await parts.recallConsent(
              accountId,
              client,
              // What the person has just been asked is not in memory yet; and each detail is an act of its own.
              (kept) => !asksDetails && !ctx.oidc.result && partOf(ctx, kept).isWhole,
            );
      noteBirth(ctx, asOf, parts.clock.now());
      // One act, such as one payment, is always the person's to allow, whoever vouches for the client.
      if (asksDetails) await noteDetails(ctx, consent, parts.resourceServers);
      if (client.firstParty) {
        addAll(ctx, grant);
        return grant;
      }
      if (consent) addConsented(ctx, grant, consent);
      const audiences = Object.keys(ctx.oidc.resourceServers ?? {});
      stateOf(ctx).unconsented =
        !consent || audiences.some((audience) => !Object.hasOwn(consent.resources, audience));
      addRejected(ctx, grant);
      return grant;
    },

    /** Called exactly where a code is made: here the family begins. Never bound to the session by the engine. */
    expiresWithSession: async (ctx, source) => {
      const { session, client, grant } = ctx.oidc;
      if (!session || !client || !grant) return false;
      await noteClientSession(parts, ctx);
      const offline = ctx.oidc.requestParamScopes.has('offline_access');
      const earlier = offline ? undefined : await reusable(ctx, grant);
      if (earlier) {
        source.grantId = earlier;
        return false;
      }
      const grantId = await grant.save();
      source.grantId = grantId;
      // An offline family outlives the sign-out, so no silent request without `offline_access` may share it.
      if (!offline) session.grantIdFor(client.clientId, grantId);
      await parts.artifacts.addSessionFamily(
        session.uid,
        grantId,
        offline,
        client.clientId,
        parts.lifetimes.sessionAbsolute,
      );
      const { families: index, clock, lifetimes } = parts;
      noteBegun({ index, clock }, ctx, grantId, offline, lifetimes.authorizationCode);
      return false;
    },
  };
}

/** A client that can be told of the session's end will be, from here on. */
async function noteClientSession(parts: AuthorizationParts, ctx: KoaContextWithOIDC): Promise<void> {
  const { session } = ctx.oidc;
  const client = await parts.clientOf(ctx);
  const sid = session?.sidFor(client.clientId);
  if (!client.backchannelLogoutUri || !session?.accountId || !sid) return;
  const at = parts.clock.now();
  await parts.noteClientSession({
    sessionUid: session.uid,
    clientId: client.clientId,
    accountId: session.accountId,
    sid,
    at,
    expiresAt: at + parts.lifetimes.sessionAbsolute * 1000,
  });
}

/** @param bornAt when the consent is known to have stood: what the family is dated by (access-gate.ts) */
function noteBirth(ctx: KoaContextWithOIDC, bornAt: number, begunAt: number): void {
  const state = stateOf(ctx);
  const result = ctx.oidc.result as { login?: { at?: number } } | undefined;
  // A device is not the browser that it was allowed from: it lives on, or ends, by itself.
  const uid = ctx.oidc.entities.DeviceCode ? undefined : ctx.oidc.session?.uid;
  state.birth = {
    signedInAt: result?.login?.at ?? state.session?.signedInAt ?? bornAt,
    bornAt,
    begunAt,
    ...(uid === undefined ? {} : { begunIn: uid }),
  };
}

/**
 * Repeated silent requests (`prompt=none`) of one client share a family while it covers what is asked, so that an app
 * that asks every few minutes does not pile up families.
 */
async function reusable(ctx: KoaContextWithOIDC, wanted: Grant): Promise<string | undefined> {
  const { session, client, params, provider } = ctx.oidc;
  const earlierId = params?.prompt === 'none' && client ? session?.grantIdFor(client.clientId) : undefined;
  if (!earlierId) return undefined;
  const earlier = await provider.Grant.find(earlierId);
  // One whose code was not redeemed yet may be gone in a moment.
  if (!stateOf(ctx).grants.get(earlierId)?.redeemed) return undefined;
  return earlier && earlier.accountId === wanted.accountId && covers(earlier, wanted) ? earlierId : undefined;
}

function covers(earlier: Grant, wanted: Grant): boolean {
  const within = (some: readonly string[], all: readonly string[]) =>
    some.every((item) => all.includes(item));
  const resources = Object.keys(wanted.resources ?? {});
  return (
    within(wanted.getOIDCScope().split(' '), earlier.getOIDCScope().split(' ')) &&
    within(wanted.getOIDCClaims(), earlier.getOIDCClaims()) &&
    resources.every((audience) =>
      within(wanted.getResourceScope(audience).split(' '), earlier.getResourceScope(audience).split(' ')),
    )
  );
}

function addAll(ctx: KoaContextWithOIDC, grant: Grant): void {
  const { requestParamOIDCScopes, requestParamClaims, requestParamScopes, resourceServers } = ctx.oidc;
  grant.addOIDCScope([...requestParamOIDCScopes]);
  grant.addOIDCClaims([...requestParamClaims]);
  for (const [audience, server] of Object.entries(resourceServers ?? {})) {
    grant.addResourceScope(
      audience,
      [...requestParamScopes].filter((scope) => server.scopes.has(scope)),
    );
  }
}

/** Of the protocol itself: the engine gives them without a consent. */
const NEVER_ASKED: ReadonlySet<string> = new Set(['sub', 'sid', 'auth_time', 'acr', 'amr', 'iss']);

/** What of this request was consented. */
function partOf({ oidc }: KoaContextWithOIDC, consent: Consent) {
  const { requestParamOIDCScopes, requestParamClaims, requestParamScopes, resourceServers } = oidc;
  const scopes = [...requestParamOIDCScopes].filter((scope) => consent.scopes.includes(scope));
  const claims = [...requestParamClaims].filter((claim) => consent.claims.includes(claim));
  const resources = Object.entries(resourceServers ?? {}).map(([audience, server]) => {
    const known = consent.resources[audience];
    const asked = [...requestParamScopes].filter((scope) => server.scopes.has(scope));
    const allowed = asked.filter((scope) => known?.includes(scope));
    return { audience, allowed, isWhole: known !== undefined && allowed.length === asked.length };
  });
  return {
    scopes,
    claims,
    resources,
    /** Nothing is left to be asked for. */
    isWhole:
      scopes.length === requestParamOIDCScopes.size &&
      [...requestParamClaims].every((claim) => NEVER_ASKED.has(claim) || claims.includes(claim)) &&
      resources.every(({ isWhole }) => isWhole),
  };
}

function addConsented(ctx: KoaContextWithOIDC, grant: Grant, consent: Consent): void {
  const { scopes, claims, resources } = partOf(ctx, consent);
  if (scopes.length > 0) grant.addOIDCScope(scopes);
  if (claims.length > 0) grant.addOIDCClaims(claims);
  for (const { audience, allowed } of resources) {
    if (allowed.length > 0) grant.addResourceScope(audience, allowed);
  }
}

function addRejected(ctx: KoaContextWithOIDC, grant: Grant): void {
  const { rejectedScopes, rejectedClaims, rejectedResources } = (ctx.oidc.result?.consent ??
    {}) as ConsentResult;
  if (rejectedScopes?.length) grant.rejectOIDCScope([...rejectedScopes]);
  if (rejectedClaims?.length) grant.rejectOIDCClaims([...rejectedClaims]);
  for (const [audience, scopes] of Object.entries(rejectedResources ?? {})) {
    grant.rejectResourceScope(audience, [...scopes]);
  }
}
