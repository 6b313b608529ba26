import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeReceived } from '../../src/audit/received.ts';
import { canonicalReference, newReference } from '../../src/audit/reference.ts';
import { createRefusals } from '../../src/audit/refusals.ts';
import { createSampler } from '../../src/audit/sampler.ts';
import { databases, quiet, standingClock, type TestDatabase } from '../clients/databases.ts';

const keepSeconds = 604_800;
const perNetwork = { limit: 20, windowSeconds: 60 };
const refusal = { kind: 'token', rule: 'RFC 6749 section 5.2', error: 'invalid_grant', network: '192.0.2.1' };

describe('references', () => {
  it('are read out loud without mistakes', () => {
    for (let n = 0; n < 200; n++) {
      const reference = newReference(true);
      expect(reference).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
      expect(canonicalReference(` ${reference.toLowerCase().replace('-', ' ')} `)).toBe(reference);
    }
    expect(canonicalReference('oil1-0000')).toBe('0111-0000');
    for (const odd of ['', 'K7QF-2M9', 'K7QF-2M9DX', 'UUUU-UUUU', "' or 1=1", 'x'.repeat(1e6)]) {
      expect(canonicalReference(odd)).toBeUndefined();
    }
  });
});

describe('what is kept of a request (P3)', () => {
  const secrets = {
    code: 'C1234567890abcdef-code',
    code_verifier: 'verifier-canary-verifier-canary-verifier-canary',
    client_secret: 'cardea_secret_canarycanarycanarycanary',
    client_assertion: 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl',
    refresh_token: 'Rcanaryrefresh',
    token: 'Acanaryaccess',
    id_token_hint: 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJiIn0.c2ln',
    password: 'correct horse canary',
    state: 'state-canary',
    nonce: 'nonce-canary',
    login_hint: 'person@example.com',
    device_code: 'Dcanarydevice',
    user_code: 'WDJB-MJHT',
    request_uri: 'urn:ietf:params:oauth:request_uri:canary',
    unheard_of: 'unheard-canary',
  };

  it('shows harmless parameters, and of all others kind and length', () => {
    const received = describeReceived({
      ...secrets,
      scope: 'openid orders:read',
      grant_type: 'authorization_code',
    });
    for (const value of Object.values(secrets)) expect(received).not.toContain(value);
    expect(received).toContain('code (text, 22 characters)');
    expect(received).toContain('client_assertion (JWT, 49 characters)');
    expect(describeReceived({ scope: 'openid orders:read', max_age: 5 })).toBe(
      'scope="openid orders:read", max_age=5',
    );
    expect(describeReceived({ code: '', scope: ['a', 'b'] })).toBe('code (empty), scope (list of 2)');
    expect(describeReceived({})).toBe('no parameters');
  });

  it('shows of a redirect URI what decides, and no value of its query or userinfo', () => {
    const uri = 'https://user:pw-canary@rp.example.com/cb?code=code-canary&x=1#frag-canary';
    const received = describeReceived({ redirect_uri: uri });
    expect(received).toBe(
      'redirect_uri="https://(userinfo)@rp.example.com/cb with query code, x with a fragment"',
    );
  });

  it('hides what looks like a token or a secret where none is expected', () => {
    const received = describeReceived({ scope: secrets.id_token_hint, client_id: secrets.client_secret });
    expect(received).not.toMatch(/eyJ|canary/);
  });

  it('escapes and bounds', () => {
    const received = describeReceived({ scope: '\u001b[31mred\r\nX: 1\u202e', resource: 'x'.repeat(1e6) });
    expect(received).toContain('\\u{1b}[31mred\\u{d}\\u{a}X: 1\\u{202e}');
    expect(received.length).toBeLessThan(300);
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`p${n}`, 'x']));
    expect(describeReceived(many)).toMatch(/and 4980 more$/);
  });
});

describe('sampling', () => {
  it('records so many of one network in a window, of all together, and remembers so many networks', () => {
    const clock = standingClock();
    const sampler = createSampler({ clock, limit: 2, windowSeconds: 60, totalLimit: 5, maxNetworks: 3 });
    const taken = (network: string, times: number) =>
      Array.from({ length: times }, () => sampler.take(network)).filter(Boolean).length;
    expect(taken('a', 10)).toBe(2);
    expect(taken('b', 10)).toBe(2);
    expect(taken('c', 10)).toBe(1);
    clock.advance(60);
    expect(['a', 'b', 'c', 'd', 'e'].map((network) => taken(network, 1))).toEqual([1, 1, 1, 0, 0]);
  });
});

describe.each(databases)('refusals on $name', ({ open }) => {
  let database: TestDatabase;
  const clock = standingClock();
  const make = (more = {}) =>
    createRefusals({ db: database.db, clock, log: quiet, perNetwork, keepSeconds, ...more });
  beforeAll(async () => {
    database = await open();
  });
  afterAll(() => database.close());

  it('are found under their reference, before and after the batch, for seven days', async () => {
    const refusals = make();
    const reference = refusals.record({
      ...refusal,
      expected: 'a live code',
      received: 'code (text, 44 characters)',
      clientId: 'web',
    });
    const expected = { ...refusal, reference, clientId: 'web', expected: 'a live code', at: clock.now() };
    expect(await refusals.find(reference)).toMatchObject(expected);
    await refusals.flush();
    expect(await refusals.find(reference.toLowerCase())).toMatchObject(expected);
    clock.advance(keepSeconds - 1);
    expect(await refusals.find(reference)).toBeDefined();
    clock.advance(1);
    expect(await refusals.find(reference)).toBeUndefined();
    expect(await refusals.sweep()).toBe(1);
    await refusals.close();
  });

  it('are capped, escaped and hold no token, whatever the caller gives', async () => {
    const refusals = make();
    const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl';
    const received = `\u001b[2J${jwt}\u0000 cardea_secret_abcdefghijklmnopqrstu ${'y'.repeat(5_000)}`;
    const reference = refusals.record({ ...refusal, received, clientId: 'z'.repeat(500) });
    await refusals.flush();
    const found = await refusals.find(reference);
    expect(found?.received?.length).toBe(300);
    expect(found?.clientId?.length).toBe(128);
    expect(found?.received).toMatch(/^\\u\{1b\}\[2J\(hidden, \d+ characters\)\\u\{0\} \(hidden/);
    await refusals.close();
  });

  it('cannot be filled by strangers: one statement a batch, a share for each network, a size for all', async () => {
    const refusals = make({ maxRows: 50 });
    await sql`delete from refusals`.execute(database.db);
    clock.advance(60);
    for (let n = 0; n < 1_000; n++) refusals.record(refusal);
    const before = database.statementCount();
    await refusals.flush();
    expect(database.statementCount()).toBe(before + 1);
    for (let n = 0; n < 1_000; n++) refusals.record({ ...refusal, network: `198.51.100.${n % 250}` });
    await refusals.flush();
    const rows = async () =>
      (await sql<{ n: number }>`select count(*)::int as n from refusals`.execute(database.db)).rows[0]?.n;
    expect(await rows()).toBe(300);
    clock.advance(1);
    const newest = refusals.record({ ...refusal, network: '203.0.113.1' });
    clock.advance(59);
    const newer = refusals.record({ ...refusal, network: '203.0.113.1' });
    await refusals.flush();
    await refusals.sweep();
    expect(await rows()).toBeLessThanOrEqual(50);
    expect(await refusals.find(newest)).toBeUndefined();
    expect(await refusals.find(newer)).toBeDefined();
    await refusals.close();
  });
});
