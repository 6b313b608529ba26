/** A6, A7, A8 and S12, S13 at their root: who gets an account by coming by, and what it costs to ask. */
import { randomBytes } from 'node:crypto';
import { type KyselyPlugin, sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deleteInvitation } from '../../src/accounts/invitations-store.ts';
import { plainBranding } from '../../src/config/branding.ts';
import { defaultLimits } from '../../src/config/limits.ts';
import { Secret } from '../../src/config/secret.ts';
import { readSettings } from '../../src/config/settings.ts';
import { createSealing } from '../../src/storage/sealing.ts';
import { createMailBudget } from '../../src/throttle/mail-budget.ts';
import { loadLanguages } from '../../src/web/texts.ts';
import { openMail } from '../../src/wiring-mail.ts';
import { createSigningUp } from '../../src/wiring-sign-up.ts';
import { databases, quiet, type TestDatabase } from '../clients/databases.ts';
import { memoryCounters } from '../throttle/memory-counters.ts';
import { type AccountRooms, auditedOf, makeAccount, openAccounts, operator } from './rooms.ts';

const password = 'an umbrella in november';
const by = { actor: { kind: 'anonymous' }, network: '192.0.2.1' } as const;

/** Counts every statement that the rooms send. */
function counting(): KyselyPlugin & { statements: number } {
  const plugin = {
    statements: 0,
    transformQuery: ({ node }: Parameters<KyselyPlugin['transformQuery']>[0]) => {
      plugin.statements += 1;
      return node;
    },
    transformResult: async ({ result }: Parameters<KyselyPlugin['transformResult']>[0]) => result,
  };
  return plugin;
}

describe.each(databases)('signing up on $name', ({ name, open }) => {
  let database: TestDatabase;
  let rooms: AccountRooms;
  let visits = 0;
  let people = 0;
  const counter = counting();
  const sealing = createSealing([new Secret(randomBytes(32).toString('base64'))]);

  beforeAll(async () => {
    database = await open();
    rooms = openAccounts({ db: database.db.withPlugin(counter) });
    await rooms.db
      .insertInto('roles')
      .values([
        { audience: 'https://api.example', name: 'clerk', permissions: '[]', created_at: new Date(0) },
        { audience: 'https://api.example', name: 'gone', permissions: '[]', created_at: new Date(0) },
      ])
      .execute();
  });
  afterAll(async () => {
    await rooms.close();
    await database.close();
  });
  beforeEach(() => {
    visits += 1;
    people += 1;
  });
  const visit = (n = 0) => `visit-${visits}-${n}-${'x'.repeat(20)}`;
  const address = () => `person${people}@example.com`;

  const signingUp = (environment: Record<string, string> = {}, limits = defaultLimits) => {
    const read = readSettings({ CARDEA_ISSUER: 'http://localhost:3999', ...environment });
    if (read.kind === 'faults') throw new Error(read.faults.join());
    const { settings } = read;
    const { db, clock, audit, passwords, mailedProofs } = rooms;
    const mail = openMail({
      languages: loadLanguages('views/locales'),
      settings,
      branding: plainBranding,
      db,
      sealing,
      clock,
      log: quiet,
      audit,
      metrics: { count: () => undefined },
    });
    const { signUps, invitations } = createSigningUp({
      db,
      clock,
      audit,
      passwords,
      mail,
      settings,
      lifetimes: settings.lifetimes,
      proofs: mailedProofs,
      budget: createMailBudget({ counters: memoryCounters(clock), limits }),
    });
    const boxed = async (to: string) => (await mail.box()).filter((one) => one.to === to);
    return {
      signUps,
      invitations,
      boxed,
      /** Code and link token of the newest mail to an address. */
      async mailed(to: string) {
        const [newest] = await boxed(to);
        const text = newest?.text ?? '';
        return {
          text,
          code: /\b\d{4} \d{4}\b/.exec(text)?.[0] ?? '',
          token: /\/link\/([\w-]{43})/.exec(text)?.[1] ?? '',
        };
      },
    };
  };
  const open_ = { CARDEA_SIGN_UP: 'open' };

  const begin = (at: ReturnType<typeof signingUp>, email: string, of = visit()) =>
    at.signUps.begin({ visit: of, email, network: '192.0.2.1', app: 'Orders' });

  it('nothing is an account before the address is proved; the code, a name and a password make one', async () => {
    const at = signingUp(open_);
    const email = address();
    expect(await at.signUps.stand(visit())).toBeUndefined();
    expect(await begin(at, `  ${email} `)).toEqual({ kind: 'sent' });
    expect(await at.signUps.stand(visit())).toEqual({ email, proved: false });
    expect(await rooms.accounts.findByEmail(email)).toBeUndefined();
    const early = await at.signUps.complete({ visit: visit() }, { name: 'Ada', password }, by);
    expect(early).toEqual({ kind: 'gone' });
    const { code } = await at.mailed(email);
    expect(await at.signUps.proveByCode(visit(), '0000 0000')).toBe(false);
    // Another visit's code is none here.
    expect(await at.signUps.proveByCode(visit(1), code)).toBe(false);
    expect(await at.signUps.proveByCode(visit(), code)).toBe(true);
    expect(await at.signUps.proveByCode(visit(), code)).toBe(false);
    const made = await Promise.all(
      Array.from({ length: 5 }, () => at.signUps.complete({ visit: visit() }, { name: 'Ada', password }, by)),
    );
    expect(made.map(({ kind }) => kind).sort()).toEqual(['created', 'gone', 'gone', 'gone', 'gone']);
    const account = await rooms.accounts.findByEmail(email);
    expect(account).toMatchObject({ email, emailVerified: true, profile: { name: 'Ada' } });
    expect(await auditedOf(rooms, account?.id ?? '')).toContain('account.created');
    expect(await at.signUps.stand(visit())).toBeUndefined();
  });

  it('by the link: in the browser that began the visit goes on, elsewhere it makes the account itself', async () => {
    const at = signingUp(open_);
    const email = address();
    await begin(at, email);
    const { token } = await at.mailed(email);
    const looked = await at.signUps.look(token);
    expect([looked?.email, looked?.visits(visit()), looked?.visits(visit(1))]).toEqual([email, true, false]);
    expect(await at.signUps.proveByLink(visit(1), token)).toBe(false);
    expect(await at.signUps.proveByLink(visit(), token)).toBe(true);
    expect(await at.signUps.proveByLink(visit(), token)).toBe(false);
    expect(await at.signUps.stand(visit())).toMatchObject({ proved: true });

    await begin(at, `other-${email}`, visit(2));
    const other = await at.mailed(`other-${email}`);
    // A wrong password leaves the link as it is.
    expect(
      await at.signUps.complete({ token: other.token }, { name: '', password: 'short' }, by),
    ).toMatchObject({
      kind: 'faults',
      faults: [{ field: 'password' }],
    });
    const all = await Promise.all(
      Array.from({ length: 5 }, () =>
        at.signUps.complete({ token: other.token }, { name: '', password }, by),
      ),
    );
    expect(all.filter(({ kind }) => kind === 'created')).toHaveLength(1);
    expect(await at.signUps.look(other.token)).toBeUndefined();
  });

  it('S12, S13 an address with an account gets the same answer for the same statements; the mail tells', async () => {
    const at = signingUp(open_);
    const [unknown, known, disabled] = ['u', 'k', 'd'].map((letter) => `${letter}-${address()}`) as [
      string,
      string,
      string,
    ];
    await makeAccount(rooms, known, password);
    await rooms.accounts.disable((await makeAccount(rooms, disabled, password)).id, operator);
    const costs: number[] = [];
    for (const [n, email] of [unknown, known, disabled].entries()) {
      const [statements, hashes] = [counter.statements, rooms.passwords.computedCount()];
      expect(await begin(at, email, visit(n))).toEqual({ kind: 'sent' });
      expect(await at.signUps.stand(visit(n))).toEqual({ email, proved: false });
      costs.push(counter.statements - statements);
      expect(rooms.passwords.computedCount()).toBe(hashes);
    }
    expect(new Set(costs).size).toBe(1);
    expect((await at.mailed(unknown)).code).not.toBe('');
    for (const email of [known, disabled]) {
      const mail = await at.mailed(email);
      expect(mail.text).toContain('account at localhost:3999 already');
      expect([mail.code, mail.token]).toEqual(['', '']);
    }
  });

  it('an account that was made meanwhile is not touched', async () => {
    const at = signingUp(open_);
    const email = address();
    await begin(at, email);
    await at.signUps.proveByCode(visit(), (await at.mailed(email)).code);
    const { id } = await makeAccount(rooms, email.toUpperCase(), password);
    const outcome = await at.signUps.complete({ visit: visit() }, { name: 'Mallory', password }, by);
    expect(outcome).toEqual({ kind: 'taken' });
    expect(await rooms.accounts.find(id)).toMatchObject({ profile: {}, emailVerified: false });
  });

  it('another address at the same visit starts anew: what was proved before is not', async () => {
    const at = signingUp(open_);
    await begin(at, address());
    await at.signUps.proveByCode(visit(), (await at.mailed(address())).code);
    await begin(at, `victim-${address()}`);
    expect(await at.signUps.stand(visit())).toMatchObject({ proved: false });
    const outcome = await at.signUps.complete({ visit: visit() }, { name: '', password }, by);
    expect(outcome).toEqual({ kind: 'gone' });
  });

  it('A14 the password may not be the name, the address or the app', async () => {
    const at = signingUp(open_);
    await begin(at, address());
    await at.signUps.proveByCode(visit(), (await at.mailed(address())).code);
    for (const bad of ['Grace Hopper 1906', address(), 'Orders-2026-Orders', 'password1234']) {
      const person = { name: 'Grace Hopper', password: bad, passwordWords: ['Orders'] };
      expect(await at.signUps.complete({ visit: visit() }, person, by)).toMatchObject({ kind: 'faults' });
    }
  });

  it('A16 few mails go to one address and from one network, with the same answer', async () => {
    const limit = (many: number) => ({ limit: many, windowSeconds: 3600 });
    const limits = { ...defaultLimits, askedMailPerAddress: limit(2), askedMailPerNetwork: limit(8) };
    const at = signingUp(open_, limits);
    const answers = [];
    for (let n = 0; n < 5; n += 1) answers.push(await begin(at, address(), visit(n)));
    for (let n = 5; n < 12; n += 1) answers.push(await begin(at, `${n}${address()}`, visit(n)));
    expect(answers).toEqual(Array.from({ length: 12 }, () => ({ kind: 'sent' })));
    expect(await at.boxed(address())).toHaveLength(2);
    // The one of another address that still was within the network's six of eight: the others are kept for whoever is known.
    expect(await at.boxed(`5${address()}`)).toHaveLength(1);
    expect(await at.boxed(`6${address()}`)).toHaveLength(0);
    // Each code is five guesses: there are no more of them than mails.
    const proofs = await rooms.db.selectFrom('mailed_proofs').select('email').execute();
    expect(proofs.filter(({ email }) => email === address())).toHaveLength(2);
    // Nor does asking again at the same visit give its code new tries.
    expect(await at.signUps.proveByCode(visit(0), '0000 0000')).toBe(false);
    await begin(at, address(), visit(0));
    const tried = await rooms.db.selectFrom('mailed_proofs').select('tries').where('tries', '>', 0).execute();
    expect(tried).toContainEqual({ tries: 1 });
  });

  it('A7 closed: nobody is let in, and domains are compared exactly', async () => {
    const closed = signingUp();
    expect(closed.signUps.offered).toBe(false);
    expect(await closed.signUps.allowed(address())).toBe(false);
    const domains = signingUp({
      CARDEA_SIGN_UP: 'domains',
      CARDEA_SIGN_UP_DOMAINS: 'Example.org, bücher.example',
    });
    const allowed = [
      'a@example.org',
      'a@EXAMPLE.ORG',
      'a@xn--bcher-kva.example',
      'a@b@example.org',
      'a@sub.example.org',
      'a@example.org.evil.example',
      'example.org',
    ];
    const judged = await Promise.all(allowed.map((email) => domains.signUps.allowed(email)));
    expect(judged).toEqual([true, true, true, false, false, false, false]);
    expect(await begin(domains, address())).toEqual({ kind: 'domain' });
    expect(await domains.boxed(address())).toEqual([]);
    // What began while it was open ends with it.
    const opened = signingUp(open_);
    await begin(opened, address());
    await opened.signUps.proveByCode(visit(), (await opened.mailed(address())).code);
    const outcome = await closed.signUps.complete({ visit: visit() }, { name: '', password }, by);
    expect(outcome).toEqual({ kind: 'gone' });
  });

  const clerk = { role: 'clerk', audience: 'https://api.example' };
  const invite = (at: ReturnType<typeof signingUp>, email: string, lifetimeSeconds?: number) =>
    at.invitations.create({ email, roles: [clerk, { role: 'gone' }], lifetimeSeconds }, operator);

  it('A6 an invitation works once, while sign-up is closed, and gives the roles of its row that are still there', async () => {
    const at = signingUp();
    const email = address();
    expect(await invite(at, email)).toMatchObject({ kind: 'invited' });
    expect(await at.signUps.allowed(email.toUpperCase())).toBe(true);
    const { token } = await at.mailed(email);
    await rooms.roles.delete({ audience: 'https://api.example', role: 'gone' }, operator);
    const accept = () => at.signUps.complete({ token }, { name: 'Clerk', password }, by);
    const all = await Promise.all(Array.from({ length: 5 }, accept));
    expect(all.map(({ kind }) => kind).sort()).toEqual(['created', 'gone', 'gone', 'gone', 'gone']);
    const account = await rooms.accounts.findByEmail(email);
    expect(account).toMatchObject({ emailVerified: true });
    expect(await rooms.roles.ofAccount(account?.id ?? '')).toEqual([clerk]);
    expect(await auditedOf(rooms, account?.id ?? '')).toContain('invitation.accepted');
    expect(await accept()).toEqual({ kind: 'gone' });
    expect(await at.invitations.list()).toEqual([]);
    await rooms.roles.create({ name: 'gone', audience: 'https://api.example', permissions: [] }, operator);
    expect(await invite(at, email)).toEqual({ kind: 'taken' });
  });

  // PGlite has one connection: there nothing ever waits for a lock.
  if (name === 'Postgres') {
    it('A6 an invitation that is taken back while it is being accepted: neither waits for the other in a circle', async () => {
      const at = signingUp();
      const email = address();
      const made = await invite(at, email);
      if (made.kind !== 'invited') throw new Error(made.kind);
      const { token } = await at.mailed(email);
      const { accepting } = await database.db.transaction().execute(async (trx) => {
        await deleteInvitation(trx, made.invitation.id);
        const started = at.signUps.complete({ token }, { name: '', password }, by);
        for (let waiting = 0; waiting === 0; ) {
          const { rows: found } = await sql`select from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'`.execute(database.db);
          waiting = found.length;
        }
        await rooms.mailedProofs.withdraw(trx, 'invitation', email);
        return { accepting: started };
      });
      expect(await accepting).toEqual({ kind: 'gone' });
      expect(await rooms.accounts.findByEmail(email)).toBeUndefined();
    });
  }

  it('A6 expired, replaced, taken back, with a forged role or for another address: refused', async () => {
    const at = signingUp();
    const email = address();
    await invite(at, email, 3600);
    const old = (await at.mailed(email)).token;
    await invite(at, email, 3600);
    expect(await at.signUps.look(old)).toBeUndefined();
    const { token, code } = await at.mailed(email);
    // The code of one address opens no other, and a link that takes its place is for the same.
    expect(await at.signUps.linkOfInvitation({ email: `x${email}`, code })).toBeUndefined();
    const link = await at.signUps.linkOfInvitation({ email, code });
    expect(await at.signUps.look(link ?? '')).toMatchObject({ email });
    expect(await at.signUps.look(token)).toBeUndefined();
    rooms.clock.advance(3601);
    expect(await at.signUps.complete({ token: link ?? '' }, { name: '', password }, by)).toEqual({
      kind: 'gone',
    });
    await at.invitations.sweep();
    expect(await at.invitations.list()).toEqual([]);

    const made = await invite(at, email);
    const again = await at.mailed(email);
    expect(made.kind === 'invited' && (await at.invitations.delete(made.invitation.id, operator))).toBe(true);
    expect(await at.signUps.complete({ token: again.token }, { name: '', password }, by)).toEqual({
      kind: 'gone',
    });
    expect(await at.invitations.create({ email, roles: [{ role: 'emperor' }] }, operator)).toMatchObject({
      kind: 'faults',
      faults: [{ field: 'role' }],
    });
  });

  it('by invitation: an invited address signs up like any other and gets its roles; another one is told by mail', async () => {
    const at = signingUp({ CARDEA_SIGN_UP: 'invitation' });
    const invited = address();
    await invite(at, invited);
    const costs: number[] = [];
    for (const [n, email] of [invited, `un${invited}`].entries()) {
      const before = counter.statements;
      expect(await begin(at, email, visit(n))).toEqual({ kind: 'sent' });
      costs.push(counter.statements - before);
    }
    expect(costs[0]).toBe(costs[1]);
    expect((await at.mailed(`un${invited}`)).text).toContain('needs an invitation');
    expect((await at.mailed(`un${invited}`)).code).toBe('');
    await at.signUps.proveByCode(visit(), (await at.mailed(invited)).code);
    const made = await at.signUps.complete({ visit: visit() }, { name: '', password }, by);
    expect(made.kind).toBe('created');
    if (made.kind === 'created') expect(await rooms.roles.ofAccount(made.account.id)).toHaveLength(2);
  });

  it('what has expired is swept', async () => {
    const at = signingUp(open_);
    await begin(at, address());
    rooms.clock.advance(3601);
    expect(await at.signUps.stand(visit())).toBeUndefined();
    await at.signUps.sweep();
    expect(await rooms.db.selectFrom('sign_ups').selectAll().execute()).toEqual([]);
  });
});
