/** S13 and A16 where they can be counted: the work that a request costs, and the mails that it can cause. */
import type { KyselyPlugin } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPasswordResets } from '../../src/accounts/password-reset.ts';
import { defaultLimits } from '../../src/config/limits.ts';
import { createMail } from '../../src/mail/mail.ts';
import { createTemplates } from '../../src/mail/templates.ts';
import { createSqlCounters } from '../../src/storage/counters-sql.ts';
import { createCodeThrottle } from '../../src/throttle/code-throttle.ts';
import { createMailBudget, strangersShare } from '../../src/throttle/mail-budget.ts';
import { loadLanguages } from '../../src/web/texts.ts';
import { databases, quiet, type TestDatabase } from '../clients/databases.ts';
import { sealing } from '../storage/databases.ts';
import { makeAccount, openAccounts, operator } from './rooms.ts';

const issuer = 'https://id.example.com';
const password = 'correct horse battery staple';

let database: TestDatabase;
/** Statements that went to the database, as their kinds. */
let statements: string[] = [];
const counting: KyselyPlugin = {
  transformQuery({ node }) {
    statements.push(node.kind);
    return node;
  },
  transformResult: async ({ result }) => result,
};

beforeAll(async () => {
  const [first] = databases;
  if (!first) throw new Error('no database');
  database = await first.open();
});
afterAll(() => database?.close());

function openResets() {
  const db = database.db.withPlugin(counting);
  const rooms = openAccounts({ db });
  const { clock, audit, accounts, mailedProofs, lifetimes } = rooms;
  const mail = createMail({
    mode: { kind: 'box' },
    db,
    sealing,
    templates: createTemplates({ viewsDir: 'views', issuer, ...loadLanguages('views/locales') }),
    clock,
    log: quiet,
    issuer,
    localeOf: async () => undefined,
    budgets: { notices: defaultLimits.mailPerAccount, asked: defaultLimits.askedMailPerAddress },
    onSettled: async () => undefined,
  });
  const counters = createSqlCounters({ db, clock });
  const limits = defaultLimits;
  const resets = createPasswordResets({
    db,
    clock,
    audit,
    mail,
    proofs: mailedProofs,
    budget: createMailBudget({ counters, limits }),
    codeThrottle: createCodeThrottle({ counters, limits, clock }),
    accounts,
    lifetimes,
  });
  return { ...rooms, mail, resets };
}

describe('asking for a new password', () => {
  it('S13 costs the same statements and no hash, whoever has an account; mail goes to active ones alone', async () => {
    const rooms = openResets();
    const people = {
      known: await makeAccount(rooms, 'known@example.com', password),
      disabled: await makeAccount(rooms, 'disabled@example.com', password),
      verified: await makeAccount(rooms, 'verified@example.com', password),
      passwordless: await makeAccount(rooms, 'passwordless@example.com'),
    };
    await rooms.accounts.disable(people.disabled.id, operator);
    await rooms.accounts.setEmailVerified(people.verified.id, true, operator);
    const hashed = rooms.passwords.computedCount();
    const asked: Record<string, string[]> = {};
    const typed: Record<string, string[]> = {};
    for (const name of [...Object.keys(people), 'unknown', 'Known']) {
      const email = `${name}@example.com`;
      statements = [];
      expect(await rooms.resets.ask({ email, network: '203.0.113.1' })).toBe('asked');
      asked[name] = statements;
      statements = [];
      const outcome = await rooms.resets.redeemCode({ email, code: '0000 0000', network: '203.0.113.1' });
      expect(outcome.kind).toBe('wrong');
      typed[name] = statements;
    }
    for (const name of Object.keys(asked)) {
      expect(asked[name], name).toEqual(asked.unknown);
      expect(typed[name], name).toEqual(typed.unknown);
    }
    expect(asked.unknown?.length).toBeGreaterThan(3);
    expect(rooms.passwords.computedCount()).toBe(hashed);
    const to = (await rooms.mail.box()).map((mail) => mail.to);
    expect(to.toSorted()).toEqual([
      'known@example.com',
      'known@example.com',
      'passwordless@example.com',
      'verified@example.com',
    ]);
    await rooms.close();
  });

  it('A16 a thousand requests for one address are few mails, and for many addresses as many as the budget', async () => {
    const rooms = openResets();
    rooms.clock.advance(86_400);
    const before = (await rooms.mail.box()).length;
    await makeAccount(rooms, 'victim@example.com', password);
    for (let n = 0; n < 100; n += 1) {
      const spellings = ['victim@example.com', 'Victim@EXAMPLE.com', ' victim@example.com '];
      await rooms.resets.ask({ email: spellings[n % 3] ?? '', network: `203.0.113.${n}` });
    }
    expect((await rooms.mail.box()).length - before).toBe(strangersShare(defaultLimits.askedMailPerAddress));
    rooms.clock.advance(3600);
    const rows = () => database.db.selectFrom('mail_outbox').select('id').execute();
    const start = (await rows()).length;
    for (let n = 0; n < 900; n += 1) {
      await rooms.resets.ask({ email: `nobody${n}@example.com`, network: '198.51.100.1' });
    }
    expect((await rows()).length - start).toBe(strangersShare(defaultLimits.askedMailPerNetwork));
    await rooms.close();
  });

  it('A16 from a thousand networks to a thousand addresses, the installation’s own budget holds', async () => {
    const rooms = openResets();
    rooms.clock.advance(2 * 86_400);
    const limits = { ...defaultLimits, askedMail: { limit: 20, windowSeconds: 60 } };
    const budget = createMailBudget({
      counters: createSqlCounters({ db: database.db, clock: rooms.clock }),
      limits,
    });
    const taken = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        budget.take({ address: `n${n}@example.com`, network: `10.0.0.${n}` }),
      ),
    );
    expect(taken.filter(Boolean)).toHaveLength(strangersShare(limits.askedMail));
    rooms.clock.advance(60);
    expect(await budget.take({ address: 'late@example.com', network: '10.1.0.1' })).toBe(true);
    await rooms.close();
  });

  it('A16 strangers cannot keep a person’s own mail from coming: a browser that the account knows has a share', async () => {
    const rooms = openResets();
    rooms.clock.advance(4 * 86_400);
    const email = 'owner@example.com';
    const { id: accountId, passwordVersion } = await makeAccount(rooms, email, password);
    const device = { accountId, passwordVersion, deviceId: 'laptop' };
    const to = async () => (await rooms.mail.box()).filter((one) => one.to === email).length;
    for (let n = 0; n < 20; n += 1) await rooms.resets.ask({ email, network: `203.0.113.${n}` });
    const strangers = await to();
    expect(strangers).toBe(strangersShare(defaultLimits.askedMailPerAddress));
    // Neither a cookie of another account nor one of an older password is worth anything here.
    for (const foreign of [
      { ...device, accountId: 'somebody-else' },
      { ...device, passwordVersion: passwordVersion + 1 },
    ]) {
      await rooms.resets.ask({ email, network: '192.0.2.1', device: foreign });
    }
    expect(await to()).toBe(strangers);
    for (let n = 0; n < 20; n += 1) await rooms.resets.ask({ email, network: '192.0.2.2', device });
    expect(await to()).toBe(defaultLimits.askedMailPerAddress.limit);
    await rooms.close();
  });

  it('A2 a network may type so many codes, then it waits', async () => {
    const rooms = openResets();
    rooms.clock.advance(3 * 86_400);
    const type = () =>
      rooms.resets.redeemCode({ email: 'x@example.com', code: '1234 5678', network: '192.0.2.9' });
    const { limit } = defaultLimits.codeTriesPerNetwork;
    for (let n = 0; n < limit; n += 1) expect((await type()).kind).toBe('wrong');
    expect(await type()).toMatchObject({ kind: 'wait' });
    rooms.clock.advance(900);
    expect((await type()).kind).toBe('wrong');
    await rooms.close();
  });
});
