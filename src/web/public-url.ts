/**
 * The one public URL. Everything that anyone may read from a request about "where am I" (host, protocol, origin,
 * href) comes from the issuer setting and never from request headers.
 */
import type { IncomingMessage } from 'node:http';
import type Koa from 'koa';
import { cameThroughMutualTls } from './client-certificate.ts';
import { WebFault } from './problem.ts';

/** Answered for any Host: load balancers and orchestrators ask by address. They give no details away. */
const HEALTH_PATHS: ReadonlySet<string> = new Set(['/health/live', '/health/ready']);

/** Headers by which a proxy, or a stranger, would say where the request was meant for. Nobody here reads them. */
const FORWARDED_PLACE = [
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-forwarded-server',
  'x-forwarded-prefix',
  'x-original-url',
  'x-original-host',
  'x-rewrite-url',
  'forwarded',
] as const;

export interface PublicUrl {
  /** As in the settings: no trailing slash. */
  readonly issuer: string;
  /** `scheme://host[:port]`. */
  readonly origin: string;
  /** The issuer's path without trailing slash; '' when it has none. Prefix of every link that pages write. */
  readonly base: string;
  readonly secure: boolean;
  /** The issuer's host is this machine: localhost, 127.0.0.0/8 or [::1]. */
  readonly loopback: boolean;
  /** First door: refuses requests meant for another place. Throws WebFault 421 and 400. */
  readonly door: Koa.Middleware;
  /** Whether the request came to the origin of mutual TLS, which is not the issuer's. */
  isAtAlias(req: IncomingMessage): boolean;
  /** Pins protocol, host, hostname, origin, secure and href of `app.request` to the issuer. */
  pin(app: Pick<Koa, 'request'>): void;
}

/** Where clients with certificates come (RFC 8705 section 5). */
export interface MutualTlsPlace {
  /** `https://host[:port]`; absent: the issuer's own. */
  readonly origin?: string | undefined;
  /** All that is served there, as paths below the issuer's. */
  readonly paths: ReadonlySet<string>;
  /** Whether it is a listener of our own: then nothing else reaches that place, and it leads to no other. */
  readonly isListener: boolean;
}

/** @param issuer a checked absolute http(s) URL. */
export function createPublicUrl(options: {
  issuer: string;
  mutualTls?: MutualTlsPlace | undefined;
}): PublicUrl {
  const { issuer, mutualTls } = options;
  const url = new URL(issuer);
  const secure = url.protocol === 'https:';
  const base = url.pathname.replace(/\/+$/, '');
  const hosts = acceptedHosts(url);
  const aliasHosts = mutualTls?.origin ? acceptedHosts(new URL(mutualTls.origin)) : undefined;
  const atAlias = new WeakSet<IncomingMessage>();

  /** @returns 'issuer', or 'alias' for the place of mutual TLS; undefined when it is neither */
  const placeOf = (req: IncomingMessage): 'issuer' | 'alias' | undefined => {
    const host = (req.headers.host ?? '').toLowerCase();
    if (cameThroughMutualTls(req)) return (aliasHosts ?? hosts).has(host) ? 'alias' : undefined;
    if (hosts.has(host)) return 'issuer';
    return !mutualTls?.isListener && aliasHosts?.has(host) ? 'alias' : undefined;
  };

  const door: Koa.Middleware = (ctx, next) => {
    const target = ctx.req.url ?? '/';
    if (HEALTH_PATHS.has(pathOf(target))) return next();
    // RFC 9112 section 3.2: exactly one Host header; section 3.2.2: an absolute-form target overrides it.
    if (hostLines(ctx.req.rawHeaders) !== 1) throw misdirected('The request has no Host header, or several.');
    const place = placeOf(ctx.req);
    if (!place) throw misdirected('The Host header names another server.');
    if (!target.startsWith('/')) ctx.url = originForm(target, url, hosts);
    const { headers } = ctx.req;
    for (const name of FORWARDED_PLACE) if (name in headers) delete headers[name];
    if (base) ctx.path = belowBase(ctx.path, base);
    if (place === 'alias') {
      if (!mutualTls?.paths.has(ctx.path)) throw misdirected('This is served at the issuer only.');
      if (aliasHosts) atAlias.add(ctx.req);
    }
    return next();
  };

  return {
    issuer: issuer.replace(/\/+$/, ''),
    origin: url.origin,
    base,
    secure,
    loopback: isLoopbackHost(url.hostname),
    door,
    isAtAlias: (req) => atAlias.has(req),
    pin(app) {
      const view = {
        protocol: url.protocol.slice(0, -1),
        host: url.host,
        hostname: url.hostname,
        origin: url.origin,
        secure,
      };
      for (const [name, value] of Object.entries(view)) {
        Object.defineProperty(app.request, name, { configurable: true, get: () => value });
      }
      Object.defineProperty(app.request, 'href', {
        configurable: true,
        get(this: Koa.Request) {
          return url.origin + this.originalUrl;
        },
      });
    },
  };
}

/** Whether a host name (as `URL.hostname` gives it) is this machine. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function acceptedHosts(url: URL): ReadonlySet<string> {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return new Set(url.port ? [url.host] : [url.hostname, `${url.hostname}:${port}`]);
}

/** Turns `http://host/path` into `/path`, when the host and scheme are ours. `*`, `host:port` and others: 400. */
function originForm(target: string, url: URL, hosts: ReadonlySet<string>): string {
  if (!URL.canParse(target)) throw new WebFault({ status: 400, detail: 'The request target is not a path.' });
  const asked = new URL(target);
  const authority = /^[a-z]+:\/\/([^/?#]*)/i.exec(target)?.[1]?.toLowerCase() ?? '';
  if (asked.protocol !== url.protocol || !hosts.has(authority)) {
    throw misdirected('The request target names another server.');
  }
  return asked.pathname + asked.search;
}

/**
 * The path without the issuer's, wherever it stands: a proxy may have taken it away already, and RFC 8414 section 3.1
 * puts it behind the well-known address.
 */
function belowBase(path: string, base: string): string {
  if (path === base || path.startsWith(`${base}/`)) return path.slice(base.length) || '/';
  const isInserted = path.startsWith('/.well-known/') && path.endsWith(base);
  return isInserted ? path.slice(0, -base.length) : path;
}

function pathOf(target: string): string {
  const end = target.indexOf('?');
  return end === -1 ? target : target.slice(0, end);
}

function hostLines(rawHeaders: readonly string[]): number {
  let lines = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 4 && name.toLowerCase() === 'host') lines += 1;
  }
  return lines;
}

/** RFC 9110 section 15.5.20. */
function misdirected(detail: string): WebFault {
  return new WebFault({ status: 421, detail });
}
