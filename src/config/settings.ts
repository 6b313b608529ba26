import { availableParallelism } from 'node:os';
import { type AbuseSettings, readAbuse } from './abuse.ts';
import type { Definition } from './definition.ts';
import { defaultHashConcurrency, definitions } from './definitions.ts';
import { isLoopbackHost } from './issuer.ts';
import { buildLifetimes, judgeLifetimes, type LifetimeRow, type Lifetimes } from './lifetimes.ts';
import { buildLimits, type Limits, limitKind } from './limits.ts';
import { type MutualTlsSettings, readMutualTls } from './mutual-tls.ts';
import { type PasskeySettings, readPasskeys } from './passkeys.ts';
import {
  type ClientDocumentSettings,
  type RegistrationSettings,
  readClientDocuments,
  readRegistration,
} from './registration.ts';
import type { SecondFactorPolicy } from './second-factor.ts';
import type { Secret } from './secret.ts';
import { type Environment, unknownNames } from './setting-names.ts';
import { readSignUp, type SignUpSettings } from './sign-up.ts';

/** Everything an operator decides, checked and frozen. */
export interface Settings {
  readonly setup: 'embedded' | 'plain' | 'full';
  /** As written, without a slash at the end. */
  readonly issuer: string;
  readonly port: number;
  readonly host: string;
  readonly databaseUrl?: Secret;
  readonly redisUrl?: Secret;
  /** Absent in the embedded set-up unless set: then `openMasterKey` makes or reads it. */
  readonly masterKeys?: readonly Secret[];
  readonly dataDir: string;
  /** Networks in CIDR form. */
  readonly trustedProxies: readonly string[];
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  readonly mutualTls?: MutualTlsSettings;
  /** Absent: no place is shown. */
  readonly geoipFile?: string;
  /** Hosts and networks that outbound requests may reach although they are not public. */
  readonly outbound: { readonly allow: readonly string[]; readonly caFile?: string };
  readonly mail: MailSettings;
  readonly brandingFile?: string;
  readonly registration: RegistrationSettings;
  readonly signUp: SignUpSettings;
  /** Absent: no client is named by the address of its metadata document. */
  readonly clientDocuments?: ClientDocumentSettings;
  /** Absent: the issuer's host is an address, for which browsers make no passkeys. */
  readonly passkeys?: PasskeySettings;
  readonly workers: number;
  readonly redisLossAccepted: boolean;
  readonly redisWaitReplicas: number;
  readonly argon2: Argon2Settings;
  /** Characters. */
  readonly passwordMinLength: number;
  /** Of the whole installation: clients, roles and accounts may be stricter. */
  readonly secondFactor: SecondFactorPolicy;
  /** Of no effect where there is no mail. */
  readonly signInCode: 'on' | 'off';
  /** Ends in a slash. Absent: no password is compared with leaked ones elsewhere. */
  readonly passwordRangeUrl?: string;
  readonly abuse: AbuseSettings;
  readonly limits: Limits;
  readonly lifetimes: Lifetimes;
  /** `chosen`: an operator named the port, so a start without it must fail; the default one may be taken. */
  readonly metrics?: { readonly host: string; readonly port: number; readonly chosen: boolean };
  readonly logLevel: string;
  readonly leaseMs: number;
}

/** `box`: mail is shown on a page of a loopback issuer. `off`: none is written. */
export type MailSettings =
  | { readonly kind: 'smtp'; readonly url: Secret; readonly from: string }
  | { readonly kind: 'box' | 'off' };

export interface Argon2Settings {
  readonly memoryKib: number;
  readonly timeCost: number;
  readonly parallelism: number;
  readonly concurrency: number;
  readonly queueLength: number;
  readonly queueSeconds: number;
}

export type ReadSettings =
  | { readonly kind: 'settings'; readonly settings: Settings }
  | { readonly kind: 'faults'; readonly faults: readonly string[] };

/**
 * Reads and judges all settings at once.
 * @returns the frozen settings, or every fault, one sentence each that names its setting and never its value
 */
export function readSettings(environment: Environment): ReadSettings {
  const faults: string[] = [...unknownNames(environment)];
  const read = <T>(one: Pick<Definition<T>, 'name' | 'kind'>): T | undefined => {
    const text = environment[one.name]?.trim();
    // An empty value is how container tools write "not set".
    if (!text) return undefined;
    const outcome = one.kind.read(text);
    if (outcome.kind === 'value') return outcome.value;
    faults.push(`${one.name}: ${outcome.fault}${injectedHint(text)}`);
    return undefined;
  };
  const settings = build(environment, read, faults);
  return faults.length > 0 || settings === undefined
    ? { kind: 'faults', faults }
    : { kind: 'settings', settings: freeze(settings) };
}

type ReadOne = <T>(one: Pick<Definition<T>, 'name' | 'kind'>) => T | undefined;

function build(environment: Environment, read: ReadOne, faults: string[]): Settings | undefined {
  const isSet = (one: Definition<unknown>) => Boolean(environment[one.name]?.trim());
  const embedded = !isSet(definitions.databaseUrl);
  const setup = embedded ? 'embedded' : isSet(definitions.redisUrl) ? 'full' : 'plain';
  if (embedded && isSet(definitions.redisUrl))
    faults.push('REDIS_URL: needs DATABASE_URL too; Redis holds only what expires');
  if (!embedded && !isSet(definitions.issuer)) faults.push('CARDEA_ISSUER: is required with DATABASE_URL');
  if (!embedded && !isSet(definitions.masterKeys)) {
    faults.push('CARDEA_MASTER_KEY: is required with DATABASE_URL; make one with: openssl rand -base64 32');
  }

  const port = read(definitions.port) ?? 3000;
  const issuer = read(definitions.issuer) ?? `http://localhost:${port}`;
  const databaseUrl = read(definitions.databaseUrl);
  const redisUrl = read(definitions.redisUrl);
  const masterKeys = read(definitions.masterKeys);
  const tls = readTls(read, isSet, issuer, faults);
  const redisLossAccepted = read(definitions.redisLossAccepted) ?? false;
  if (redisLossAccepted && !isSet(definitions.redisUrl))
    faults.push('CARDEA_REDIS_LOSS_ACCEPTED: has no meaning without REDIS_URL');
  const redisWaitReplicas = read(definitions.redisWaitReplicas) ?? 0;
  if (redisWaitReplicas > 0 && !isSet(definitions.redisUrl))
    faults.push('CARDEA_REDIS_WAIT_REPLICAS: has no meaning without REDIS_URL');
  const metrics = readMetrics(read, isSet);
  if (metrics?.port === port) faults.push('CARDEA_METRICS_PORT: must differ from PORT');
  const clientDocuments = readClientDocuments(read, isSet, faults);
  const trustedProxies = read(definitions.trustedProxies) ?? [];
  const mutualTls = readMutualTls(read, faults, {
    issuer,
    ports: [port, metrics?.port],
    tls,
    trustedProxies,
  });
  const brandingFile = read(definitions.brandingFile);
  const mail = readMail(read, isSet, issuer, faults);
  const passwordRangeUrl = read(definitions.passwordRangeUrl);
  const passkeys = readPasskeys(read, faults, issuer);
  const geoipFile = read(definitions.geoipFile);
  const lifetimes = buildLifetimes((row: LifetimeRow) => read(row) ?? row.seconds);
  faults.push(...judgeLifetimes(lifetimes));

  return {
    setup,
    issuer,
    port,
    host: read(definitions.host) ?? (embedded ? '127.0.0.1' : '0.0.0.0'),
    ...(databaseUrl && { databaseUrl }),
    ...(redisUrl && { redisUrl }),
    ...(masterKeys && { masterKeys }),
    dataDir: read(definitions.dataDir) ?? './data',
    trustedProxies,
    ...(tls && { tls }),
    ...(mutualTls && { mutualTls }),
    ...(geoipFile && { geoipFile }),
    outbound: readOutbound(read, faults),
    mail,
    ...(brandingFile !== undefined && { brandingFile }),
    registration: readRegistration(read),
    signUp: readSignUp(read, faults, mail),
    ...(clientDocuments && { clientDocuments }),
    ...(passkeys && { passkeys }),
    workers: readWorkers(read, embedded, faults),
    redisLossAccepted,
    redisWaitReplicas,
    argon2: {
      memoryKib: read(definitions.argonMemory) ?? 19_456,
      timeCost: read(definitions.argonTime) ?? 2,
      parallelism: read(definitions.argonParallelism) ?? 1,
      concurrency: read(definitions.argonConcurrency) ?? defaultHashConcurrency,
      queueLength: read(definitions.argonQueueLength) ?? 100,
      queueSeconds: read(definitions.argonQueueSeconds) ?? 5,
    },
    passwordMinLength: read(definitions.passwordMinLength) ?? 12,
    secondFactor: read(definitions.secondFactor) ?? 'optional',
    signInCode: read(definitions.signInCode) ?? 'on',
    ...(passwordRangeUrl && { passwordRangeUrl }),
    abuse: readAbuse(read),
    limits: buildLimits((row) => read({ name: row.name, kind: limitKind }) ?? row.limit),
    lifetimes,
    ...(metrics && { metrics }),
    logLevel: read(definitions.logLevel) ?? 'info',
    leaseMs: read(definitions.lease) ?? 1000,
  };
}

type IsSet = (one: Definition<unknown>) => boolean;

function readTls(read: ReadOne, isSet: IsSet, issuer: string, faults: string[]): Settings['tls'] | undefined {
  const certFile = read(definitions.tlsCertFile);
  const keyFile = read(definitions.tlsKeyFile);
  if (isSet(definitions.tlsCertFile) !== isSet(definitions.tlsKeyFile)) {
    faults.push('CARDEA_TLS_CERT_FILE and CARDEA_TLS_KEY_FILE: set both or neither');
  }
  if (!certFile || !keyFile) return undefined;
  if (issuer.startsWith('http:'))
    faults.push('CARDEA_ISSUER: must begin with https:// when CARDEA_TLS_CERT_FILE is set');
  return { certFile, keyFile };
}

function readMail(read: ReadOne, isSet: IsSet, issuer: string, faults: string[]): MailSettings {
  const url = read(definitions.smtpUrl);
  const from = read(definitions.mailFrom);
  if (isSet(definitions.smtpUrl) !== isSet(definitions.mailFrom)) {
    faults.push('CARDEA_SMTP_URL and CARDEA_MAIL_FROM: set both or neither');
  }
  if (url && from) return { kind: 'smtp', url, from };
  return { kind: isLoopbackIssuer(issuer) ? 'box' : 'off' };
}

function readWorkers(read: ReadOne, embedded: boolean, faults: string[]): number {
  const asked = read(definitions.workers) ?? 1;
  const workers = asked === 'auto' ? availableParallelism() : asked;
  if (embedded && asked !== 1)
    faults.push(
      'CARDEA_WORKERS: the embedded database serves one process; set DATABASE_URL or leave it at 1',
    );
  return workers;
}

function readOutbound(read: ReadOne, faults: string[]): Settings['outbound'] {
  const allow = read(definitions.outboundAllow) ?? [];
  const caFile = read(definitions.outboundCaFile);
  if (caFile && allow.length === 0)
    faults.push('CARDEA_OUTBOUND_CA_FILE: has no meaning without CARDEA_OUTBOUND_ALLOW');
  return { allow, ...(caFile && { caFile }) };
}

function readMetrics(read: ReadOne, isSet: IsSet): Settings['metrics'] | undefined {
  const port = read(definitions.metricsPort) ?? 9464;
  const host = read(definitions.metricsHost) ?? '127.0.0.1';
  return port === 'off' ? undefined : { host, port, chosen: isSet(definitions.metricsPort) };
}

// Kubernetes injects NAME_PORT=tcp://… for every service, so one called "cardea-metrics" writes over our setting.
function injectedHint(text: string): string {
  return /^(tcp|udp|sctp):\/\//.test(text)
    ? ' (it looks like a variable that Kubernetes injects for a service: set enableServiceLinks to false)'
    : '';
}

/** Is this issuer on the machine itself? Plain http and unprefixed cookies are allowed there only. */
export function isLoopbackIssuer(issuer: string): boolean {
  return isLoopbackHost(new URL(issuer).hostname);
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) freeze(member);
  }
  return value;
}
