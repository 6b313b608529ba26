import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthenticate } from '../../src/accounts/authenticate.ts';
import { defaultLimits } from '../../src/config/limits.ts';
import { createDeviceCookies } from '../../src/throttle/device-cookie.ts';
import { databases, standingClock, type TestDatabase } from '../clients/databases.ts';
import { type AccountRooms, argon2, auditedOf, makeAccount, openAccounts, operator } from './rooms.ts';

const password = 'correct horse battery staple';

describe.each(databases)('signing in on $name', ({ open }) => {
  let database: TestDatabase;
  let rooms: AccountRooms;
  beforeAll(async () => {
    database = await open();
    rooms = openAccounts(database);
  });
  afterAll(async () => {
    await rooms.close();
    await database.close();
  });

  let networks = 0;
  /** A network that nobody has counted yet. */
  const fresh = () => {
    networks += 1;
    return `192.0.2.${networks}`;
  };
  const hashesOf = async <T>(work: () => Promise<T>) => {
    const before = rooms.passwords.computedCount();
    const outcome = await work();
    return { outcome, hashes: rooms.passwords.computedCount() - before };
  };

  it('lets the right password in, by any spelling of the address: what it needs beside it decides about the sign-in', async () => {
    const account = await makeAccount(rooms, 'Ada@example.com', password);
    const { outcome, hashes } = await hashesOf(() =>
      rooms.authenticate({ email: ' ADA@EXAMPLE.COM', password, network: fresh(), requestId: 'r1' }),
    );
    expect(outcome).toEqual({ kind: 'signed-in', account, amr: ['pwd'], at: expect.any(Number) });
    expect(hashes).toBe(1);
    expect(await auditedOf(rooms, account.id)).toEqual(['account.created']);
  });

  it('S12, S13 answers alike and hashes once for unknown, wrong, disabled, without a password, and nonsense', async () => {
    await makeAccount(rooms, 'wrong@example.com', password);
    const disabled = await makeAccount(rooms, 'disabled@example.com', password);
    await rooms.accounts.disable(disabled.id, operator);
    await makeAccount(rooms, 'nopassword@example.com');
    const attempts = [
      ['wrong@example.com', 'not the right one'],
      ['unknown@example.com', password],
      ['disabled@example.com', password],
      ['disabled@example.com', 'not the right one'],
      ['nopassword@example.com', password],
      ['no address at all', password],
      ["' or '1'='1", password],
    ] as const;
    for (const [email, tried] of attempts) {
      const { outcome, hashes } = await hashesOf(() =>
        rooms.authenticate({ email, password: tried, network: fresh() }),
      );
      expect(outcome).toEqual({ kind: 'rejected' });
      expect(hashes).toBe(1);
    }
    expect(await auditedOf(rooms, disabled.id)).toEqual([
      'account.created',
      'account.disabled',
      'account.sign-in-refused',
      'account.sign-in-refused',
    ]);
  });

  it('S14, S15 1,000 wrong passwords in 200 parallel streams: at most the allowed hashes, alike for known and unknown; the known browser gets in', async () => {
    const victim = await makeAccount(rooms, 'victim@example.com', password);
    const cookies = createDeviceCookies({ keys: ['k'], clock: rooms.clock });
    const device = cookies.verify(cookies.issue(victim.id, victim.passwordVersion));
    const storm = async (email: string) => {
      const spellings = [email, email.toUpperCase(), ` ${email}`];
      const kinds = new Set<string>();
      await Promise.all(
        Array.from({ length: 200 }, async (_, stream) => {
          for (let i = 0; i < 5; i += 1) {
            const typed = spellings[(stream + i) % spellings.length] ?? email;
            const attempt = {
              email: typed,
              password: `wrong ${stream} ${i}`,
              network: `10.0.${i}.${stream}`,
            };
            kinds.add((await rooms.authenticate(attempt)).kind);
          }
        }),
      );
      return kinds;
    };
    const known = await hashesOf(() => storm('victim@example.com'));
    const unknown = await hashesOf(() => storm('nobody-here@example.com'));
    for (const { outcome, hashes } of [known, unknown]) {
      expect(hashes).toBeGreaterThan(0);
      expect(hashes).toBeLessThanOrEqual(defaultLimits.signInPerAccount.limit);
      expect([...outcome].sort()).toEqual(['locked', 'rejected']);
    }
    expect(known.hashes).toBe(unknown.hashes);

    const attempt = { email: 'victim@example.com', password, network: '10.0.0.1' };
    // A storm leaves a trace, and not a row for each of its refusals.
    await rooms.audit.flush();
    const { events } = await rooms.audit.search({ type: 'account.sign-in-refused', limit: 200 });
    const reasons = events.map(({ detail }) => ('reason' in detail ? detail.reason : undefined));
    expect(reasons.filter((reason) => reason === 'locked')).toHaveLength(60);

    const locked = await hashesOf(() => rooms.authenticate(attempt));
    expect(locked).toMatchObject({ outcome: { kind: 'locked' }, hashes: 0 });
    expect(await rooms.authenticate({ ...attempt, device })).toMatchObject({ kind: 'signed-in' });

    // Another account's cookie, and one from before the present password, are a stranger's.
    expect(await rooms.authenticate({ ...attempt, email: 'nobody-here@example.com', device })).toMatchObject({
      kind: 'locked',
    });
    await rooms.accounts.setPassword(victim.id, 'an entirely new password', operator);
    const renewed = { ...attempt, password: 'an entirely new password' };
    expect(await rooms.authenticate({ ...renewed, device })).toMatchObject({ kind: 'locked' });

    rooms.clock.advance(900);
    expect(await rooms.authenticate(renewed)).toMatchObject({ kind: 'signed-in' });
  }, 60_000);

  it('opens for everybody when an operator unlocks', async () => {
    await makeAccount(rooms, 'unlock@example.com', password);
    const network = fresh();
    for (let i = 0; i < 10; i += 1)
      await rooms.authenticate({ email: 'unlock@example.com', password: 'wrong one', network });
    expect(await rooms.authenticate({ email: 'unlock@example.com', password, network })).toMatchObject({
      kind: 'locked',
    });
    await rooms.throttle.unlock('unlock@example.com');
    expect(await rooms.authenticate({ email: 'unlock@example.com', password, network })).toMatchObject({
      kind: 'signed-in',
    });
  });

  it('hashes anew when the parameters have grown, once, and keeps signing in', async () => {
    const account = await makeAccount(rooms, 'grow@example.com', password);
    const stronger = openAccounts(database, rooms.clock, { timeCost: 3 });
    const attempt = { email: 'grow@example.com', password, network: fresh() };
    expect(await stronger.authenticate(attempt)).toMatchObject({
      kind: 'signed-in',
      account: { passwordVersion: 1 },
    });
    expect(stronger.passwords.computedCount()).toBe(2);
    expect(await stronger.authenticate(attempt)).toMatchObject({ kind: 'signed-in' });
    expect(stronger.passwords.computedCount()).toBe(3);
    expect(await auditedOf(rooms, account.id)).toEqual(['account.created', 'account.password-rehashed']);
    await stronger.close();
  });

  it('S23 refuses a sign-in that began before a password change and ends after it', async () => {
    const account = await makeAccount(rooms, 'overtaken@example.com', password);
    const slow: typeof rooms.passwords = {
      ...rooms.passwords,
      verify: async (...given) => {
        const verified = await rooms.passwords.verify(...given);
        await rooms.accounts.setPassword(account.id, 'an entirely new password', operator);
        return verified;
      },
    };
    const authenticate = createAuthenticate({ ...rooms, passwords: slow, keepAccount: async () => false });
    const attempt = { email: 'overtaken@example.com', password, network: fresh() };
    expect(await authenticate(attempt)).toEqual({ kind: 'rejected' });
  });

  it('A12 refuses a megabyte without hashing it', async () => {
    const attempt = { email: 'ada@example.com', password: 'x'.repeat(1_000_000), network: fresh() };
    expect(await hashesOf(() => rooms.authenticate(attempt))).toEqual({
      outcome: { kind: 'rejected' },
      hashes: 0,
    });
  });

  it('A13 sheds a storm over many accounts, and takes back what was not hashed', async () => {
    const small = openAccounts(database, standingClock(Date.UTC(2027, 0, 1)), {
      concurrency: 1,
      queueLength: 4,
      queueSeconds: 2,
    });
    const storm = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        small.authenticate({
          email: `storm${i % 10}@example.com`,
          password: 'a wrong password',
          network: `10.9.0.${i}`,
        }),
      ),
    );
    const busy = storm.filter(({ kind }) => kind === 'busy');
    expect(busy[0]).toEqual({ kind: 'busy', retryAfterSeconds: 2 });
    expect(small.passwords.computedCount()).toBeLessThan(60);
    for (let i = 0; i < 30; i += 1) {
      const outcome = await small.authenticate({
        email: 'shed@example.com',
        password: 'x'.repeat(20),
        network: `10.8.0.${i}`,
      });
      expect(['rejected', 'locked']).toContain(outcome.kind);
    }
    await small.close();
  });

  it('keeps its refusals out of the way: nothing is written while a refusal is answered', async () => {
    await rooms.audit.flush();
    const before = database.statementCount();
    await rooms.authenticate({ email: 'quiet@example.com', password: 'whatever it is', network: fresh() });
    // The throttle's epoch, two gates and the three counters, and the look-up.
    expect(database.statementCount() - before).toBeLessThanOrEqual(5);
  });

  it('names the parameters it is tested with: the floor', () => {
    expect(argon2).toMatchObject({ memoryKib: 19_456, timeCost: 2, parallelism: 1 });
  });
});
