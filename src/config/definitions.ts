import { availableParallelism } from 'node:os';
import { abuseDefinitions } from './abuse.ts';
import { define } from './definition.ts';
import { issuerKind } from './issuer.ts';
import { duration, networks, oneOf, orWord, plainText, secretUrl, wholeNumber, yesOrNo } from './kinds.ts';
import { mailFromKind } from './mail-from.ts';
import { masterKeysKind } from './master-key.ts';
import { mutualTlsDefinitions } from './mutual-tls.ts';
import { allowEntries } from './outbound-allow.ts';
import { passkeyDefinitions } from './passkeys.ts';
import { registrationDefinitions } from './registration.ts';
import { secondFactorPolicies } from './second-factor.ts';
import { signUpDefinitions } from './sign-up.ts';

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/**
 * Passwords hash in libuv's pool of four threads, which also signs tokens. Bound to one less than the cores:
 * with 50 hashes waiting, tokens took 3 ms; unbounded, they took 456 ms.
 */
export const defaultHashConcurrency = Math.max(1, Math.min(availableParallelism(), 4) - 1);

/** Every setting except the lifetimes and limits, which have tables of their own, in the order of the page. */
export const definitions = {
  issuer: define(
    'CARDEA_ISSUER',
    issuerKind,
    'embedded: `http://localhost:$PORT`; else required',
    'the one public URL; every address and token is made from it, never from request headers',
  ),
  port: define('PORT', wholeNumber(1, 65_535), '`3000`', 'the port it listens on'),
  host: define(
    'CARDEA_HOST',
    plainText('an address or host name'),
    '`127.0.0.1` embedded, else `0.0.0.0`',
    'the address it listens on',
  ),
  databaseUrl: define(
    'DATABASE_URL',
    secretUrl(['postgres', 'postgresql'], 'a `postgres://` URL'),
    'none: embedded database',
    'Postgres 15 or newer',
  ),
  redisUrl: define(
    'REDIS_URL',
    secretUrl(
      ['redis', 'rediss', 'redis+sentinel', 'rediss+sentinel', 'redis+cluster', 'rediss+cluster'],
      'a `redis://` or `rediss://` URL; with `+sentinel` or `+cluster` after the scheme for those forms',
    ),
    'none: state in SQL',
    'Redis for what expires: sessions, tokens, counters; needs `DATABASE_URL`',
  ),
  masterKeys: define(
    'CARDEA_MASTER_KEY',
    masterKeysKind,
    'embedded: made at the first start; else required',
    'seals signing keys and other secrets at rest; in a list the first seals and the others still open',
  ),
  dataDir: define(
    'CARDEA_DATA_DIR',
    plainText('a path'),
    '`./data`',
    'directory of the embedded database (`db/`) and its `master.key`',
  ),
  trustedProxies: define(
    'CARDEA_TRUSTED_PROXIES',
    networks,
    'none',
    'proxies whose forwarded headers count, read from the right',
  ),
  tlsCertFile: define(
    'CARDEA_TLS_CERT_FILE',
    plainText('a path'),
    'none',
    'certificate chain (PEM), to serve HTTPS directly; together with the key file',
  ),
  tlsKeyFile: define(
    'CARDEA_TLS_KEY_FILE',
    plainText('a path'),
    'none',
    'private key (PEM) of that certificate',
  ),
  ...mutualTlsDefinitions,
  outboundAllow: define(
    'CARDEA_OUTBOUND_ALLOW',
    allowEntries,
    'none: public addresses only',
    'what outbound requests (key sets, metadata documents, logout, federated issuers) may reach although its address is not public',
  ),
  outboundCaFile: define(
    'CARDEA_OUTBOUND_CA_FILE',
    plainText('a path'),
    'none',
    "certificates (PEM) that are trusted besides the platform's, for what `CARDEA_OUTBOUND_ALLOW` lists only",
  ),
  brandingFile: define(
    'CARDEA_BRANDING_FILE',
    plainText('a path'),
    'none: called Cardea, in its own colours',
    'name, logo, accent colour, links and style sheet of this installation (docs/branding.md)',
  ),
  smtpUrl: define(
    'CARDEA_SMTP_URL',
    secretUrl(['smtp', 'smtps'], 'an `smtp://` or `smtps://` URL'),
    'none: a loopback issuer shows mail at `/mailbox`; elsewhere no mail is written',
    'the mail server, with user name and password when it wants them; needs `CARDEA_MAIL_FROM`',
  ),
  mailFrom: define(
    'CARDEA_MAIL_FROM',
    mailFromKind,
    'none',
    'the sender of every mail: an address, or `Name <address>`',
  ),
  ...registrationDefinitions,
  ...signUpDefinitions,
  geoipFile: define(
    'CARDEA_GEOIP_FILE',
    plainText('a path'),
    'none: no place is shown',
    'a database of cities or countries in the MaxMind format (`.mmdb`): people see the place of their sessions, which is looked up here and nowhere else',
  ),
  workers: define(
    'CARDEA_WORKERS',
    orWord('auto', wholeNumber(1, 256)),
    '`1`',
    'processes; `auto` is one per core; not with the embedded database',
  ),
  redisLossAccepted: define(
    'CARDEA_REDIS_LOSS_ACCEPTED',
    yesOrNo,
    '`false`',
    'start although Redis is not append-only: a crash of Redis then signs everybody out',
  ),
  redisWaitReplicas: define(
    'CARDEA_REDIS_WAIT_REPLICAS',
    wholeNumber(0, 8),
    '`0`',
    'replicas of Redis that must have it before the use of a code, refresh token or proof counts; with fewer in reach the request is told 503',
  ),
  argonMemory: define(
    'CARDEA_ARGON2_MEMORY_KIB',
    wholeNumber(19_456, 4_194_304),
    '`19456`',
    'memory of one password hash in KiB; the default is the OWASP minimum and the floor',
  ),
  argonTime: define('CARDEA_ARGON2_TIME_COST', wholeNumber(2, 64), '`2`', 'passes over that memory'),
  argonParallelism: define('CARDEA_ARGON2_PARALLELISM', wholeNumber(1, 64), '`1`', 'lanes of one hash'),
  argonConcurrency: define(
    'CARDEA_ARGON2_CONCURRENCY',
    wholeNumber(1, 64),
    'one less than the cores, 1 to 3',
    'hashes computed at once in one process; the threads are the ones that sign tokens',
  ),
  argonQueueLength: define(
    'CARDEA_ARGON2_QUEUE_LENGTH',
    wholeNumber(1, 10_000),
    '`100`',
    'sign-ins that may wait for a hash; more are answered 503 with `Retry-After`',
  ),
  argonQueueSeconds: define(
    'CARDEA_ARGON2_QUEUE_SECONDS',
    duration(1, 60),
    '`5s`',
    'how long one may wait before it is answered so',
  ),
  passwordMinLength: define(
    'CARDEA_PASSWORD_MIN_LENGTH',
    wholeNumber(8, 64),
    '`12`',
    'shortest password, in characters',
  ),
  secondFactor: define(
    'CARDEA_SECOND_FACTOR',
    oneOf(secondFactorPolicies),
    '`optional`',
    'what a sign-in needs besides its first factor: `optional` asks those who have switched it on; a client, a role or an account may demand more, never less',
  ),
  signInCode: define(
    'CARDEA_SIGN_IN_CODE',
    oneOf(['on', 'off'] as const),
    '`on`',
    'people may sign in by a code that is mailed to them, where there is mail; it is one factor, like a password',
  ),
  ...abuseDefinitions,
  ...passkeyDefinitions,
  metricsPort: define(
    'CARDEA_METRICS_PORT',
    orWord('off', wholeNumber(1, 65_535)),
    '`9464`',
    'Prometheus metrics at `/metrics`, on a port of their own',
  ),
  metricsHost: define(
    'CARDEA_METRICS_HOST',
    plainText('an address or host name'),
    '`127.0.0.1`',
    'the address the metrics listen on; they have no sign-in',
  ),
  logLevel: define(
    'CARDEA_LOG_LEVEL',
    oneOf(logLevels),
    '`info`',
    'what is logged: JSON lines; pretty on a terminal',
  ),
  lease: define(
    'CARDEA_LEASE_MS',
    wholeNumber(100, 5000),
    '`1000`',
    'milliseconds for which a process may go on with clients and accounts as it knows them: how late a disable may act',
  ),
} as const;
