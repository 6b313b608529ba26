/** Builds one engine instance with every hook, override and listener attached (ENGINE: a key change builds another). */
import type { ClientMetadata, KoaContextWithOIDC } from 'oidc-provider';
import Provider from 'oidc-provider';
import { createSampler } from '../audit/sampler.ts';
import type { Client } from '../clients/client.ts';
import { ASSERTION_GRANT, EXCHANGE_GRANT } from '../clients/client-types.ts';
import type { EndReason } from '../storage/end-reasons.ts';
import { createAccessGate } from './access-gate.ts';
import { createAdapterFactory } from './adapter.ts';
import { assertionParameters, createAssertionGrant } from './assertion-grant.ts';
import { createAssertionRules } from './client-assertions.ts';
import { createClientKeys } from './client-keys.ts';
import { createDeviceCodes } from './device-codes.ts';
import { createEndpointLimits, type EndpointLimits } from './endpoint-limits.ts';
import { buildEngine } from './engine.ts';
import { createEngineClients, type EngineClients, requestClient } from './engine-clients.ts';
import { engineConfiguration } from './engine-configuration.ts';
import { listenToEngine } from './engine-events.ts';
import { overrideEngine } from './engine-overrides.ts';
import { pageConfiguration, wrapResponseMode } from './engine-pages.ts';
import { createFindAccount } from './find-account.ts';
import { wrapGrantHandler } from './grant-handlers.ts';
import { authorizationHooks } from './grant-of-authorization.ts';
import { createJwtTokens } from './jwt-access-tokens.ts';
import type { EngineInstance } from './live-engine.ts';
import { checkMutualTls } from './mutual-tls.ts';
import { createTokenReader } from './presented-tokens.ts';
import { checkProof } from './profile-gate.ts';
import type { ProtocolParts } from './protocol-parts.ts';
import { resourceIndicators } from './resources.ts';
import { richRequests } from './rich-requests.ts';
import { noteLargeToken, theftOf } from './token-events.ts';
import { createTokenExchange, exchangeParameters } from './token-exchange.ts';
import { createSecretComparison, takeWorkloadToken } from './workload-identity.ts';

export function createInstanceBuilder(
  parts: ProtocolParts,
  detailTypes: () => readonly string[],
): () => Pick<EngineInstance, 'engine' | 'clients' | 'tell'> {
  const { artifacts, sealing, lifetimes, clock } = parts;
  const gate = createAccessGate(parts.standings, parts.clients.endedBefore);
  const limits: EndpointLimits = createEndpointLimits(parts.limits);
  const endFamily = (family: string, reason: EndReason): Promise<void> =>
    parts.endFamily(family, reason, reason === 'replayed' ? theftOf(parts, family) : undefined);
  const mayRecord = createSampler({ clock, ...parts.recordLimit }).take;
  const findUsable = async (clientId: string) => {
    const client = await parts.clients.find(clientId);
    if (client) checkMutualTls(client, parts.mutualTls);
    return client;
  };
  const compareSecret = createSecretComparison({ ...parts.clients, log: parts.log });
  const clientKeys = createClientKeys(parts.clients.keySets, parts.mutualTls);
  const deviceCodes = createDeviceCodes({
    artifacts,
    throttle: parts.deviceThrottle,
    networkOf: parts.networkOf,
    deviceCodeSeconds: lifetimes.deviceCode,
  });
  const grantParts = {
    artifacts,
    sealing,
    mayPoll: parts.deviceThrottle.mayPoll,
    replayWindowSeconds: async (clientId: string) =>
      (await parts.clients.find(clientId))?.refreshReplayWindowSeconds ?? lifetimes.refreshReplayWindow,
    recordTheft: (family: string) => endFamily(family, 'replayed'),
    checkClientLimit: limits.checkClient,
    networkOf: parts.networkOf,
  };

  return () => {
    let clients: EngineClients | undefined;
    const ready = (): EngineClients => {
      if (!clients) throw new Error('the engine asked for clients before it was built');
      return clients;
    };
    const clientOf = async (ctx: KoaContextWithOIDC): Promise<Client> => requestClient(ready(), ctx);
    const keys = parts.keys.current();
    const types = detailTypes();

    const jwts = createJwtTokens({ artifacts, gate, issuer: parts.issuer, publicKeys: keys.publicKeys });
    const readToken = createTokenReader({ artifacts, gate, liveJwt: jwts.live });

    const engine = buildEngine(
      parts.issuer,
      engineConfiguration({
        keys,
        cookieSignatures: parts.cookieSignatures,
        dpopNonceSecret: parts.secrets.dpopNonceSecret,
        cookieNames: parts.cookieNames,
        secureCookies: parts.secureCookies,
        discovery: announced(parts),
        lifetimes,
        clients: ready,
        clientOf,
        issuer: parts.issuer,
        mutualTls: parts.mutualTls,
        fetch: parts.outbound.fetch,
        checkAssertion: createAssertionRules({ issuer: parts.issuer, clock }),
        adapter: createAdapterFactory({
          artifacts,
          gate,
          endFamily,
          // A code that is redeemed at its last moment must still find its family.
          unredeemedSeconds: lifetimes.authorizationCode + 60,
          interactionSeconds: lifetimes.interaction,
          denyToken: parts.denyToken,
          deviceCodes,
          sessions: { notes: parts.sessionNotes, networkOf: parts.networkOf, requestIdOf: parts.requestIdOf },
        }),
        findAccount: createFindAccount({ standings: parts.standings, clientOf, clock }),
        hooks: authorizationHooks({
          artifacts,
          recallConsent: parts.recallConsent,
          resourceServers: parts.resources.all,
          clientOf,
          lifetimes,
          families: parts.families,
          clock,
          noteClientSession: parts.logout.noteSession,
        }),
        resources: resourceIndicators({
          ...parts.resources,
          clientOf,
          lifetimes,
          opens: parts.registrations.opens,
        }),
        resourceServers: parts.resources.all,
        richRequests: richRequests({ clientOf, all: parts.resources.all, types }),
        pages: pageConfiguration(parts.pages, (ctx) => ready().clientOf(ctx.oidc.client)),
        uiLocales: parts.uiLocales,
        signUp: parts.signUp,
        levels: parts.levels,
        accessClaims: async (audience, accountId, clientId) => {
          const holder = accountId
            ? await parts.standings.get(accountId)
            : await parts.clientAccess.get(clientId);
          return holder?.access(audience) ?? { roles: [], permissions: [] };
        },
        claim: artifacts.claim,
        checkPush: (ctx, client) => limits.checkPush(ctx, client, parts.networkOf(ctx.ip)),
        pairwiseSubject: (client, accountId) => {
          const registered = ready().clientOf(client);
          if (!registered) throw new Error('no client whose subjects these are');
          return parts.subjectOf(registered, accountId);
        },
        introspectionClientOf: async (audience) =>
          (await parts.resources.byAudience(audience))?.introspectionClientId,
      }),
      {
        wrapGrant: (name, builtin) =>
          wrapGrantHandler(name, builtin, {
            ...grantParts,
            noteLargeToken: (ctx, large) => noteLargeToken(parts, ctx, large),
            checkProfile: async (ctx) => checkProof(ctx, await clientOf(ctx)),
          }),
        customGrants: (clientCredentials) => [
          {
            name: EXCHANGE_GRANT,
            handler: createTokenExchange(
              {
                clientOf,
                byAudience: parts.resources.byAudience,
                readToken,
                subjectOf: parts.subjectOf,
                clock,
              },
              clientCredentials,
            ),
            parameters: exchangeParameters,
            repeated: ['resource', 'audience'],
          },
          {
            name: ASSERTION_GRANT,
            handler: createAssertionGrant(
              {
                issuer: parts.issuer,
                clock,
                clientOf,
                keySets: parts.clients.keySets,
                artifacts,
                findSubject: parts.findSubject,
              },
              clientCredentials,
            ),
            parameters: assertionParameters,
            repeated: ['resource'],
          },
        ],
        wrapResponseMode: (mode, builtin) =>
          wrapResponseMode(
            parts.pages,
            (ctx) => ready().clientOf(ctx.oidc.client),
            (ctx) => isUnknownTo(parts.consents.find, ready().clientOf(ctx.oidc.client), ctx),
            mode,
            builtin,
          ),
      },
    );
    clients = createEngineClients(
      // Which API's types a client may ask for is judged in rich-requests.ts.
      (metadata) => newClient(engine, { ...metadata, authorization_details_types: [...types] }),
      findUsable,
      (client) => clientKeys(Provider.ctx, client),
      parts.clients.whyAbsent,
    );

    const overridden = overrideEngine(engine, {
      clients,
      verifySecret: compareSecret,
      onParams: takeWorkloadToken,
      claim: artifacts.claim,
      pushedRequestSeconds: lifetimes.pushedRequest,
      aliasOf: (req) => (parts.mutualTls?.isAtAlias(req) ? parts.mutualTls.origin : undefined),
      beforeClientLookup: () => jwts.standIn(Provider.ctx),
      onSessionEnd: parts.onSessionEnd,
      onClientSignOut: parts.logout.noticeClient,
    });
    listenToEngine(engine, {
      ...parts,
      clientOf: clients.clientOf,
      noteFailedClient: limits.noteFailedClient,
      mayRecord,
    });
    return { engine, clients, ...overridden };
  };
}

/** A client that registered itself, at a person who has not met it: no page of ours in this request, no consent before. */
async function isUnknownTo(
  findConsent: ProtocolParts['consents']['find'],
  client: Client | undefined,
  { oidc }: KoaContextWithOIDC,
): Promise<boolean> {
  if (!client?.registered || oidc.route !== 'authorization' || oidc.result) return false;
  const accountId = oidc.session?.accountId;
  return accountId === undefined || (await findConsent(accountId, client.clientId)) === undefined;
}

/** The constructor takes metadata, which the engine's published types leave out. */
function newClient(engine: Provider, metadata: ClientMetadata): InstanceType<Provider['Client']> {
  const Client = engine.Client as unknown as new (
    metadata: ClientMetadata,
  ) => InstanceType<Provider['Client']>;
  return new Client(metadata);
}

/** RFC 8414 section 2; OAuth Client ID Metadata Document draft 02 section 5. */
function announced({ registrations, issuer }: ProtocolParts): Record<string, string | boolean> {
  return {
    ...(registrations.policy !== 'closed' && { registration_endpoint: `${issuer}/oauth2/register` }),
    ...(registrations.documents && { client_id_metadata_document_supported: true }),
  };
}
