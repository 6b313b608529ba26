import { availableParallelism } from 'node:os';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { defaultLifetimes } from '../../src/config/lifetimes.ts';
import { defaultLimits } from '../../src/config/limits.ts';
import { isLoopbackIssuer, readSettings } from '../../src/config/settings.ts';

const key = 'Zk3v0s0Qp8Hn5m1x2Yw7Lr9Tt4Gd6Jb8Cc1Vf5Ee0Ua=';
const full = {
  DATABASE_URL: 'postgres://cardea:hunter2-db@db.internal:5432/cardea',
  REDIS_URL: 'rediss://:hunter2-redis@redis.internal:6380/0',
  CARDEA_ISSUER: 'https://id.example.com',
  CARDEA_MASTER_KEY: key,
};

function settingsOf(environment: Record<string, string>) {
  const read = readSettings(environment);
  if (read.kind === 'faults') throw new Error(read.faults.join('\n'));
  return read.settings;
}

function faultsOf(environment: Record<string, string>): readonly string[] {
  const read = readSettings(environment);
  return read.kind === 'faults' ? read.faults : [];
}

describe('settings that are good', () => {
  it('needs none at all: embedded on loopback', () => {
    const settings = settingsOf({ PATH: '/usr/bin', HOME: '/root' });
    expect(settings).toMatchObject({
      setup: 'embedded',
      issuer: 'http://localhost:3000',
      port: 3000,
      host: '127.0.0.1',
      dataDir: './data',
      workers: 1,
      metrics: { host: '127.0.0.1', port: 9464, chosen: false },
      argon2: { memoryKib: 19_456, timeCost: 2, parallelism: 1, queueLength: 100, queueSeconds: 5 },
      passwordMinLength: 12,
      logLevel: 'info',
      leaseMs: 1000,
    });
    expect(settings.masterKeys).toBeUndefined();
    expect(settings.lifetimes).toEqual(defaultLifetimes);
    expect(settings.limits).toEqual(defaultLimits);
  });

  it('takes the port into the issuer of the embedded set-up', () => {
    expect(settingsOf({ PORT: '8080' }).issuer).toBe('http://localhost:8080');
  });

  it.each([
    ['plain', { ...full, REDIS_URL: '' }],
    ['full', full],
  ])('finds the %s set-up', (setup, environment) => {
    expect(settingsOf(environment)).toMatchObject({ setup, host: '0.0.0.0' });
  });

  it('reads lists, durations, limits and words', () => {
    const settings = settingsOf({
      ...full,
      CARDEA_TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.7 2001:db8::/32',
      CARDEA_WORKERS: 'auto',
      CARDEA_METRICS_PORT: 'off',
      CARDEA_LIFETIME_SESSION_IDLE: '2h',
      CARDEA_LIFETIME_FAMILY_IDLE_SPA: '7200',
      CARDEA_LIMIT_SIGN_IN_PER_ACCOUNT: '3/1m',
      CARDEA_TLS_CERT_FILE: '/etc/tls/chain.pem',
      CARDEA_TLS_KEY_FILE: '/etc/tls/key.pem',
      CARDEA_OUTBOUND_ALLOW: 'idp.internal:8443, 10.1.0.0/16',
      CARDEA_OUTBOUND_CA_FILE: '/etc/tls/internal.pem',
    });
    expect(settings.trustedProxies).toEqual(['10.0.0.0/8', '192.0.2.7/32', '2001:db8::/32']);
    expect(settings.workers).toBe(availableParallelism());
    expect(settings.metrics).toBeUndefined();
    expect(settings.lifetimes.sessionIdle).toBe(7200);
    expect(settings.lifetimes.familyIdle.spa).toBe(7200);
    expect(settings.limits.signInPerAccount).toEqual({ limit: 3, windowSeconds: 60 });
    expect(settings.tls).toEqual({ certFile: '/etc/tls/chain.pem', keyFile: '/etc/tls/key.pem' });
    expect(settings.outbound).toEqual({
      allow: ['idp.internal:8443', '10.1.0.0/16'],
      caFile: '/etc/tls/internal.pem',
    });
  });

  it('leaves alone what Kubernetes injects for a service called cardea', () => {
    const injected = {
      CARDEA_SERVICE_HOST: '10.96.0.1',
      CARDEA_SERVICE_PORT: '80',
      CARDEA_SERVICE_PORT_HTTP: '80',
      CARDEA_PORT: 'tcp://10.96.0.1:80',
      CARDEA_PORT_80_TCP: 'tcp://10.96.0.1:80',
      CARDEA_PORT_80_TCP_ADDR: '10.96.0.1',
    };
    expect(faultsOf(injected)).toEqual([]);
  });

  it('is frozen to the last member', () => {
    const settings = settingsOf({});
    for (const part of [
      settings,
      settings.limits,
      settings.limits.tokenPerClient,
      settings.lifetimes.familyIdle,
    ]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });
});

describe('settings that stop the start', () => {
  it.each([
    ['redis without a database', { REDIS_URL: 'redis://localhost' }, 'REDIS_URL: needs DATABASE_URL'],
    ['no issuer with a database', { ...full, CARDEA_ISSUER: '' }, 'CARDEA_ISSUER: is required'],
    ['no master key with a database', { ...full, CARDEA_MASTER_KEY: ' ' }, 'CARDEA_MASTER_KEY: is required'],
    [
      'workers on the embedded database',
      { CARDEA_WORKERS: '2' },
      'CARDEA_WORKERS: the embedded database serves one',
    ],
    [
      'one worker per core on it',
      { CARDEA_WORKERS: 'auto' },
      'CARDEA_WORKERS: the embedded database serves one',
    ],
    ['half of TLS', { ...full, CARDEA_TLS_CERT_FILE: '/a.pem' }, 'set both or neither'],
    [
      'TLS under an http issuer',
      { CARDEA_TLS_CERT_FILE: '/a', CARDEA_TLS_KEY_FILE: '/b' },
      'CARDEA_ISSUER: must begin with https',
    ],
    ['a port that is none', { PORT: '70000' }, 'PORT: must be a whole number from 1 to 65535'],
    ['a port with a sign', { PORT: '+80' }, 'PORT: must be a whole number'],
    ['metrics on the main port', { PORT: '9464' }, 'CARDEA_METRICS_PORT: must differ from PORT'],
    [
      'loss of a Redis that is not there',
      { CARDEA_REDIS_LOSS_ACCEPTED: 'true' },
      'has no meaning without REDIS_URL',
    ],
    ['a yes that is neither', { ...full, CARDEA_REDIS_LOSS_ACCEPTED: 'yes' }, 'must be true or false'],
    [
      'hashing below the OWASP minimum',
      { CARDEA_ARGON2_MEMORY_KIB: '1024' },
      'CARDEA_ARGON2_MEMORY_KIB: must be',
    ],
    ['too short a password', { CARDEA_PASSWORD_MIN_LENGTH: '6' }, 'CARDEA_PASSWORD_MIN_LENGTH: must be'],
    ['everybody as a trusted proxy', { CARDEA_TRUSTED_PROXIES: '0.0.0.0/0' }, 'must not be all addresses'],
    ['a proxy by name', { CARDEA_TRUSTED_PROXIES: 'proxy.internal' }, 'must be networks'],
    [
      'a certificate in a stranger’s header',
      { CARDEA_MTLS_HEADER: 'Client-Cert' },
      'needs CARDEA_TRUSTED_PROXIES',
    ],
    [
      'a certificate in a header that means something else',
      { CARDEA_TRUSTED_PROXIES: '10.0.0.1', CARDEA_MTLS_HEADER: 'Authorization' },
      'CARDEA_MTLS_HEADER: must be',
    ],
    ['a listener without a certificate', { CARDEA_MTLS_PORT: '8443' }, 'needs CARDEA_MTLS_CERT_FILE'],
    [
      'two listeners on one port',
      { PORT: '3000', CARDEA_MTLS_PORT: '3000' },
      'CARDEA_MTLS_PORT: must differ',
    ],
    ['authorities for nobody', { CARDEA_MTLS_CA_FILE: '/ca.pem' }, 'CARDEA_MTLS_CA_FILE: has no meaning'],
    [
      'mutual TLS without TLS',
      { CARDEA_MTLS_URL: 'http://mtls.example.com' },
      'CARDEA_MTLS_URL: must be an https origin',
    ],
    ['everything as reachable', { CARDEA_OUTBOUND_ALLOW: '0.0.0.0/0' }, 'CARDEA_OUTBOUND_ALLOW: must be'],
    ['any name as reachable', { CARDEA_OUTBOUND_ALLOW: '*' }, 'CARDEA_OUTBOUND_ALLOW: must be'],
    [
      'an authority for nobody',
      { CARDEA_OUTBOUND_CA_FILE: '/etc/tls/ca.pem' },
      'CARDEA_OUTBOUND_CA_FILE: has no meaning without CARDEA_OUTBOUND_ALLOW',
    ],
    ['an unknown log level', { CARDEA_LOG_LEVEL: 'verbose' }, 'must be one of debug, info'],
    [
      'a database that is no Postgres',
      { ...full, DATABASE_URL: 'mysql://x/y' },
      'DATABASE_URL: must begin with postgres://',
    ],
    [
      'a lifetime without end',
      { CARDEA_LIFETIME_AUTHORIZATION_CODE: '1h' },
      'CARDEA_LIFETIME_AUTHORIZATION_CODE: must be',
    ],
    [
      'idle longer than absolute',
      { CARDEA_LIFETIME_SESSION_IDLE: '30d' },
      'must not be longer than CARDEA_LIFETIME_SESSION_ABSOLUTE',
    ],
    [
      'a family idle longer than absolute',
      { CARDEA_LIFETIME_FAMILY_IDLE_SPA: '8d' },
      'CARDEA_LIFETIME_FAMILY_ABSOLUTE_SPA',
    ],
    [
      'a key that signs before clients see it',
      { CARDEA_LIFETIME_SIGNING_KEY_PUBLISH: '5m' },
      'CARDEA_LIFETIME_JWKS_CACHE: must not be longer',
    ],
    ['no limit', { CARDEA_LIMIT_TOKEN_PER_CLIENT: '0/1m' }, 'CARDEA_LIMIT_TOKEN_PER_CLIENT: must be'],
    [
      'a service of Kubernetes over a setting',
      { CARDEA_METRICS_PORT: 'tcp://10.0.0.9:80' },
      'enableServiceLinks',
    ],
    ['the port under another name', { CARDEA_PORT: '8080' }, 'the port is called PORT'],
  ])('%s', (_, environment, fault) => {
    expect(faultsOf(environment).join('\n')).toContain(fault);
  });

  it.each([
    ['http on a public host', 'http://id.example.com', 'must begin with https'],
    ['http on a host that only looks like loopback', 'http://localhost.example.com', 'must begin with https'],
    [
      'http on an address that only looks like loopback',
      'http://127.0.0.1.example.com',
      'must begin with https',
    ],
    ['a query', 'https://id.example.com/?tenant=1', 'must not have a query'],
    ['an empty query', 'https://id.example.com?', 'must not have a query'],
    ['a fragment', 'https://id.example.com#x', 'must not have a fragment'],
    ['a password', 'https://admin:hunter2@id.example.com', 'must not carry a user name'],
    ['another scheme', 'ftp://id.example.com', 'must begin with https'],
    ['no scheme', 'id.example.com', 'must be a URL'],
    ['upper case', 'https://ID.example.com', 'normal form, https://id.example.com'],
    ['the default port', 'https://id.example.com:443', 'normal form, https://id.example.com'],
    ['a dotted path', 'https://id.example.com/a/../b', 'normal form, https://id.example.com/b'],
    ['a well-known path', 'https://id.example.com/.well-known/x', 'plain path'],
  ])('an issuer with %s', (_, issuer, fault) => {
    expect(faultsOf({ ...full, CARDEA_ISSUER: issuer }).join('\n')).toContain(fault);
  });

  it.each(['http://localhost:3000', 'http://127.0.0.2:3000', 'http://[::1]:3000', 'http://id.localhost'])(
    'http is fine on %s',
    (issuer) => {
      expect(settingsOf({ CARDEA_ISSUER: issuer }).issuer).toBe(issuer);
      expect(isLoopbackIssuer(issuer)).toBe(true);
    },
  );

  it('takes a slash off the end of the issuer and keeps its path', () => {
    expect(settingsOf({ ...full, CARDEA_ISSUER: 'https://example.com/id/' }).issuer).toBe(
      'https://example.com/id',
    );
  });

  it.each([
    ['too short', 'c2hvcnQ='],
    ['31 bytes', Buffer.from(Array.from({ length: 31 }, (_, at) => at * 7)).toString('base64')],
    ['one byte again and again', Buffer.alloc(32, 7).toString('base64')],
    ['no base64', 'correct horse battery staple!'],
    ['a bad one in a list', `${key},c2hvcnQ=`],
  ])('a master key that is %s', (_, masterKey) => {
    expect(faultsOf({ ...full, CARDEA_MASTER_KEY: masterKey }).join('\n')).toMatch(
      /CARDEA_MASTER_KEY: .*openssl rand/,
    );
  });

  it('names all faults in one answer', () => {
    const faults = faultsOf({
      PORT: 'x',
      REDIS_URL: 'redis://localhost',
      CARDEA_ISSUER: 'http://id.example.com',
      CARDEA_LOG_LEVEL: 'loud',
      CARDEA_NONSENSE_OF_MINE: '1',
    });
    expect(faults).toHaveLength(5);
  });

  it.each([
    ['CARDEA_ISUER', 'CARDEA_ISSUER'],
    ['CARDEA_MASTERKEY', 'CARDEA_MASTER_KEY'],
    ['CARDEA_TRUSTED_PROXY', 'CARDEA_TRUSTED_PROXIES'],
    ['CARDEA_LIFETIME_ACESS_TOKEN', 'CARDEA_LIFETIME_ACCESS_TOKEN'],
  ])('refuses the unknown %s and means %s', (name, meant) => {
    expect(faultsOf({ [name]: '1' })).toEqual([`${name}: is no setting; did you mean ${meant}?`]);
  });

  it('refuses an unknown name that is like no other, without a guess', () => {
    expect(faultsOf({ CARDEA_COFFEE: 'black' })).toEqual([
      'CARDEA_COFFEE: is no setting; docs/configuration.md lists them all',
    ]);
  });
});

describe('secrets among the settings', () => {
  it('are never repeated by a fault', () => {
    const canary = 'canary-7c1f';
    const everyName = readSettings(
      Object.fromEntries(
        [
          'PORT',
          'DATABASE_URL',
          'REDIS_URL',
          'CARDEA_ISSUER',
          'CARDEA_MASTER_KEY',
          'CARDEA_HOSTT',
          'CARDEA_WORKERS',
          'CARDEA_TRUSTED_PROXIES',
          'CARDEA_LIMIT_TOKEN_PER_CLIENT',
        ].map((name) => [name, `x://u:${canary}@h`]),
      ),
    );
    expect(everyName.kind).toBe('faults');
    expect(JSON.stringify(everyName)).not.toContain(canary);
  });

  it('do not print when settings are logged', () => {
    const settings = settingsOf(full);
    for (const printed of [
      JSON.stringify(settings),
      inspect(settings, { depth: 9 }),
      `${settings.databaseUrl}`,
    ]) {
      expect(printed).not.toMatch(/hunter2|Zk3v0s0Q/);
    }
    expect(settings.databaseUrl?.reveal()).toBe(full.DATABASE_URL);
    expect(settings.masterKeys?.[0]?.reveal()).toBe(key);
  });
});
