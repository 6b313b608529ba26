import { type Kind, plainText, wholeNumber } from './kinds.ts';

/** Where client certificates come from (RFC 8705): our own listener, or a header of a trusted proxy. */
export interface MutualTlsSettings {
  /** `https://host[:port]` under which clients with certificates reach us; absent: the issuer's own address. */
  readonly origin?: string;
  readonly listener?: { readonly port: number; readonly certFile: string; readonly keyFile: string };
  /** In lower case. Read from `CARDEA_TRUSTED_PROXIES` only. */
  readonly header?: string;
  /** Who issues the certificates of tls_client_auth; absent: that method is not offered. */
  readonly caFile?: string;
}

/** RFC 6454 section 6.2; https, since there is no certificate without TLS. */
const httpsOrigin: Kind<string> = {
  form: 'an https origin such as `https://mtls.id.example.com`',
  read(text) {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return url?.protocol === 'https:' && (url.origin === text || `${url.origin}/` === text)
      ? { kind: 'value', value: url.origin }
      : {
          kind: 'fault',
          fault: 'must be an https origin such as https://mtls.id.example.com, without a path',
        };
  },
};

/** Names that mean something else, to us or to HTTP. */
const taken =
  /^(?:host|cookie|authorization|dpop|content-.*|x-forwarded-.*|forwarded|connection|origin|te|upgrade)$/;

const headerName: Kind<string> = {
  form: 'a header name such as `Client-Cert` or `X-Client-Certificate`',
  read: (text) =>
    /^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(text) && !taken.test(text.toLowerCase())
      ? { kind: 'value', value: text.toLowerCase() }
      : { kind: 'fault', fault: 'must be a header name such as Client-Cert, of its own' },
};

/** The settings, as settings-page.ts shows them. */
export const mutualTlsDefinitions = {
  mtlsPort: {
    name: 'CARDEA_MTLS_PORT',
    kind: wholeNumber(1, 65_535),
    byDefault: 'none: no mutual TLS',
    meaning: 'the port of a TLS listener of its own that asks clients for a certificate',
  },
  mtlsCertFile: {
    name: 'CARDEA_MTLS_CERT_FILE',
    kind: plainText('a path'),
    byDefault: '`CARDEA_TLS_CERT_FILE`',
    meaning: 'certificate chain (PEM) of that listener; together with its key file',
  },
  mtlsKeyFile: {
    name: 'CARDEA_MTLS_KEY_FILE',
    kind: plainText('a path'),
    byDefault: '`CARDEA_TLS_KEY_FILE`',
    meaning: 'private key (PEM) of that certificate',
  },
  mtlsHeader: {
    name: 'CARDEA_MTLS_HEADER',
    kind: headerName,
    byDefault: 'none: no mutual TLS',
    meaning:
      'instead of the port: the header in which a proxy of `CARDEA_TRUSTED_PROXIES` hands over the certificate that ' +
      'it has seen, as URL-encoded PEM or as in RFC 9440',
  },
  mtlsUrl: {
    name: 'CARDEA_MTLS_URL',
    kind: httpsOrigin,
    byDefault: 'with the port: the issuer’s host at that port',
    meaning: 'the origin that discovery announces in `mtls_endpoint_aliases`',
  },
  mtlsCaFile: {
    name: 'CARDEA_MTLS_CA_FILE',
    kind: plainText('a path'),
    byDefault: 'none: `tls_client_auth` is not offered',
    meaning: 'the certificates (PEM) that directly issue those of clients with `tls_client_auth`',
  },
} as const;

type ReadOne = <T>(one: { readonly name: string; readonly kind: Kind<T> }) => T | undefined;

export function readMutualTls(
  read: ReadOne,
  faults: string[],
  others: {
    readonly issuer: string;
    readonly ports: readonly (number | undefined)[];
    readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
    readonly trustedProxies: readonly string[];
  },
): MutualTlsSettings | undefined {
  const d = mutualTlsDefinitions;
  const port = read(d.mtlsPort);
  const header = read(d.mtlsHeader);
  const [certFile, keyFile] = [read(d.mtlsCertFile), read(d.mtlsKeyFile)];
  const [url, caFile] = [read(d.mtlsUrl), read(d.mtlsCaFile)];
  if (port === undefined && header === undefined) {
    const idle = { CERT_FILE: certFile, KEY_FILE: keyFile, URL: url, CA_FILE: caFile };
    for (const [name, value] of Object.entries(idle)) {
      if (value)
        faults.push(`CARDEA_MTLS_${name}: has no meaning without CARDEA_MTLS_PORT or CARDEA_MTLS_HEADER`);
    }
    return undefined;
  }
  if (port !== undefined && header !== undefined) {
    faults.push('CARDEA_MTLS_PORT and CARDEA_MTLS_HEADER: set one of them');
  }
  if (header !== undefined && others.trustedProxies.length === 0) {
    faults.push(
      'CARDEA_MTLS_HEADER: needs CARDEA_TRUSTED_PROXIES; from anybody else the header means nothing',
    );
  }
  if (port !== undefined && others.ports.includes(port)) {
    faults.push('CARDEA_MTLS_PORT: must differ from PORT and CARDEA_METRICS_PORT');
  }
  const files = certFile || keyFile ? { certFile, keyFile } : (others.tls ?? {});
  if (port !== undefined && !(files.certFile && files.keyFile)) {
    faults.push(
      'CARDEA_MTLS_PORT: needs CARDEA_MTLS_CERT_FILE and CARDEA_MTLS_KEY_FILE, or those of CARDEA_TLS',
    );
  }
  const byPort = port === undefined ? undefined : `https://${new URL(others.issuer).hostname}:${port}`;
  const origin = url ?? (byPort && new URL(byPort).origin);
  const { certFile: cert = '', keyFile: key = '' } = files;
  return {
    ...(origin !== undefined && origin !== new URL(others.issuer).origin && { origin }),
    ...(port !== undefined && { listener: { port, certFile: cert, keyFile: key } }),
    ...(header !== undefined && { header }),
    ...(caFile && { caFile }),
  };
}
