/** S22, A5, A16 Who gets an account back after somebody else was in it, and what an address change gives to guess at. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findAccount } from '../../src/accounts/account-store.ts';
import { createEmailChange } from '../../src/accounts/email-change.ts';
import { createNotMe } from '../../src/accounts/not-me.ts';
import { defaultLimits } from '../../src/config/limits.ts';
import type { Message } from '../../src/mail/message.ts';
import { createMailBudget } from '../../src/throttle/mail-budget.ts';
import { newPostgres, type TestDatabase } from '../storage/databases.ts';
import { memoryCounters } from '../throttle/memory-counters.ts';
import { type AccountRooms, auditedOf, makeAccount, openAccounts, operator } from './rooms.ts';

const by = { actor: { kind: 'anonymous' }, network: '192.0.2.1' } as const;
let database: TestDatabase;
let rooms: AccountRooms;
let made = 0;
let now = Date.UTC(2026, 0, 1);
const mails: Message[] = [];
beforeAll(async () => {
  database = await newPostgres();
  rooms = openAccounts(database, { now: () => now } as ReturnType<typeof openAccounts>['clock']);
});
afterAll(async () => {
  await rooms?.close();
  await database?.close();
});

const opened = (perAddress = 100) => {
  const { db, clock, audit, lifetimes, mailedProofs: proofs } = rooms;
  const mail = { write: async (_: unknown, message: Message) => void mails.push(message) };
  const roomy = { limit: 1000, windowSeconds: 3600 };
  const limits = {
    askedMailPerAddress: { ...roomy, limit: perAddress },
    askedMailPerNetwork: roomy,
    askedMail: defaultLimits.askedMail,
  };
  const budget = createMailBudget({ counters: memoryCounters(clock), limits });
  // What it removes is proved in test/flows/taking-back.test.ts, with the rooms that keep it.
  const takeBack = async () => ({ passkeys: 0, providers: 0, authenticators: 0, codes: 0 });
  const notMe = createNotMe({ db, clock, audit, mail, proofs, lifetimes, takeBack });
  const emailChange = createEmailChange({ db, clock, audit, mail, proofs, budget, lifetimes, notMe });
  return { notMe, emailChange };
};

async function someone() {
  made += 1;
  const { id } = await makeAccount(rooms, `person-${made}@example.com`, 'correct horse battery staple');
  await rooms.accounts.setEmailVerified(id, true, operator);
  return { id, email: `person-${made}@example.com` };
}

const stored = async (id: string) => {
  const account = await findAccount(rooms.db, id);
  if (!account) throw new Error('the account is gone');
  return account;
};
const lastTo = (to: string, kind: Message['kind']) => {
  const mail = mails.findLast((one) => one.to === to && one.kind === kind);
  if (!mail) throw new Error(`no ${kind} to ${to}`);
  return mail.data as { readonly link: string; readonly code: string };
};
const tokenTo = (to: string, kind: Message['kind']) => lastTo(to, kind).link.replace('/link/', '');

/** Whoever is in the account gives it another address, a while after whatever went before. */
async function move({ emailChange }: ReturnType<typeof opened>, id: string, to: string) {
  now += 60_000;
  await emailChange.ask(id, to, by);
  expect(await emailChange.confirmCode(id, lastTo(to, 'change-email').code, by)).toBe('done');
}

it('S22 whoever moved an account through two addresses of his does not get it back by the notice to the first', async () => {
  const at = opened();
  const { id, email } = await someone();
  const [first, second] = [`first-${made}@evil.example`, `second-${made}@evil.example`];
  await move(at, id, first);
  await move(at, id, second);
  now += 60_000;
  expect(await at.notMe.confirm(tokenTo(email, 'email-changed'), by)).toBe('done');
  expect((await stored(id)).email).toBe(email);

  const { passwordVersion } = await stored(id);
  expect(await at.notMe.confirm(tokenTo(first, 'email-changed'), by)).toBe('gone');
  expect(await stored(id)).toMatchObject({ email, passwordVersion });
  expect(mails.some((one) => one.to === first && one.kind === 'reset-password')).toBe(false);
});

it('S22 in the other order the older notice still wins, and a notice that restores nothing voids none', async () => {
  const at = opened();
  const { id, email } = await someone();
  const told = await at.notMe.issue(rooms.db, await stored(id), { since: now });
  const [first, second] = [`first-${made}@evil.example`, `second-${made}@evil.example`];
  await move(at, id, first);
  await move(at, id, second);
  expect(await at.notMe.confirm(told, by)).toBe('done');
  expect(await at.notMe.confirm(tokenTo(first, 'email-changed'), by)).toBe('done');
  expect((await stored(id)).email).toBe(first);
  expect(await at.notMe.confirm(tokenTo(email, 'email-changed'), by)).toBe('done');
  expect((await stored(id)).email).toBe(email);
});

it('S22 an account that somebody else set out to delete stays, once its holder says so', async () => {
  const at = opened();
  const { id, email } = await someone();
  await move(at, id, `first-${made}@evil.example`);
  await rooms.deletions.plan(id, by);
  expect((await stored(id)).status).toBe('leaving');
  expect(await at.notMe.confirm(tokenTo(email, 'email-changed'), by)).toBe('done');
  const account = await stored(id);
  expect(account).toMatchObject({ email, status: 'active' });
  expect(account.leavingUntil).toBeUndefined();
  expect(lastTo(email, 'reset-password').link).toMatch(/^\/link\//);
  expect(await auditedOf(rooms, id)).toContain('account.kept');
});

it('S22 one that an operator has disabled stays disabled', async () => {
  const at = opened();
  const { id, email } = await someone();
  await move(at, id, `first-${made}@evil.example`);
  await rooms.accounts.disable(id, operator);
  expect(await at.notMe.confirm(tokenTo(email, 'email-changed'), by)).toBe('done');
  expect(await stored(id)).toMatchObject({ email, status: 'disabled' });
});

it('A5, A16 beyond the mails to an address there is no code to guess, however often it is asked for', async () => {
  const { emailChange } = opened(2);
  const { id } = await someone();
  const target = `chief-${made}@example.org`;
  const live = () => rooms.db.selectFrom('mailed_proofs').select('tries').where('subject', '=', id).execute();
  for (let n = 0; n < 2; n += 1) expect(await emailChange.ask(id, target, by)).toBe('asked');
  expect(await live()).toHaveLength(1);
  for (let n = 0; n < 3; n += 1) expect(await emailChange.ask(id, target, by)).toBe('asked');
  expect(await live()).toEqual([]);
  expect(mails.filter(({ to }) => to === target)).toHaveLength(2);
});
