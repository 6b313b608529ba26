/**
 * Headers of every answer. Pages may load their style, scripts and pictures from this origin and nothing else; a page
 * that must reach further (a client's logo, a form whose redirect leaves to the client) says so with `pagePolicy`.
 * What a program reads (JSON, a JWT) is shown by no browser as a page: it goes without what only pages need.
 */
import type Koa from 'koa';
import type { PublicUrl } from './public-url.ts';

const PERMISSIONS = [
  'accelerometer=()',
  'autoplay=()',
  'camera=()',
  'display-capture=()',
  'fullscreen=()',
  'geolocation=()',
  'gyroscope=()',
  'magnetometer=()',
  'microphone=()',
  'midi=()',
  'payment=()',
  'publickey-credentials-create=(self)',
  'publickey-credentials-get=(self)',
  'usb=()',
].join(', ');

const OF_PAGES: readonly (readonly [string, string])[] = [
  ['X-Frame-Options', 'DENY'],
  ['Permissions-Policy', PERMISSIONS],
  ['X-DNS-Prefetch-Control', 'off'],
];

/** JSON and JWTs, also as the suffix of a type (RFC 6839, RFC 9701). Whatever else it is, a browser may show it. */
const FOR_PROGRAMS = /^application\/(?:[\w.-]+\+)?(?:json|jwt)(?:;|$)/;

const POLICY = 'Content-Security-Policy';
/** Of an answer that is no page: were it taken for one, it could load nothing and stand in no frame. */
const NO_PAGE = "default-src 'none'; frame-ancestors 'none'";

/** Two years, as the preload lists ask; without includeSubDomains, since the other hosts of a domain are not ours. */
const HSTS = 'max-age=63072000';

/**
 * Where people are between an app and its sign-in. Apps open these in a popup (`signinPopup`, `loginWithPopup`) and
 * wait for the popup to come back to their own page: with `same-origin` the browser cuts the tie to the opener for
 * good, and the app believes that the person closed the window. These pages have no frames to count, and where a
 * popup goes its opener decides anyway.
 */
const JOURNEY = /^\/(?:interaction\/|oauth2\/(?:authorize|logout))/;

export function createSecurityHeaders({
  publicUrl,
}: {
  publicUrl: Pick<PublicUrl, 'secure'>;
}): Koa.Middleware {
  const everywhere: readonly (readonly [string, string])[] = [
    ['X-Content-Type-Options', 'nosniff'],
    ['Referrer-Policy', 'no-referrer'],
    ['Cross-Origin-Resource-Policy', 'same-origin'],
    ...(publicUrl.secure ? ([['Strict-Transport-Security', HSTS]] as const) : []),
  ];
  const ownPolicy = contentSecurityPolicy();
  return async (ctx, next) => {
    // Straight to Node: Koa asks for each header whether they have been sent already.
    const { res } = ctx;
    for (const [name, value] of everywhere) res.setHeader(name, value);
    try {
      await next();
    } finally {
      if (!res.headersSent) complete(ctx);
    }
  };

  function complete({ res, path }: Koa.Context): void {
    const isPage = !FOR_PROGRAMS.test(String(res.getHeader('Content-Type')));
    if (!res.hasHeader(POLICY)) res.setHeader(POLICY, isPage ? ownPolicy : NO_PAGE);
    if (!isPage) return;
    for (const [name, value] of OF_PAGES) res.setHeader(name, value);
    res.setHeader('Cross-Origin-Opener-Policy', JOURNEY.test(path) ? 'unsafe-none' : 'same-origin');
  }
}

export interface PagePolicy {
  /** URLs that a form of this page posts to, or that its answer may redirect to, besides our own. */
  readonly formTargets?: readonly string[];
  /** The https URLs of pictures on this page. */
  readonly images?: readonly string[];
  /** Its script asks this origin for more. */
  readonly fetches?: boolean;
}

/** Marks the answer as a page: its own policy, and in no cache. */
export function pagePolicy(ctx: Pick<Koa.Context, 'set'>, policy: PagePolicy = {}): void {
  ctx.set(POLICY, contentSecurityPolicy(policy));
  ctx.set('Cache-Control', 'no-store');
}

export function contentSecurityPolicy({
  formTargets = [],
  images = [],
  fetches = false,
}: PagePolicy = {}): string {
  const list = (urls: readonly string[], judge: (url: string) => string | undefined): string =>
    ["'self'", ...new Set(urls.map(judge).filter((source) => source !== undefined))]
      .slice(0, MAX_SOURCES)
      .join(' ');
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src ${list(images, imageSource)}`,
    `form-action ${list(formTargets, formSource)}`,
    ...(fetches ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** A client with more registered origins than this gets the first ones: headers are bounded too. */
const MAX_SOURCES = 20;

/** One picture, by its whole address: not everything else on that host. */
function imageSource(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  return url.protocol === 'https:' ? encodeForPolicy(url.origin + url.pathname) : undefined;
}

/**
 * The source expression (CSP 3 section 2.3.1) that lets a form end at this address. Chromium checks every redirect of
 * the chain that a form starts. IPv6 hosts have no place in the grammar and custom schemes have no origin: the scheme
 * alone stands for both.
 */
export function formSource(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return /^(?:javascript|data|blob|about|file|vbscript):$/.test(url.protocol) ? undefined : url.protocol;
  }
  return url.hostname.startsWith('[') ? url.protocol : encodeForPolicy(url.origin);
}

/** `;` and `,` would end the directive or the header. */
function encodeForPolicy(source: string): string {
  return source.replaceAll(';', '%3B').replaceAll(',', '%2C').replaceAll("'", '%27').replaceAll('*', '%2A');
}
