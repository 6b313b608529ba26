/**
 * The certificate of a client (RFC 8705), as our own TLS listener saw it or as a trusted proxy hands it over. From
 * anybody else the header means nothing, and nobody further in ever sees it.
 */
import { X509Certificate } from 'node:crypto';
import type { IncomingMessage, RequestListener } from 'node:http';
import { TLSSocket } from 'node:tls';
import type Koa from 'koa';

export interface ClientCertificate {
  readonly certificate: X509Certificate;
  /** Issued by one of the configured authorities, in its time, for clients: tls_client_auth asks for this. */
  readonly isTrusted: boolean;
}

export interface ClientCertificates {
  /** Takes the header off every request, after a trusted proxy's has been read. */
  readonly door: Koa.Middleware;
  of(req: IncomingMessage): ClientCertificate | undefined;
}

const fromListener = new WeakSet<IncomingMessage>();

/** Marks the requests of the listener that asks for certificates. */
export function throughMutualTls(handler: RequestListener): RequestListener {
  return (req, res) => {
    fromListener.add(req);
    handler(req, res);
  };
}

export function cameThroughMutualTls(req: IncomingMessage): boolean {
  return fromListener.has(req);
}

export interface ClientCertificateOptions {
  /** In lower case; absent: no header counts. */
  readonly header?: string | undefined;
  /** Whether the peer of the connection itself is a configured proxy. */
  readonly isTrustedProxy: (address: string) => boolean;
  /** PEM, one or several. */
  readonly authorities?: string | undefined;
  readonly clock: { now(): number };
}

/** @throws Error when the authorities are not PEM certificates of authorities */
export function createClientCertificates(options: ClientCertificateOptions): ClientCertificates {
  const { header, isTrustedProxy, clock } = options;
  const authorities = readAuthorities(options.authorities);
  const seen = new WeakMap<IncomingMessage, ClientCertificate>();

  const note = (req: IncomingMessage, certificate: X509Certificate | undefined) => {
    if (certificate) {
      seen.set(req, { certificate, isTrusted: isIssuedBy(certificate, authorities, clock.now()) });
    }
  };

  return {
    door(ctx, next) {
      const { req } = ctx;
      if (fromListener.has(req) && req.socket instanceof TLSSocket) {
        note(req, req.socket.getPeerX509Certificate());
      }
      if (header && header in req.headers) {
        const value = req.headers[header];
        delete req.headers[header];
        const isOne =
          req.rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === header).length === 1;
        if (isOne && typeof value === 'string' && isTrustedProxy(req.socket.remoteAddress ?? '')) {
          note(req, readHeader(value));
        }
      }
      return next();
    },
    of: (req) => seen.get(req),
  };
}

/** URL-encoded PEM (nginx: `$ssl_client_escaped_cert`), or a byte sequence (RFC 9440 section 2.1). */
export function readHeader(value: string): X509Certificate | undefined {
  try {
    const bytes = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(value)?.[1];
    if (bytes) return new X509Certificate(Buffer.from(bytes, 'base64'));
    const pem = decodeURIComponent(value);
    const isOne = /^-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/.test(pem);
    return isOne ? new X509Certificate(pem) : undefined;
  } catch {
    // Whatever it is, it is no certificate: the request goes on without one.
    return undefined;
  }
}

/** RFC 5280 section 4.2.1.12. */
const CLIENT_AUTHENTICATION = '1.3.6.1.5.5.7.3.2';

/**
 * One step from a configured authority, so that no path is built here: whoever has intermediate authorities lists those
 * that issue to clients.
 */
function isIssuedBy(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
  now: number,
): boolean {
  const purposes: readonly string[] | undefined = certificate.keyUsage;
  if (certificate.ca || !isInTime(certificate, now)) return false;
  if (purposes && !purposes.includes(CLIENT_AUTHENTICATION)) return false;
  return authorities.some(
    (authority) =>
      isInTime(authority, now) &&
      certificate.checkIssued(authority) &&
      certificate.verify(authority.publicKey),
  );
}

function isInTime({ validFromDate, validToDate }: X509Certificate, now: number): boolean {
  return validFromDate.getTime() <= now && now <= validToDate.getTime();
}

function readAuthorities(pem: string | undefined): readonly X509Certificate[] {
  if (pem === undefined) return [];
  const all = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  const authorities = all.map((one) => new X509Certificate(one));
  if (authorities.length === 0 || !authorities.every(({ ca }) => ca)) {
    throw new Error('CARDEA_MTLS_CA_FILE: must hold PEM certificates of authorities, and no others');
  }
  return authorities;
}
