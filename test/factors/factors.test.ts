import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockAccount } from '../../src/accounts/account-store.ts';
import { Secret } from '../../src/config/secret.ts';
import { createFactors } from '../../src/factors/factors.ts';
import { createSealing } from '../../src/storage/sealing.ts';
import { auditedOf, operator } from '../accounts/rooms.ts';
import { databases, standingClock, type TestDatabase } from '../clients/databases.ts';
import { beginAt, by, codeOf, enrolled, type FactorRooms, newPerson, openFactors } from './rooms.ts';

describe.each(databases)('second factors on $name', ({ name, open }) => {
  let database: TestDatabase;
  let rooms: FactorRooms;
  /** Another process on the same database (its own pool, on Postgres). */
  let second: FactorRooms;
  const withPasskey = new Set<string>();
  beforeAll(async () => {
    database = await open();
    const clock = standingClock();
    const hasOther = async (_db: unknown, accountId: string) => withPasskey.has(accountId);
    rooms = openFactors(database, clock, hasOther);
    second = openFactors(name === 'Postgres' ? await database.another() : database, clock, hasOther);
  });
  afterAll(async () => {
    await second.close();
    await rooms.close();
    await database.close();
  });

  let networks = 0;
  const verify = (accountId: string, code: string, factor: 'totp' | 'recovery' = 'totp', at = rooms) => {
    networks += 1;
    const network = `198.51.${networks >> 8}.${networks & 255}`;
    return at.factors.verify({ accountId, code, factor, network });
  };

  it('counts an authenticator only after its first code, which is spent with it; tells, and audits', async () => {
    const account = await newPerson(rooms);
    const at = { accountId: account.id, place: 'interaction 1', isStrong: false };
    const secret = await beginAt(rooms, account.id, at.place);
    expect(await rooms.factors.held(account.id)).toEqual({ authenticators: [] });
    expect(await verify(account.id, codeOf(rooms, secret))).toEqual({ kind: 'wrong' });
    expect(await beginAt(rooms, account.id, at.place)).toBe(secret);

    const confirm = (code: string) =>
      rooms.factors.confirm(at, { code, name: ' My\nphone ' }, by(account.id));
    for (const code of ['', '000000x', '12345', codeOf(rooms, secret, 2), codeOf(rooms, secret, -2)]) {
      expect(await confirm(code)).toEqual({ kind: 'wrong' });
    }
    const code = codeOf(rooms, secret);
    const added = await confirm(` ${code.slice(0, 3)} ${code.slice(3)}`);
    expect(added).toMatchObject({ kind: 'added', authenticator: { name: 'My phone' } });
    expect(await confirm(codeOf(rooms, secret, 1))).toEqual({ kind: 'gone' });
    expect(await verify(account.id, code)).toEqual({ kind: 'used' });
    const { authenticators, recoveryCodes } = await rooms.factors.held(account.id);
    expect(authenticators).toMatchObject([{ name: 'My phone', addedAt: rooms.clock.now() }]);
    expect(recoveryCodes).toEqual({ left: 10, madeAt: rooms.clock.now() });
    expect(rooms.mails.filter((mail) => mail.accountId === account.id)).toMatchObject([
      {
        kind: 'factor-added',
        to: account.email,
        data: { factor: 'totp', name: 'My phone', network: '192.0.2.9' },
      },
    ]);
    expect((await auditedOf(rooms, account.id)).sort()).toEqual([
      'account.created',
      'authenticator.added',
      'recovery-codes.made',
      'second-factor.refused',
      'second-factor.refused',
    ]);
  });

  it('S18 takes each code once, on two processes at once, and none from two steps away', async () => {
    const { account, secret, spent } = await enrolled(rooms);
    expect(await verify(account.id, spent)).toEqual({ kind: 'used' });
    const code = codeOf(rooms, secret);
    const outcomes = await Promise.all([
      ...[1, 2, 3, 4].map(() => verify(account.id, code)),
      ...[1, 2, 3, 4].map(() => verify(account.id, code, 'totp', second)),
    ]);
    expect(outcomes.filter(({ kind }) => kind === 'ok')).toHaveLength(1);
    await rooms.throttle.unlock(account.emailCanonical);
    rooms.clock.advance(300);
    for (const steps of [-2, 2, -3, 40]) {
      expect(await verify(account.id, codeOf(rooms, secret, steps))).toEqual({ kind: 'wrong' });
    }
    await rooms.throttle.unlock(account.emailCanonical);
    const [before, now, after] = [-1, 0, 1].map((steps) => codeOf(rooms, secret, steps));
    expect(await verify(account.id, before ?? '')).toMatchObject({ kind: 'ok', method: 'otp' });
    expect(await verify(account.id, after ?? '')).toMatchObject({ kind: 'ok' });
    // Older than the newest that was taken: never again, however the clock stands.
    expect(await verify(account.id, now ?? '')).toEqual({ kind: 'used' });
    rooms.clock.advance(-30);
    for (const code of [before, now, after]) {
      expect((await verify(account.id, code ?? '')).kind).not.toBe('ok');
    }
    rooms.clock.advance(120);
  });

  it('S18 guesses of 40 streams on two processes: ten are looked at, the day ends with thirty', async () => {
    const { account, secret } = await enrolled(rooms);
    const kinds = new Map<string, number>();
    const guess = async (n: number) => {
      const { kind } = await verify(account.id, '000000', 'totp', n % 2 ? second : rooms);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    };
    await Promise.all(Array.from({ length: 40 }, (_, n) => guess(n)));
    expect(kinds.get('wrong')).toBeLessThanOrEqual(10);
    expect(kinds.get('wrong')).toBeGreaterThanOrEqual(5);
    // The right code is not looked at either, nor is a password: they share the count.
    expect(await verify(account.id, codeOf(rooms, secret))).toMatchObject({ kind: 'locked' });
    const signIn = { email: account.email, password: 'whatever it may be', network: '203.0.113.1' };
    expect(await rooms.authenticate(signIn)).toMatchObject({ kind: 'locked' });
    expect(
      rooms.mails
        .concat(second.mails)
        .filter((mail) => mail.accountId === account.id && mail.kind === 'codes-tried').length,
    ).toBeGreaterThan(0);
    for (let tries = 0; tries < 60; tries += 1) {
      rooms.clock.advance(180);
      await guess(tries);
    }
    expect(kinds.get('wrong')).toBeLessThanOrEqual(30);
    const locked = await verify(account.id, codeOf(rooms, secret));
    expect(locked).toMatchObject({ kind: 'locked' });
    expect(locked.kind === 'locked' && locked.retryAfterSeconds).toBeGreaterThan(3600);
    await rooms.throttle.unlock(account.emailCanonical);
    expect(await verify(account.id, codeOf(rooms, secret))).toMatchObject({ kind: 'ok' });
  });

  it('S18 wrong passwords and wrong codes are counted together; a right password gives no new tries', async () => {
    const account = await newPerson(rooms);
    const password = 'correct horse battery staple';
    await rooms.accounts.setPassword(account.id, password, operator);
    const network = '203.0.113.77';
    const signIn = (typed: string) => rooms.authenticate({ email: account.email, password: typed, network });
    const code = () =>
      rooms.factors.verify({ accountId: account.id, factor: 'totp', code: '000000', network });
    expect(await signIn('not the password')).toEqual({ kind: 'rejected' });
    expect(await signIn('not the password')).toEqual({ kind: 'rejected' });
    expect(await code()).toEqual({ kind: 'wrong' });
    expect(await code()).toEqual({ kind: 'wrong' });
    expect(await code()).toMatchObject({ kind: 'locked' });
    let looked = 2;
    // Ten minutes of: right password, then a code.
    for (let round = 0; round < 8; round += 1) {
      rooms.clock.advance(40);
      await signIn(password);
      rooms.clock.advance(40);
      if ((await code()).kind === 'wrong') looked += 1;
    }
    expect(looked).toBeLessThanOrEqual(10);
    expect(looked).toBeGreaterThan(4);
  });

  it('S18 a code of somebody else’s authenticator is wrong, and so is one after a factor was removed', async () => {
    const [ada, eve] = [await enrolled(rooms), await enrolled(rooms)];
    expect(await verify(ada.account.id, codeOf(rooms, eve.secret))).toEqual({ kind: 'wrong' });
    expect(await verify(ada.account.id, eve.codes[0] ?? '', 'recovery')).toEqual({ kind: 'wrong' });
    const id = ada.added.authenticator.id;
    expect(await rooms.factors.remove(eve.account.id, id, by(eve.account.id))).toEqual({ kind: 'absent' });
    expect(await rooms.factors.rename(eve.account.id, id, 'mine', by(eve.account.id))).toEqual({
      kind: 'absent',
    });
    expect(await rooms.factors.remove(ada.account.id, id, by(ada.account.id))).toEqual({ kind: 'removed' });
    expect(await verify(ada.account.id, codeOf(rooms, ada.secret))).toEqual({ kind: 'wrong' });
    expect(await verify(ada.account.id, ada.codes[0] ?? '', 'recovery')).toEqual({ kind: 'wrong' });
    expect(await rooms.factors.held(ada.account.id)).toEqual({ authenticators: [] });
    expect(rooms.mails.filter((mail) => mail.accountId === ada.account.id).map(({ kind }) => kind)).toEqual([
      'factor-added',
      'factor-removed',
    ]);
    expect(await rooms.factors.makeRecoveryCodes(ada.account.id, by(ada.account.id))).toEqual({
      kind: 'no-factor',
    });
    // The right code still works after a wrong one of the other factor.
    rooms.clock.advance(30);
    expect(await verify(eve.account.id, 'BCDF-GHJK-LMNP', 'recovery')).toEqual({ kind: 'wrong' });
    expect(await verify(eve.account.id, codeOf(rooms, eve.secret))).toMatchObject({ kind: 'ok' });
  });

  it('S19 one factor adds none to an account that has one; the place that began it is the one that confirms it', async () => {
    const { account } = await enrolled(rooms);
    const weak = { accountId: account.id, place: 'b', isStrong: false };
    expect(await rooms.factors.begin(weak)).toEqual({ kind: 'needs-strong' });
    const strong = { ...weak, isStrong: true };
    const secret = await beginAt(rooms, account.id, 'b', true);
    const code = { code: codeOf(rooms, secret) };
    expect(await rooms.factors.confirm(weak, code, by(account.id))).toEqual({ kind: 'needs-strong' });
    const elsewhere = { ...strong, place: 'c' };
    expect(await rooms.factors.confirm(elsewhere, code, by(account.id))).toEqual({ kind: 'gone' });
    // Whoever begins elsewhere gets a secret of his own, and what was begun before is void.
    expect(await beginAt(rooms, account.id, 'c', true)).not.toBe(secret);
    expect(await rooms.factors.confirm(strong, code, by(account.id))).toEqual({ kind: 'gone' });

    const fresh = await newPerson(rooms);
    withPasskey.add(fresh.id);
    expect(await rooms.factors.begin({ accountId: fresh.id, place: 'd', isStrong: false })).toEqual({
      kind: 'needs-strong',
    });
    const { kind } = await rooms.factors.makeRecoveryCodes(fresh.id, by(fresh.id));
    expect(kind).toBe('made');
  });

  it('S19 of two who enrol the first factor at once with one factor each, one wins', async () => {
    const account = await newPerson(rooms);
    const at = { accountId: account.id, place: 'same', isStrong: false };
    const secret = await beginAt(rooms, account.id, 'same');
    const code = { code: codeOf(rooms, secret) };
    const outcomes = await Promise.all(
      [rooms, second, rooms, second].map((one) => one.factors.confirm(at, code, by(account.id))),
    );
    expect(outcomes.filter(({ kind }) => kind === 'added')).toHaveLength(1);
    expect((await rooms.factors.held(account.id)).recoveryCodes?.left).toBe(10);
  });

  it('takes five authenticators, each with its own codes, and forgets what nobody finished within the hour', async () => {
    const { account, secret } = await enrolled(rooms);
    const strong = { accountId: account.id, place: 'portal', isStrong: true };
    let newest = '';
    for (let n = 2; n <= 5; n += 1) {
      newest = await beginAt(rooms, account.id, 'portal', true);
      const added = await rooms.factors.confirm(strong, { code: codeOf(rooms, newest) }, by(account.id));
      expect(added).toMatchObject({ kind: 'added', authenticator: { name: '' } });
      expect(added).not.toHaveProperty('recoveryCodes.0');
    }
    expect(await rooms.factors.begin(strong)).toEqual({ kind: 'full' });
    rooms.clock.advance(30);
    expect(await verify(account.id, codeOf(rooms, secret))).toMatchObject({ kind: 'ok' });
    expect(await verify(account.id, codeOf(rooms, newest))).toMatchObject({ kind: 'ok' });

    const late = await newPerson(rooms);
    const waiting = await beginAt(rooms, late.id, 'portal');
    rooms.clock.advance(3601);
    const at = { accountId: late.id, place: 'portal', isStrong: false };
    expect(await rooms.factors.confirm(at, { code: codeOf(rooms, waiting) }, by(late.id))).toEqual({
      kind: 'gone',
    });
    expect(await rooms.factors.sweep()).toBeGreaterThan(0);
    expect(await rooms.factors.sweep()).toBe(0);
    expect(await rooms.factors.removeAll(account.id, operator)).toBe(5);
    expect(await rooms.factors.held(account.id)).toEqual({ authenticators: [] });
  });

  it('S20 a recovery code works once, on two processes at once; new ones void the old; none can be read back', async () => {
    const { account, codes } = await enrolled(rooms);
    expect(codes).toHaveLength(10);
    expect(new Set(codes.map((code) => code.replace(/[B-DF-HJ-NP-TV-XZ]/g, 'C')))).toEqual(
      new Set(['CCCC-CCCC-CCCC']),
    );
    const [first = '', other = '', third = ''] = codes;
    const typed = first.toLowerCase().replaceAll('-', ' ');
    const outcomes = await Promise.all([
      ...[1, 2, 3].map(() => verify(account.id, typed, 'recovery')),
      ...[1, 2, 3].map(() => verify(account.id, first, 'recovery', second)),
    ]);
    expect(outcomes.filter(({ kind }) => kind === 'ok')).toEqual([
      { kind: 'ok', method: 'recovery', left: 9, at: rooms.clock.now() },
    ]);
    await rooms.throttle.unlock(account.emailCanonical);
    expect(await verify(account.id, first, 'recovery')).toEqual({ kind: 'wrong' });
    for (const nonsense of ['', 'x', first.slice(0, 13), `${other}B`, 'O0I1-O0I1-O0I1']) {
      expect((await verify(account.id, nonsense, 'recovery')).kind).not.toBe('ok');
    }
    await rooms.throttle.unlock(account.emailCanonical);
    expect(await verify(account.id, other, 'recovery')).toMatchObject({ kind: 'ok', left: 8 });

    const tables = await Promise.all(
      ['authenticators', 'recovery_codes', 'factor_accounts', 'audit_events'].map(async (table) =>
        JSON.stringify((await sql`select t::text from ${sql.table(table)} t`.execute(database.db)).rows),
      ),
    );
    const dump = tables.join() + JSON.stringify(await rooms.factors.export(account.id));
    for (const code of codes) {
      expect(dump).not.toContain(code);
      expect(dump).not.toContain(code.replaceAll('-', ''));
    }
    const made = await Promise.all(
      [rooms, second].map((one) => one.factors.makeRecoveryCodes(account.id, by(account.id))),
    );
    expect((await rooms.factors.held(account.id)).recoveryCodes?.left).toBe(10);
    expect(await verify(account.id, third, 'recovery')).toEqual({ kind: 'wrong' });
    const news = made.map((one) => (one.kind === 'made' ? one.codes[0] : '') ?? '');
    const worked = [];
    for (const code of news) worked.push((await verify(account.id, code, 'recovery')).kind);
    expect(worked.sort()).toEqual(['ok', 'wrong']);
    expect(
      rooms.mails
        .concat(second.mails)
        .filter((mail) => mail.accountId === account.id)
        .map(({ kind }) => kind),
    ).toContain('recovery-codes-made');
  });

  it('S20 the mail about a used code says when few are left; unverified addresses are told nothing', async () => {
    const { account, codes } = await enrolled(rooms);
    for (const code of codes.slice(0, 8)) {
      expect(await verify(account.id, code, 'recovery')).toMatchObject({ kind: 'ok' });
    }
    const said = rooms.mails.filter(
      (mail) => mail.accountId === account.id && mail.kind === 'recovery-code-used',
    );
    expect(said.map(({ data }) => data)).toMatchObject([
      ...[9, 8, 7, 6, 5, 4].map((left) => ({ left })),
      { few: 3 },
      { few: 2 },
    ]);
    const silent = await rooms.accounts.create({ email: 'unverified@example.com' }, operator);
    if (silent.kind !== 'created') throw new Error(silent.kind);
    const { id } = silent.account;
    const secret = await beginAt(rooms, id, 'x');
    const at = { accountId: id, place: 'x', isStrong: false };
    expect(await rooms.factors.confirm(at, { code: codeOf(rooms, secret) }, by(id))).toMatchObject({
      kind: 'added',
    });
    expect(rooms.mails.filter((mail) => mail.accountId === id)).toEqual([]);
  });

  it('seals secrets, and seals them anew under another master key', async () => {
    const { account, secret } = await enrolled(rooms);
    const [older, newer] = [
      'a master key for tests, of 40 characters',
      'another master key, of forty characters!',
    ];
    const parts = {
      ...rooms,
      sealing: createSealing([new Secret(newer), new Secret(older)]),
      findAccount: rooms.accounts.find,
      lockAccount,
      hasOther: async () => false,
      recoverySecrets: ['x'],
      issuerName: 'x',
      mail: { write: async () => undefined },
    };
    await createFactors(parts).reseal();
    const after = createFactors({ ...parts, sealing: createSealing([new Secret(newer)]) });
    const network = '203.0.113.200';
    const attempt = { accountId: account.id, factor: 'totp', network } as const;
    expect(await after.verify({ ...attempt, code: codeOf(rooms, secret) })).toMatchObject({ kind: 'ok' });
    await createFactors({
      ...parts,
      sealing: createSealing([new Secret(older), new Secret(newer)]),
    }).reseal();
  });

  it('ends with the account, and takes no code of a disabled one', async () => {
    const { account, secret, codes } = await enrolled(rooms);
    await rooms.accounts.disable(account.id, operator);
    expect(await verify(account.id, codeOf(rooms, secret))).toEqual({ kind: 'wrong' });
    expect(await verify(account.id, codes[0] ?? '', 'recovery')).toEqual({ kind: 'wrong' });
    await rooms.accounts.delete(account.id, operator);
    expect(await rooms.factors.held(account.id)).toEqual({ authenticators: [] });
    expect(await rooms.factors.begin({ accountId: account.id, place: 'x', isStrong: true })).toEqual({
      kind: 'absent',
    });
  });
});
