/** A2 and A5 at their root: what a mailed link or code is worth, whatever asks for it. */
import { createHmac } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProofPurpose } from '../../src/accounts/mailed-proof-purposes.ts';
import { createMailedProofs, plainCode } from '../../src/accounts/mailed-proofs.ts';
import { exportMailedProofs } from '../../src/accounts/mailed-proofs-store.ts';
import { databases, type TestDatabase } from '../clients/databases.ts';
import { type AccountRooms, mailedCodeSecrets, makeAccount, openAccounts, operator } from './rooms.ts';

const purpose = 'reset-password';

describe.each(databases)('mailed proofs on $name', ({ name, open }) => {
  let database: TestDatabase;
  let rooms: AccountRooms;
  let number = 0;
  beforeAll(async () => {
    database = await open();
    rooms = openAccounts(database);
  });
  afterAll(async () => {
    await rooms.close();
    await database.close();
  });

  const person = async () => {
    number += 1;
    const account = await makeAccount(rooms, `Person${number}@example.com`);
    return { account, subject: account.id, email: account.email };
  };
  const issue = (o: { subject: string; email: string; purpose?: ProofPurpose }) =>
    rooms.mailedProofs.issue(rooms.db, { purpose, lifetimeSeconds: 900, ...o });
  const { redeemToken, redeemCode, look, purposeOf } = {
    redeemToken: (token: string, of: ProofPurpose = purpose) =>
      rooms.mailedProofs.redeemToken(rooms.db, of, token),
    redeemCode: (subject: string, code: string, of: ProofPurpose = purpose) =>
      rooms.mailedProofs.redeemCode(rooms.db, of, subject, code),
    look: (token: string, of: ProofPurpose = purpose) => rooms.mailedProofs.look(of, token),
    purposeOf: (token: string) => rooms.mailedProofs.purposeOf(token),
  };

  it('A2 a token opens once, looking at it uses nothing up, and it says whose it is', async () => {
    const { subject, email } = await person();
    const { token, code } = await issue({ subject, email });
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(code).toMatch(/^\d{4} \d{4}$/);
    for (let n = 0; n < 5; n += 1) {
      expect(await purposeOf(token)).toBe(purpose);
      expect(await look(token)).toMatchObject({ subject, accountId: subject, email });
    }
    expect(await redeemToken(token)).toMatchObject({ purpose, subject, accountId: subject, email });
    expect(await redeemToken(token)).toBeUndefined();
    expect(await redeemCode(subject, code)).toBeUndefined();
    expect(await look(token)).toBeUndefined();
    expect(await purposeOf(token)).toBeUndefined();
  });

  it('DoS one sweep is through with more expired proofs than one statement takes, and leaves what lives', async () => {
    const { subject, email } = await person();
    const { token } = await issue({ subject, email });
    const past = new Date(rooms.clock.now() - 1);
    await rooms.mailedProofs.sweep();
    await sql`
      insert into mailed_proofs (purpose, subject, email, token_digest, code_digest, tries, data, created_at, expires_at)
      select 'sign-up', 'rush ' || n, 'rush@example.com', 'rush ' || n, 'rush', 0, '{}', ${past}::timestamptz,
        ${past}::timestamptz
      from generate_series(1, 2500) as n`.execute(rooms.db);
    expect(await rooms.mailedProofs.sweep()).toBe(2500);
    expect(await look(token)).toMatchObject({ subject });
  });

  it('A2 twenty at once get it once, by link or code, on two processes', async () => {
    const elsewhere = name === 'Postgres' ? openAccounts(await database.another(), rooms.clock) : rooms;
    for (const way of ['token', 'code', 'both'] as const) {
      const { subject, email } = await person();
      const { token, code } = await issue({ subject, email });
      const found = await Promise.all(
        Array.from({ length: 20 }, (_, n) => {
          const { db, mailedProofs } = n % 2 ? elsewhere : rooms;
          const byCode = way === 'code' || (way === 'both' && n % 3 === 0);
          return db
            .transaction()
            .execute((trx) =>
              byCode
                ? mailedProofs.redeemCode(trx, purpose, subject, code)
                : mailedProofs.redeemToken(trx, purpose, token),
            );
        }),
      );
      expect(found.filter((proof) => proof !== undefined)).toHaveLength(1);
    }
  });

  it('A2 the newest alone works, a prefix does not, and a purpose opens itself only', async () => {
    const { subject, email } = await person();
    const older = await issue({ subject, email });
    const newer = await issue({ subject, email });
    expect(await redeemToken(older.token)).toBeUndefined();
    for (const wrong of [newer.token.slice(0, -1), newer.token.slice(0, 20), '', `${newer.token}A`]) {
      expect(await redeemToken(wrong)).toBeUndefined();
    }
    expect(await redeemToken(newer.token, 'verify-email')).toBeUndefined();
    expect(await redeemCode(subject, newer.code, 'verify-email')).toBeUndefined();
    expect(await redeemToken(newer.token)).toBeDefined();
  });

  it('A2 a code opens for its own subject, however it is typed, within five tries; the link outlives them', async () => {
    const [one, other] = [await person(), await person()];
    const { code, token } = await issue(one);
    const theirs = await issue(other);
    expect(await redeemCode(other.subject, code)).toBeUndefined();
    const wrong = code === '0000 0000' ? '1111 1111' : '0000 0000';
    for (let n = 0; n < 4; n += 1) expect(await redeemCode(one.subject, wrong)).toBeUndefined();
    for (const nonsense of ['', '123', 'abcd efgh', '9'.repeat(5000)]) {
      expect(await redeemCode(one.subject, nonsense)).toBeUndefined();
    }
    expect(await redeemCode(one.subject, ` ${code.replace(' ', '-')} `)).toMatchObject({
      subject: one.subject,
    });
    expect(await redeemToken(token)).toBeUndefined();
    // One was another's code; four more and even the right one is too late.
    for (let n = 0; n < 4; n += 1) await redeemCode(other.subject, wrong);
    expect(await redeemCode(other.subject, theirs.code)).toBeUndefined();
    expect(await redeemToken(theirs.token)).toBeDefined();
  });

  it('A2 thousand guesses at once are five', async () => {
    const { subject, email } = await person();
    const { code } = await issue({ subject, email });
    const guesses = Array.from({ length: 40 }, (_, n) => String(n).padStart(8, '0'));
    await Promise.all(guesses.map((guess) => redeemCode(subject, guess)));
    const row = await rooms.db
      .selectFrom('mailed_proofs')
      .select('tries')
      .where('subject', '=', subject)
      .executeTakeFirst();
    expect(row?.tries).toBe(5);
    expect(await redeemCode(subject, code)).toBeUndefined();
  });

  it('A2 expired is absent, by the clock and before any sweep; the sweep deletes it', async () => {
    const { subject, email } = await person();
    const { token, code } = await issue({ subject, email });
    rooms.clock.advance(900);
    expect(await look(token)).toBeUndefined();
    expect(await redeemToken(token)).toBeUndefined();
    expect(await redeemCode(subject, code)).toBeUndefined();
    await rooms.mailedProofs.sweep();
    expect(await exportMailedProofs(rooms.db, subject)).toEqual([]);
  });

  it('A2, A5 void after a new password, another address, or the account’s end', async () => {
    const password = 'correct horse battery staple';
    const changes: readonly ((id: string) => Promise<unknown>)[] = [
      (id) => rooms.accounts.setPassword(id, password, operator),
      (id) => rooms.accounts.update(id, { email: `moved${number}@example.com` }, operator),
      (id) => rooms.accounts.disable(id, operator),
      (id) => rooms.accounts.delete(id, operator),
    ];
    for (const change of changes) {
      const { subject, email } = await person();
      const { token, code } = await issue({ subject, email });
      expect((await change(subject)) as object).not.toMatchObject({ kind: 'faults' });
      expect(await look(token)).toBeUndefined();
      expect(await redeemCode(subject, code)).toBeUndefined();
      expect(await redeemToken(token)).toBeUndefined();
    }
  });

  it('A5 "this wasn’t me" still works after whoever it was has changed password and address', async () => {
    const { subject, email } = await person();
    const { token } = await issue({ subject, email, purpose: 'not-me' });
    await rooms.accounts.setPassword(subject, 'correct horse battery staple', operator);
    await rooms.accounts.update(subject, { email: `thief${number}@example.com` }, operator);
    expect(await redeemToken(token, 'not-me')).toMatchObject({ accountId: subject, email });
  });

  it('A5 a proof of one mailbox is none of another: mailed elsewhere than to the account, it opens nothing', async () => {
    const { subject } = await person();
    const { token, code } = await issue({
      subject,
      email: 'elsewhere@example.com',
      purpose: 'verify-email',
    });
    expect(await redeemCode(subject, code, 'verify-email')).toBeUndefined();
    expect(await redeemToken(token, 'verify-email')).toBeUndefined();
    const change = await issue({ subject, email: 'new@example.com', purpose: 'change-email' });
    expect(await redeemToken(change.token, 'change-email')).toMatchObject({ email: 'new@example.com' });
  });

  it('S12 without an account there is a proof all the same, and it opens nothing; sign-up needs none', async () => {
    const email = 'Nobody@example.com';
    const nobody = await issue({ subject: 'nobody@example.com', email });
    expect(await look(nobody.token)).toBeUndefined();
    expect(await redeemCode('nobody@example.com', nobody.code)).toBeUndefined();
    expect(await redeemToken(nobody.token)).toBeUndefined();
    const fresh = await rooms.mailedProofs.issue(rooms.db, {
      purpose: 'sign-up',
      subject: 'nobody@example.com',
      email,
      lifetimeSeconds: 60,
      data: { name: 'No Body' },
    });
    expect(await redeemToken(fresh.token, 'sign-up')).toEqual({
      purpose: 'sign-up',
      subject: 'nobody@example.com',
      email,
      data: { name: 'No Body' },
      expiresAt: rooms.clock.now() + 60_000,
    });
  });

  it('a dump holds neither token nor code, and does not give the code away without the secret', async () => {
    const { subject, email } = await person();
    const { token, code } = await issue({ subject, email });
    const { rows } = await sql<{ t: string; code_digest: string }>`
      select t::text as t, code_digest from mailed_proofs t where subject = ${subject}`.execute(rooms.db);
    const plain = code.replace(' ', '');
    for (const secret of [token, code, plain]) expect(rows[0]?.t).not.toContain(secret);
    const place = JSON.stringify(['cardea mailed code 1', purpose, subject, plain]);
    const made = createHmac('sha256', mailedCodeSecrets[0] ?? '')
      .update(place)
      .digest('base64url');
    expect(rows[0]?.code_digest).toBe(made);
    expect(await exportMailedProofs(rooms.db, subject)).toMatchObject([{ purpose, email, tries: 0 }]);
  });

  it('a code made under an older secret still opens', async () => {
    const { subject, email } = await person();
    const { db, clock } = rooms;
    const before = createMailedProofs({ db, clock, secrets: mailedCodeSecrets.slice(1) });
    const { code } = await before.issue(db, { purpose, subject, email, lifetimeSeconds: 60 });
    expect(await redeemCode(subject, code)).toBeDefined();
  });
});

describe('a typed code', () => {
  it('is eight digits, in any grouping and script width', () => {
    for (const typed of [
      '12345678',
      '1234 5678',
      '1234-5678',
      ' 12 34 56 78 ',
      '１２３４ ５６７８',
      '1234\u20135678',
    ]) {
      expect(plainCode(typed)).toBe('12345678');
    }
    for (const typed of ['', '1234567', '123456789', '1234567a', '1'.repeat(65), '٠١٢٣٤٥٦٧x']) {
      expect(plainCode(typed)).toBeUndefined();
    }
  });
});
