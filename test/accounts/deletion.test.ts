/** Accounts that their holders delete: what ends at once, who may keep them, and what goes when. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDeletions } from '../../src/accounts/deletion.ts';
import { ADMINISTRATOR } from '../../src/accounts/roles.ts';
import type { Message } from '../../src/mail/message.ts';
import { newPostgres, type TestDatabase } from '../storage/databases.ts';
import { type AccountRooms, makeAccount, openAccounts, operator } from './rooms.ts';

const password = 'correct horse battery staple';
const GRACE = 14 * 86_400;
let database: TestDatabase;
let rooms: AccountRooms;
let made = 0;
beforeAll(async () => {
  database = await newPostgres();
  rooms = openAccounts(database);
});
afterAll(async () => {
  await rooms?.close();
  await database?.close();
});

/** A person, known by a confirmed address, with a network of their own. */
async function someone() {
  made += 1;
  const email = `person-${made}@example.com`;
  const { id } = await makeAccount(rooms, email, password);
  await rooms.accounts.setEmailVerified(id, true, operator);
  const network = `192.0.2.${made}`;
  return {
    id,
    email,
    by: { actor: { kind: 'account', id }, network } as const,
    signIn: (more: { password?: string; keep?: boolean } = {}) =>
      rooms.authenticate({ email, password, network, ...more }),
  };
}

const linkOf = (accountId: string): string => {
  const mail = rooms.farewells.findLast(
    (one) => one.kind === 'deletion-planned' && one.accountId === accountId,
  );
  return mail?.kind === 'deletion-planned' ? mail.data.link.replace('/link/', '') : '';
};
const typesOf = async (accountId: string) =>
  (await rooms.audit.search({ accountId })).events.map(({ type }) => type);

describe('leaving, on postgres', () => {
  it('S22 ends everything at once, is told by mail, and answers strangers as ever', async () => {
    const person = await someone();
    const before = rooms.clock.now();
    const planned = await rooms.deletions.plan(person.id, person.by);
    expect(planned).toEqual({ kind: 'planned', until: before + GRACE * 1000 });
    expect(await rooms.standings.get(person.id)).toBeUndefined();
    expect(await person.signIn({ password: 'a wrong password' })).toEqual({ kind: 'rejected' });
    expect(await person.signIn({ password: 'a wrong password', keep: true })).toEqual({ kind: 'rejected' });
    expect(rooms.farewells.at(-1)).toMatchObject({ kind: 'deletion-planned', to: person.email });
    expect(await rooms.deletions.plan(person.id, person.by)).toEqual({ kind: 'absent' });
  });

  it('is told to whoever knows the password, and kept only when they say so', async () => {
    const person = await someone();
    await rooms.deletions.plan(person.id, person.by);
    expect(await person.signIn()).toMatchObject({ kind: 'leaving' });
    expect((await rooms.accounts.find(person.id))?.status).toBe('leaving');
    expect(await person.signIn({ keep: true })).toMatchObject({ kind: 'signed-in' });
    expect(await rooms.accounts.find(person.id)).toMatchObject({ status: 'active' });
    expect((await rooms.accounts.find(person.id))?.leavingUntil).toBeUndefined();
    expect(await typesOf(person.id)).toContain('account.kept');
    // The mail's link was for that deletion.
    expect(await rooms.deletions.keepByLink(linkOf(person.id), operator)).toBe('gone');
  });

  it('a password that was changed since does not keep it', async () => {
    const person = await someone();
    await rooms.deletions.plan(person.id, person.by);
    expect(await rooms.deletions.keep(person.id, 99, person.by)).toBe(false);
    expect((await rooms.accounts.find(person.id))?.status).toBe('leaving');
  });

  it('A2 the mailed link keeps it once, of ten at once; a later deletion has a link of its own', async () => {
    const person = await someone();
    await rooms.deletions.plan(person.id, person.by);
    const link = linkOf(person.id);
    expect(await rooms.deletions.describeLink(link)).toEqual({ email: person.email });
    const all = await Promise.all(
      Array.from({ length: 10 }, () => rooms.deletions.keepByLink(link, operator)),
    );
    expect(all.filter((one) => one === 'done')).toHaveLength(1);
    await rooms.deletions.plan(person.id, person.by);
    expect(linkOf(person.id)).not.toBe(link);
    expect(await rooms.deletions.keepByLink(link, operator)).toBe('gone');
    expect((await rooms.accounts.find(person.id))?.status).toBe('leaving');
  });

  it('an operator who closes the account stops the deletion; one who opens it keeps it', async () => {
    const closed = await someone();
    await rooms.deletions.plan(closed.id, closed.by);
    await rooms.accounts.disable(closed.id, operator);
    const opened = await someone();
    await rooms.deletions.plan(opened.id, opened.by);
    await rooms.accounts.enable(opened.id, operator);
    rooms.clock.advance(GRACE + 1);
    await rooms.deletions.sweep();
    expect((await rooms.accounts.find(closed.id))?.status).toBe('disabled');
    expect((await rooms.accounts.find(opened.id))?.status).toBe('active');
    // And the person's own link does not open what the operator has closed.
    expect(await rooms.deletions.keepByLink(linkOf(closed.id), operator)).toBe('gone');
  });
});

describe('the end, on postgres', () => {
  it('comes when the grace time is over and no second before, with a last mail', async () => {
    const person = await someone();
    await rooms.deletions.plan(person.id, person.by);
    rooms.clock.advance(GRACE - 1);
    await rooms.deletions.sweep();
    expect((await rooms.accounts.find(person.id))?.status).toBe('leaving');
    rooms.clock.advance(1);
    const swept = await Promise.all([rooms.deletions.sweep(), rooms.deletions.sweep()]);
    expect(swept.reduce((sum, n) => sum + n)).toBeGreaterThanOrEqual(1);
    expect(await rooms.accounts.find(person.id)).toBeUndefined();
    const last = rooms.farewells.filter(({ kind, to }) => kind === 'account-deleted' && to === person.email);
    expect(last).toHaveLength(1);
    expect(await typesOf(person.id)).toContain('account.deleted');
    expect(await person.signIn()).toEqual({ kind: 'rejected' });
    expect(await rooms.deletions.keepByLink(linkOf(person.id), operator)).toBe('gone');
  });

  it('either goes or stays, when it is kept in the moment in which it goes', async () => {
    const person = await someone();
    await rooms.deletions.plan(person.id, person.by);
    rooms.clock.advance(GRACE);
    const [kept] = await Promise.all([person.signIn({ keep: true }), rooms.deletions.sweep()]);
    const left = await rooms.accounts.find(person.id);
    expect(left?.status).toBe(kept.kind === 'signed-in' ? 'active' : undefined);
  });

  it('comes at once where there is no grace time', async () => {
    const person = await someone();
    const { db, clock, audit, mailedProofs: proofs, lifetimes } = rooms;
    const mail = { write: async (_: unknown, message: Message) => void rooms.farewells.push(message) };
    const now = createDeletions({
      db,
      clock,
      audit,
      mail,
      proofs,
      lifetimes: { ...lifetimes, deletionGrace: 0 },
    });
    expect(await now.plan(person.id, person.by)).toEqual({ kind: 'deleted' });
    expect(await rooms.accounts.find(person.id)).toBeUndefined();
    expect(rooms.farewells.at(-1)).toMatchObject({ kind: 'account-deleted', to: person.email });
  });
});

describe('administrators, on postgres', () => {
  it('of the last two who leave at once, one stays', async () => {
    const pair = await Promise.all([someone(), someone()]);
    for (const { id } of pair) await rooms.roles.grant(id, ADMINISTRATOR, operator);
    const outcomes = await Promise.all(pair.map(({ id, by }) => rooms.deletions.plan(id, by)));
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['last-administrator', 'planned']);
    const stays = pair[outcomes.findIndex(({ kind }) => kind === 'last-administrator')];
    expect(await rooms.deletions.isLastAdministrator(stays?.id ?? '')).toBe(true);
    // One that is closed does not count.
    const third = await someone();
    await rooms.roles.grant(third.id, ADMINISTRATOR, operator);
    expect(await rooms.deletions.isLastAdministrator(stays?.id ?? '')).toBe(false);
    await rooms.accounts.disable(third.id, operator);
    expect(await rooms.deletions.isLastAdministrator(stays?.id ?? '')).toBe(true);
  });
});
