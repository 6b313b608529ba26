/** Certificates made in the test (RFC 5280), with nothing installed: P-256, SHA-256. */
import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bits, integer, octets, oid, sequence, set, tagged, time, truth, utf8 } from './der.ts';

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
  readonly x509: X509Certificate;
}

export interface CertificateOptions {
  /** From the most general to the most special, as `[['O', 'Example'], ['CN', 'app']]`. */
  readonly subject: readonly (readonly [keyof typeof attributes, string])[];
  /** `DNS:app.example`, `IP:127.0.0.1`, `URI:spiffe://…`, `email:a@example`. */
  readonly names?: readonly string[];
  readonly ca?: boolean;
  /** Signs it; itself unless given. */
  readonly by?: Certificate;
  /** Purposes of use by their numbers: `1.3.6.1.5.5.7.3.2` is client authentication. */
  readonly purposes?: readonly string[];
  /** ms; a day ago to a year ahead unless given. */
  readonly validFrom?: number;
  readonly validTo?: number;
}

const attributes = { CN: '2.5.4.3', C: '2.5.4.6', O: '2.5.4.10', OU: '2.5.4.11' } as const;
const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));
const day = 86_400_000;

export function makeCertificate(options: CertificateOptions): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = distinguishedName(options.subject);
  const signer: KeyObject = options.by ? createPrivateKey(options.by.key) : privateKey;
  const body = sequence(
    tagged(0, integer(Buffer.from([2])), true),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    options.by ? subjectOf(options.by) : subject,
    sequence(time(options.validFrom ?? Date.now() - day), time(options.validTo ?? Date.now() + 365 * day)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(3, sequence(...extensions(options)), true),
  );
  const signature = sign('sha256', body, signer);
  const raw = sequence(body, ecdsaWithSha256, bits(signature));
  const cert = pem(raw);
  const made: Certificate = {
    cert,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    x509: new X509Certificate(raw),
  };
  subjects.set(made, subject);
  return made;
}

const subjects = new WeakMap<Certificate, Buffer>();

function subjectOf(certificate: Certificate): Buffer {
  const subject = subjects.get(certificate);
  if (!subject) throw new Error('only a certificate made here signs another');
  return subject;
}

function distinguishedName(parts: CertificateOptions['subject']): Buffer {
  return sequence(...parts.map(([name, value]) => set(sequence(oid(attributes[name]), utf8(value)))));
}

function extensions({ ca, names = [], purposes = [] }: CertificateOptions): Buffer[] {
  const all = [sequence(oid('2.5.29.19'), truth(), octets(sequence(...(ca ? [truth()] : []))))];
  if (names.length > 0) all.push(sequence(oid('2.5.29.17'), octets(sequence(...names.map(generalName)))));
  if (purposes.length > 0) all.push(sequence(oid('2.5.29.37'), octets(sequence(...purposes.map(oid)))));
  return all;
}

function generalName(name: string): Buffer {
  const [kind, ...rest] = name.split(':');
  const value = rest.join(':');
  if (kind === 'email') return tagged(1, Buffer.from(value));
  if (kind === 'DNS') return tagged(2, Buffer.from(value));
  if (kind === 'URI') return tagged(6, Buffer.from(value));
  if (kind === 'IP' && isIP(value) === 4) return tagged(7, Buffer.from(value.split('.').map(Number)));
  if (kind === 'IP' && value === '::1') return tagged(7, Buffer.concat([Buffer.alloc(15), Buffer.from([1])]));
  throw new Error(`no such name: ${name}`);
}

function pem(raw: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${raw.toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}

/** A certificate authority of the test, with a server's certificate for this machine and its own in a file. */
export function makeAuthority() {
  const ca = makeCertificate({ subject: [['CN', 'test authority']], ca: true });
  const dir = mkdtempSync(join(tmpdir(), 'cardea-ca-'));
  const caFile = join(dir, 'ca.pem');
  writeFileSync(caFile, ca.cert);
  return {
    ca,
    caFile,
    dir,
    server: (names: readonly string[] = ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1']) =>
      makeCertificate({ subject: [['CN', 'localhost']], names, by: ca }),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
