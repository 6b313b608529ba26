/**
 * The wiring page: mounts the rooms in the order in which a request meets them. It alone knows everybody; nothing else
 * adds a door.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Koa from 'koa';
import { isDocumentId } from './clients/document-ids.ts';
import { createWorkloadTokens } from './clients/workload-tokens.ts';
import { createDeviceViews } from './pages/device-views.ts';
import { createPages } from './pages/pages.ts';
import { createProtocolViews } from './pages/protocol-views.ts';
import { mutualTlsPaths } from './protocol/mutual-tls.ts';
import { createProtocol } from './protocol/protocol.ts';
import type { Rooms } from './rooms.ts';
import { createSigningOut } from './signing-out.ts';
import { networkOf } from './throttle/networks.ts';
import { createAccessLog, loggedPath } from './web/access-log.ts';
import { loadAssets } from './web/assets.ts';
import { accentDoor, brandFiles, brandView } from './web/brand.ts';
import { createAddressDoor, createAddressReader, createProxyCheck } from './web/client-address.ts';
import { createClientCertificates } from './web/client-certificate.ts';
import { createCookieSignatures } from './web/cookie-signatures.ts';
import { createCookies } from './web/cookies.ts';
import { createCsrf } from './web/csrf.ts';
import { createErrorDoor } from './web/error-door.ts';
import { createReadSubmitted } from './web/form-guard.ts';
import { createPageLanguages } from './web/languages.ts';
import { createSendPage } from './web/page-sender.ts';
import { createPublicUrl } from './web/public-url.ts';
import { createRenderer } from './web/render.ts';
import { requestId, requestIdOf } from './web/request-id.ts';
import { createLimitDoor } from './web/request-limits-door.ts';
import { createSecurityHeaders } from './web/security-headers.ts';
import { createSecondFactors } from './wiring-journey.ts';
import { createFrontDoor } from './wiring-pages.ts';
import { createPortalOf } from './wiring-portal.ts';
import { createEnginePages, createFamilyEnd, createFindSubject, ownClient } from './wiring-protocol.ts';

const viewsDir = fileURLToPath(new URL('../views/', import.meta.url));

/** @param health answers `/health/…` for any Host */
export async function createApp(rooms: Rooms, health: Koa.Middleware): Promise<Koa> {
  const { settings, log, clock, metrics, secrets, directory } = rooms;
  const mutualTls = settings.mutualTls;
  const publicUrl = createPublicUrl({
    issuer: settings.issuer,
    mutualTls: mutualTls && {
      origin: mutualTls.origin,
      paths: mutualTlsPaths,
      isListener: mutualTls.listener !== undefined,
    },
  });
  const certificates = createClientCertificates({
    header: mutualTls?.header,
    isTrustedProxy: createProxyCheck(settings.trustedProxies),
    authorities: mutualTls?.caFile && readFileSync(mutualTls.caFile, 'utf8'),
    clock,
  });
  const { base, secure } = publicUrl;
  const { branding } = rooms;
  const assets = loadAssets({ dir: `${viewsDir}assets`, base, more: brandFiles(branding) });
  const brand = brandView(branding, assets.url);
  const cookies = createCookies({ secure, base });
  const { languages: known } = rooms;
  const languages = createPageLanguages({ languages: known, cookies });
  const { renderPage } = createRenderer({ viewsDir, languages: known, brand, assets, base });
  const views = createProtocolViews({ renderPage, languages, base });
  const deviceViews = createDeviceViews({ renderPage, languages, base });
  const csrf = createCsrf({ keys: await secrets.get('csrf'), cookies, origin: publicUrl.origin });
  const cookieSignatures = createCookieSignatures(await secrets.get('cookie-keys'));
  const dpopNonceSecret = Buffer.from((await secrets.get('dpop-nonce'))[0] ?? '', 'base64url').subarray(
    0,
    32,
  );

  const own = ownClient(publicUrl.issuer, branding.name);
  const findClient = async (clientId: string) =>
    clientId === own.clientId ? own : clientsAt(rooms, clientId)?.find(clientId);

  const signingOut = createSigningOut(rooms, own.clientId);

  const secondFactors = createSecondFactors(rooms, findClient, { cookies, csrf, base });

  const protocol = createProtocol({
    ...rooms,
    levels: secondFactors.levels,
    issuer: publicUrl.issuer,
    lifetimes: settings.lifetimes,
    limits: rooms.requestLimits,
    networkOf,
    requestIdOf,
    ensureLease: rooms.lease.ensure,
    mutualTls: mutualTls && {
      certificateOf: certificates.of,
      hasAuthorities: mutualTls.caFile !== undefined,
      origin: mutualTls.origin,
      isAtAlias: publicUrl.isAtAlias,
    },
    clients: {
      find: findClient,
      verifySecret: async (clientId, presented) =>
        directory.verifySecret(await directory.find(clientId), presented),
      // Unknown, deleted and disabled clients have nothing that lives.
      endedBefore: async (clientId) =>
        (await findClient(clientId))
          ? (clientsAt(rooms, clientId)?.endedBefore(clientId) ?? 0)
          : Number.POSITIVE_INFINITY,
      whyAbsent: async (clientId) =>
        clientId.startsWith('https://')
          ? (rooms.clientDocuments?.whyAbsent(clientId) ?? 'metadata documents are off')
          : undefined,
      keySets: rooms.keySets,
      workloads: createWorkloadTokens({
        issuer: publicUrl.issuer,
        send: rooms.outbound.send,
        clock,
        keySets: rooms.keySets,
        claim: rooms.artifacts.claim,
      }),
    },
    registrations: {
      ...rooms.registrations,
      policy: settings.registration.policy,
      documents: rooms.clientDocuments !== undefined,
      opens: (audience) => settings.registration.resources.includes(audience),
    },
    cookieSignatures,
    secrets: { dpopNonceSecret },
    cookieNames: {
      session: cookies.nameOf('session'),
      interaction: cookies.nameOf('interaction', '/'),
      resume: cookies.nameOf('resume', '/'),
    },
    secureCookies: secure,
    uiLocales: known.locales,
    signUp: rooms.signUps.offered,
    pages: createEnginePages({ rooms, views, deviceViews, toldApps: signingOut.toldApps }),
    findSubject: createFindSubject(rooms),
    families: rooms.familyIndex,
    recordLimit: settings.limits.refusalsPerNetwork,
    endFamily: createFamilyEnd(rooms),
    denyToken: (jti, family, expiresAt) =>
      rooms.families.denyToken(jti, family, Math.max(1, Math.ceil((expiresAt - clock.now()) / 1000))),
    onSessionEnd: signingOut.endSession,
    sessionNotes: rooms.browserSessions,
    logout: signingOut,
  });
  rooms.logoutDelivery.start(protocol.tell);
  const pages = createPages({
    front: createFrontDoor({ rooms, protocol, findClient, toldApps: signingOut.toldApps, secondFactors }),
    publicUrl,
    cookies,
    csrf,
    renderPage,
    languages,
  });

  const portal = createPortalOf(rooms, protocol, secondFactors, {
    publicUrl,
    csrf,
    cookies,
    languages,
    readSubmitted: createReadSubmitted({ csrf, origin: publicUrl.origin }),
    sendPage: createSendPage({ renderPage, languages }),
    renderPage,
  });

  const koa = new Koa();
  koa.keys = cookieSignatures;
  koa.silent = true;
  publicUrl.pin(koa);

  // Requests pass these doors in this order; nothing else adds a door.
  const doors: Koa.Middleware[] = [
    requestId,
    createAddressDoor(createAddressReader(settings.trustedProxies)),
    certificates.door,
    createAccessLog({
      log,
      clock,
      observe: (o) => {
        const { method, route, status } = labelsOf(o);
        metrics.count('cardea_http_requests_total', { method, route, status });
        metrics.observe('cardea_http_request_seconds', o.seconds, { route });
      },
    }),
    createSecurityHeaders({ publicUrl }),
    createErrorDoor({ log, renderError: views.renderFault, reference: pageReference(rooms) }),
    health,
    publicUrl.door,
    assets.door,
    accentDoor,
    protocol.middleware,
    createLimitDoor({ rules: pageLimits, take: rooms.requestLimits.take, networkOf }),
    pages.door,
    portal.door,
  ];
  for (const door of doors) koa.use(door);
  return koa;
}

/** An id that is an address is looked up by its document, and is nobody's when documents are off. */
function clientsAt({ directory, clientDocuments }: Rooms, clientId: string) {
  return isDocumentId(clientId) ? clientDocuments : directory;
}

const pageLimits = [
  { path: '/interaction/', limit: 'pagesPerNetwork' },
  { path: '/setup/', limit: 'pagesPerNetwork' },
  { path: '/account', limit: 'pagesPerNetwork' },
  { path: '/link', limit: 'pagesPerNetwork' },
  { path: '/reset', limit: 'pagesPerNetwork' },
  { path: '/upstream/', limit: 'pagesPerNetwork' },
  { path: '/invitation', limit: 'pagesPerNetwork' },
  { path: '/', limit: 'pagesPerNetwork' },
] as const;

/** Few labels: the first two parts of a path at most, and the class of the status. */
function labelsOf({ method, route, status }: { method: string; route: string; status: number }) {
  const known =
    /^\/(?:oauth2\/[a-z]+|\.well-known\/[a-z-]+|interaction|device|setup|account|link|reset|invitation|upstream|assets|health)/.exec(
      route,
    )?.[0];
  return { method, route: known ?? (route === '/' ? '/' : 'other'), status: `${Math.floor(status / 100)}xx` };
}

/** What a page refuses is recorded like what the protocol refuses. */
function pageReference({ refusals }: Rooms) {
  return (
    ctx: Koa.Context,
    { status, error, detail }: { status: number; error: string; detail: string },
  ): string =>
    refusals.record({
      kind: 'page',
      rule: ruleOfStatus[status] ?? 'RFC 9110 section 15.5',
      error,
      expected: detail,
      received: `${ctx.method} ${loggedPath(ctx.path)}`,
      network: networkOf(ctx.ip),
      requestId: requestIdOf(ctx),
    });
}

const ruleOfStatus: Readonly<Record<number, string>> = {
  404: 'RFC 9110 section 15.5.5',
  405: 'RFC 9110 section 15.5.6',
  413: 'RFC 9110 section 15.5.14',
  421: 'RFC 9110 section 15.5.20',
  429: 'RFC 6585 section 4',
  503: 'RFC 9110 section 15.6.4',
};
