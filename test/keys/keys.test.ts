import { calculateJwkThumbprint, compactVerify, importJWK, type JWK, SignJWT } from 'jose';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAudit } from '../../src/audit/audit.ts';
import { defaultLifetimes } from '../../src/config/lifetimes.ts';
import { Secret } from '../../src/config/secret.ts';
import { createKeys, type KeysOptions } from '../../src/keys/keys.ts';
import type { KeySet } from '../../src/keys/signing-key.ts';
import { createLease } from '../../src/storage/changes.ts';
import type { OpenDatabase } from '../../src/storage/database.ts';
import { createSealing } from '../../src/storage/sealing.ts';
import { StorageUnavailable } from '../../src/storage/unavailable.ts';
import { databases, quiet, standingClock, type TestDatabase } from '../clients/databases.ts';

const oldMaster = new Secret('the first master key of this test, 40+ chars');
const newMaster = new Secret('the second master key of this test, 40+ chars');
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth'];
const day = 86_400;

/** One process's keys over one database. */
function oneProcess(
  { db }: OpenDatabase,
  clock: ReturnType<typeof standingClock>,
  more: Partial<KeysOptions> = {},
) {
  const audit = createAudit({ db, clock, log: quiet });
  const lease = createLease({ db, clock, leaseMs: 1_000, log: quiet });
  const sealing = createSealing([oldMaster]);
  const keys = createKeys({
    db,
    sealing,
    clock,
    audit,
    lease,
    lifetimes: defaultLifetimes,
    log: quiet,
    ...more,
  });
  return { keys, lease, audit };
}

function signer(set: KeySet, alg: string): JWK {
  const jwk = set.jwks.keys.find((key) => key.alg === alg);
  if (!jwk) throw new Error(`no key for ${alg}`);
  return jwk;
}

async function sign(set: KeySet, alg: string): Promise<string> {
  const jwk = signer(set, alg);
  return new SignJWT({}).setProtectedHeader({ alg, kid: jwk.kid ?? '' }).sign(await importJWK(jwk, alg));
}

/** Verifies with a JWKS that a client has kept. @returns the kid */
async function verify(token: string, publicKeys: readonly JWK[]): Promise<string> {
  const { protectedHeader } = await compactVerify(token, async ({ kid, alg }) => {
    const jwk = publicKeys.find((key) => key.kid === kid);
    if (!jwk) throw new Error(`unknown kid ${kid}`);
    return importJWK(jwk, alg ?? '');
  });
  return protectedHeader.kid ?? '';
}

describe.each(databases)('signing keys on $name', ({ open }) => {
  let database: TestDatabase;
  let clock: ReturnType<typeof standingClock>;
  beforeAll(async () => {
    database = await open();
  });
  beforeEach(async () => {
    await sql`truncate signing_keys, audit_events, changes`.execute(database.db);
    clock = standingClock();
  });
  afterAll(() => database?.close());

  it('F18: a set that could not be read again is read by whoever asks next, and not signed with before', async () => {
    const { keys: first } = oneProcess(database, clock);
    await first.ensureFirstKeys();
    let away = false;
    const db = database.db.withPlugin({
      transformQuery: ({ node }) => {
        if (away) throw new StorageUnavailable('Postgres gave no answer');
        return node;
      },
      transformResult: async ({ result }) => result,
    });
    const { lease } = oneProcess(database, clock);
    const { keys: second } = oneProcess({ ...database, db }, clock, { lease });
    await second.ensureFirstKeys();
    await lease.renew();
    expect(second.refreshed()).toBeUndefined();

    const [kid] = (await first.rotate({ now: true }))
      .filter(({ state }) => state === 'signing')
      .map((key) => key.kid);
    away = true;
    await lease.renew();
    await expect(second.refreshed()).rejects.toThrow(StorageUnavailable);
    await expect(second.refreshed()).rejects.toThrow(StorageUnavailable);
    away = false;
    await second.refreshed();
    expect(second.refreshed()).toBeUndefined();
    expect(second.current().jwks.keys.map((key) => key.kid)).toContain(kid);
  });

  it('are made at first start, found again at the second, and named by their thumbprint (RFC 7638)', async () => {
    const { keys } = oneProcess(database, clock);
    expect(() => keys.current()).toThrow(/ensureFirstKeys/);
    await keys.ensureFirstKeys();
    const { publicKeys, jwks, version } = keys.current();
    expect(publicKeys.map((key) => key.alg).toSorted()).toEqual(['ES256', 'RS256']);
    for (const key of publicKeys) {
      expect(key.kid).toBe(await calculateJwkThumbprint(key));
      expect(key.use).toBe('sig');
      for (const member of privateMembers) expect(key).not.toHaveProperty(member);
    }
    const rsa = publicKeys.find((key) => key.kty === 'RSA');
    expect(Buffer.from(rsa?.n ?? '', 'base64url')).toHaveLength(256);
    for (const alg of ['ES256', 'RS256']) await verify(await sign(keys.current(), alg), publicKeys);
    await keys.ensureFirstKeys();
    expect(keys.current().version).toBe(version);
    const again = oneProcess(database, clock).keys;
    await again.ensureFirstKeys();
    expect(again.current().jwks).toEqual(jwks);
  });

  it('P12 lie sealed at rest: no private member in a dump, none in the audit, none in a list', async () => {
    const { keys } = oneProcess(database, clock);
    await keys.ensureFirstKeys();
    await keys.rotate();
    const { rows } = await sql<{ line: string }>`
      select t::text as line from signing_keys t union all select t::text from audit_events t`.execute(
      database.db,
    );
    const seen = JSON.stringify(rows) + JSON.stringify(await keys.list());
    for (const key of keys.current().jwks.keys) {
      for (const member of privateMembers) {
        const value = (key as Record<string, unknown>)[member];
        if (typeof value === 'string') expect(seen).not.toContain(value);
      }
    }
    const stranger = oneProcess(database, clock, { sealing: createSealing([newMaster]) }).keys;
    await expect(stranger.ensureFirstKeys()).rejects.toThrow(/CARDEA_MASTER_KEY/);
  });

  it('are published for a JWKS cache lifetime before they sign, and stay until what they signed is dead', async () => {
    const { keys } = oneProcess(database, clock);
    await keys.ensureFirstKeys();
    const first = signer(keys.current(), 'ES256').kid;
    await keys.rotate();
    const cached = keys.current().publicKeys;
    expect(cached).toHaveLength(4);
    expect(signer(keys.current(), 'ES256').kid).toBe(first);
    await keys.rotate();
    expect(keys.current().publicKeys).toHaveLength(4);
    clock.advance(defaultLifetimes.jwksCache);
    expect(await keys.tick()).toBe(0);
    const lastByOld = await sign(keys.current(), 'ES256');
    clock.advance(5);
    expect(await keys.tick()).toBe(2);
    expect(await keys.tick()).toBe(0);
    expect(signer(keys.current(), 'ES256').kid).not.toBe(first);
    await verify(await sign(keys.current(), 'ES256'), cached);
    await verify(await sign(keys.current(), 'RS256'), cached);
    expect((await keys.list()).find((key) => key.kid === first)).toMatchObject({
      state: 'retired',
      retiredAt: clock.now(),
    });
    clock.advance(defaultLifetimes.sessionAbsolute);
    await keys.tick();
    expect(await verify(lastByOld, keys.current().publicKeys)).toBe(first);
    clock.advance(60);
    expect(await keys.tick()).toBe(2);
    expect(keys.current().publicKeys.map((key) => key.kid)).not.toContain(first);
    expect((await keys.list()).find((key) => key.kid === first)?.state).toBe('gone');
    const { rows } = await sql<{ n: number }>`
      select count(*)::int as n from signing_keys where state = 'gone' and sealed_private is null`.execute(
      database.db,
    );
    expect(rows[0]?.n).toBe(2);
  });

  it('sign at once with --now: the waiting key if there is one', async () => {
    const { keys, audit } = oneProcess(database, clock);
    await keys.ensureFirstKeys();
    await keys.rotate({ now: true });
    const second = signer(keys.current(), 'ES256').kid;
    expect(keys.current().publicKeys).toHaveLength(4);
    await keys.rotate();
    const waiting = (await keys.list()).find((key) => key.alg === 'ES256' && key.state === 'published')?.kid;
    await keys.rotate({ now: true });
    expect(signer(keys.current(), 'ES256').kid).toBe(waiting);
    const { events } = await audit.search({ type: 'key.rotated' });
    expect(events).toHaveLength(4);
    expect(events.map((event) => event.detail)).toContainEqual({
      kid: waiting,
      alg: 'ES256',
      previousKid: second,
    });
  });

  it('follow each other by themselves when they grow old', async () => {
    const { keys } = oneProcess(database, clock, { rotateAfterSeconds: 90 * day });
    await keys.ensureFirstKeys();
    const first = signer(keys.current(), 'ES256').kid;
    clock.advance(90 * day - 1);
    expect(await keys.tick()).toBe(0);
    clock.advance(1);
    expect(await keys.tick()).toBe(2);
    expect(signer(keys.current(), 'ES256').kid).toBe(first);
    clock.advance(defaultLifetimes.signingKeyPublish + 5);
    expect(await keys.tick()).toBe(2);
    expect(signer(keys.current(), 'ES256').kid).not.toBe(first);
  });

  it('of EdDSA and PS256 are made when a client first asks, once', async () => {
    const { keys } = oneProcess(database, clock);
    await keys.ensureFirstKeys();
    const versions: number[] = [];
    keys.onChange((set) => versions.push(set.version));
    await Promise.all([
      keys.ensureAlgorithm('EdDSA'),
      keys.ensureAlgorithm('EdDSA'),
      keys.ensureAlgorithm('PS256'),
    ]);
    const before = database.statementCount();
    await keys.ensureAlgorithm('EdDSA');
    expect(database.statementCount()).toBe(before);
    expect(
      keys
        .current()
        .publicKeys.map((key) => key.alg)
        .toSorted(),
    ).toEqual(['ES256', 'EdDSA', 'PS256', 'RS256']);
    for (const alg of ['EdDSA', 'PS256'])
      await verify(await sign(keys.current(), alg), keys.current().publicKeys);
    expect(versions.at(-1)).toBe(keys.current().version);
    await keys.rotate();
    expect(keys.current().publicKeys).toHaveLength(8);
  });

  it('tick without a statement while nothing is due', async () => {
    const { keys } = oneProcess(database, clock);
    await keys.ensureFirstKeys();
    const before = database.statementCount();
    for (let n = 0; n < 10; n++) await keys.tick();
    expect(database.statementCount()).toBe(before);
  });

  it('P12 are sealed again under a new master key, after which the old one can go', async () => {
    const { keys } = oneProcess(database, clock);
    await keys.ensureFirstKeys();
    const both = oneProcess(database, clock, { sealing: createSealing([newMaster, oldMaster]) }).keys;
    await both.ensureFirstKeys();
    expect(await both.reseal()).toBe(2);
    const alone = oneProcess(database, clock, { sealing: createSealing([newMaster]) }).keys;
    await alone.ensureFirstKeys();
    expect(alone.current().jwks).toEqual(keys.current().jwks);
  });
});

describe('signing keys in three processes', () => {
  it('start at once with one set, move once, and all see it within the lease', async () => {
    const [, postgres] = databases;
    const database = await postgres.open();
    try {
      const clock = standingClock();
      const opened = [database, await database.another(), await database.another()];
      const processes = opened.map((one) => oneProcess(one, clock));
      await Promise.all(processes.map(({ keys }) => keys.ensureFirstKeys()));
      const kids = () =>
        processes.map(({ keys }) =>
          keys
            .current()
            .publicKeys.map((key) => key.kid)
            .join(),
        );
      expect(new Set(kids()).size).toBe(1);
      for (const { lease } of processes) await lease.renew();

      const [one, two, three] = processes;
      if (!one || !two || !three) throw new Error('three processes');
      await Promise.all([one.keys.rotate(), two.keys.rotate()]);
      const seen = new Promise<KeySet>((resolve) => three.keys.onChange(resolve));
      await three.lease.renew();
      expect((await seen).publicKeys).toHaveLength(4);
      expect(await one.keys.list()).toHaveLength(4);

      for (const { lease } of processes) await lease.renew();
      await expect.poll(() => new Set(kids()).size).toBe(1);
      clock.advance(defaultLifetimes.signingKeyPublish + 5);
      const moved = await Promise.all(processes.map(({ keys }) => keys.tick()));
      expect(moved.toSorted()).toEqual([0, 0, 2]);
      expect(new Set(kids()).size).toBe(1);
      expect((await one.keys.list()).map((key) => key.state).toSorted()).toEqual([
        'retired',
        'retired',
        'signing',
        'signing',
      ]);
    } finally {
      await database.close();
    }
  });
});
