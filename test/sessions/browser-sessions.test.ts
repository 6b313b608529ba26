/** What people see of their sessions, and end; and the one session that lives on when all others end. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAudit } from '../../src/audit/audit.ts';
import { defaultLifetimes } from '../../src/config/lifetimes.ts';
import { Secret } from '../../src/config/secret.ts';
import { browserNames } from '../../src/sessions/browser-names.ts';
import { createBrowserSessions } from '../../src/sessions/browser-sessions.ts';
import { createSessions } from '../../src/sessions/sessions.ts';
import { createSqlArtifacts } from '../../src/storage/artifacts-sql.ts';
import { endAccess, isEnded, loadEnds } from '../../src/storage/ended-access.ts';
import { createFamilyEnder } from '../../src/storage/families.ts';
import { newId, newSessionUid } from '../../src/storage/ids.ts';
import { createSealing } from '../../src/storage/sealing.ts';
import { databases, quiet, standingClock, type TestDatabase } from '../clients/databases.ts';

const sealing = createSealing([new Secret('a master key for tests, of 40 characters')]);
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

it('browsers are told by two names, whatever they say', () => {
  expect(browserNames(firefox)).toEqual({ browser: 'Firefox', system: 'Linux', device: 'computer' });
  const iphone =
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1';
  expect(browserNames(iphone)).toEqual({ browser: 'Mobile Safari', system: 'iOS', device: 'phone' });
  expect(browserNames('')).toEqual({ browser: undefined, system: undefined, device: 'other' });
  const hostile = browserNames(
    `<script>alert(1)</script>\u202E ${'A'.repeat(10_000)}/1.0 (${'('.repeat(5_000)}`,
  );
  expect(JSON.stringify(hostile)).not.toMatch(/[<>\u202E]/);
});

describe.each(databases)('browser sessions on $name', ({ open }) => {
  let database: TestDatabase;
  let rooms: ReturnType<typeof build>;
  beforeAll(async () => {
    database = await open();
    rooms = build();
  });
  afterAll(async () => {
    await rooms.browserSessions.close();
    await rooms.audit.close();
    await database.close();
  });

  function build() {
    const { db } = database;
    const clock = standingClock();
    const audit = createAudit({ db, clock, log: quiet });
    const artifacts = createSqlArtifacts({ db, sealing, clock });
    const families = createFamilyEnder({ db, artifacts, clock, log: quiet });
    const lifetimes = defaultLifetimes;
    const sessions = createSessions({ db, artifacts, families, audit, clock, lifetimes });
    const browserSessions = createBrowserSessions({
      db,
      sealing,
      sessions,
      audit,
      clock,
      lifetimes,
      log: quiet,
    });
    return { db, clock, audit, artifacts, sessions, browserSessions };
  }

  async function account(): Promise<string> {
    const id = newSessionUid();
    const at = new Date(rooms.clock.now());
    const row = { id, email: `${id}@example.com`, email_canonical: `${id}@example.com`, profile: '{}' };
    await rooms.db
      .insertInto('accounts')
      .values({ ...row, created_at: at, updated_at: at })
      .execute();
    return id;
  }

  async function signIn(accountId: string, uid = newSessionUid(), remembered = true): Promise<string> {
    const { browserSessions, clock } = rooms;
    const network = '203.0.113.7';
    const at = clock.now();
    await browserSessions.signedIn({
      uid,
      accountId,
      at,
      amr: ['pwd'],
      remembered,
      network,
      userAgent: firefox,
    });
    return uid;
  }

  const by = (id: string) => ({ actor: { kind: 'account', id } }) as const;

  it('a session is listed from its sign-in until it ends, with its last use a few minutes late', async () => {
    const { browserSessions, clock } = rooms;
    const ada = await account();
    const startedAt = clock.now();
    const uid = await signIn(ada, undefined, false);
    const [one] = await browserSessions.list(ada);
    expect(one).toMatchObject({
      startedAt,
      browser: 'Firefox',
      system: 'Linux',
      amr: ['pwd'],
      remembered: false,
    });
    expect(one?.key).toBe(browserSessions.keyOf(uid));
    const use = async (seconds: number) => {
      clock.advance(seconds);
      browserSessions.seen({ uid, network: '198.51.100.9', secondsLeft: defaultLifetimes.briefIdle });
      await browserSessions.flush();
      return (await browserSessions.list(ada))[0];
    };
    expect(await use(60)).toMatchObject({ lastSeenAt: startedAt, lastNetwork: '203.0.113.7' });
    expect(await use(300)).toMatchObject({ lastSeenAt: startedAt + 360_000, lastNetwork: '198.51.100.9' });
    clock.advance(defaultLifetimes.briefIdle + 301);
    expect(await browserSessions.list(ada)).toEqual([]);
    // It ran out: its use is no revival, and a sign-in in it is a new beginning of the same row.
    expect(await browserSessions.end(ada, one?.id ?? '', by(ada))).toBe(false);
  });

  it('S9 ending one reaches everything inside, offline too, once, and nothing of another session', async () => {
    const { browserSessions, artifacts, audit } = rooms;
    const ada = await account();
    const [uid, kept] = [await signIn(ada), await signIn(ada)];
    const family = async (of: string, offline: boolean) => {
      const id = newId('Grant');
      await artifacts.put({ kind: 'Grant', id, family: id, payload: {}, ttlSeconds: 3600 });
      await artifacts.addSessionFamily(of, id, offline, 'app', 3600);
      return id;
    };
    const families = [await family(uid, false), await family(uid, true), await family(kept, true)];
    const listed = await browserSessions.list(ada);
    const id = listed.find(({ key }) => key === browserSessions.keyOf(uid))?.id ?? '';
    await Promise.all([1, 2, 3].map(() => browserSessions.end(ada, id, by(ada))));
    const ended = await Promise.all(families.map(async (one) => (await artifacts.find('Grant', one)).ended));
    expect(ended).toEqual(['revoked by person', 'revoked by person', undefined]);
    expect((await browserSessions.list(ada)).map(({ key }) => key)).toEqual([browserSessions.keyOf(kept)]);
    expect(await browserSessions.end(ada, id, by(ada))).toBe(false);
    const { events } = await audit.search({ accountId: ada, type: 'session.ended' });
    expect(events.length).toBeGreaterThanOrEqual(1);
    expect(events[0]?.detail).toEqual({ reason: 'revoked by person' });
  });

  it('A9 nobody ends the session of another account, by its true name', async () => {
    const { browserSessions } = rooms;
    const [ada, eve] = [await account(), await account()];
    await signIn(ada);
    const id = (await browserSessions.list(ada))[0]?.id ?? '';
    expect(await browserSessions.end(eve, id, by(eve))).toBe(false);
    expect(await browserSessions.list(ada)).toHaveLength(1);
  });

  it('a sign-in to a session that was ended meanwhile shows nothing', async () => {
    const { browserSessions, sessions } = rooms;
    const ada = await account();
    const uid = await signIn(ada);
    await sessions.signOut(uid, ada);
    await signIn(ada, uid);
    expect(await browserSessions.list(ada)).toEqual([]);
    // An account that is gone has no sessions, and its last sign-in is no fault.
    await rooms.db.deleteFrom('accounts').where('id', '=', ada).execute();
    await signIn(ada);
    expect(await browserSessions.list(ada)).toEqual([]);
  });

  it('all others end by one fact, which keeps one session and what was begun in it', async () => {
    const { browserSessions, sessions, clock, db } = rooms;
    const ada = await account();
    const [mine, other] = [await signIn(ada), await signIn(ada)];
    await sessions.signOutEverywhere(ada, by(ada), { keep: mine });
    expect((await browserSessions.list(ada)).map(({ key }) => key)).toEqual([browserSessions.keyOf(mine)]);
    const now = clock.now();
    const ends = await loadEnds(db, { accountId: ada });
    expect([isEnded(ends, now, mine), isEnded(ends, now, other), isEnded(ends, now)]).toEqual([
      false,
      true,
      true,
    ]);
    expect(isEnded(ends, now + 1, other)).toBe(false);
    // The same in a row that is written after the fact.
    await signIn(ada);
    expect(await browserSessions.list(ada)).toHaveLength(1);
    clock.advance(1);
    await sessions.signOutEverywhere(ada, by(ada));
    expect(await browserSessions.list(ada)).toEqual([]);
  });

  it('S23 of facts in any order nothing revives what one of them ended', async () => {
    const { db } = rooms;
    const facts = [
      { at: 1_000, keep: 'x' },
      { at: 2_000, keep: undefined },
      { at: 2_000, keep: 'y' },
      { at: 3_000, keep: 'x' },
      { at: 4_000, keep: 'y' },
      { at: 5_000, keep: 'y' },
    ];
    const probes = [500, 1_000, 1_500, 2_000, 2_500, 3_000, 3_500, 4_000, 4_500, 5_000, 5_500];
    let seed = 7;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    for (let round = 0; round < 25; round += 1) {
      const accountId = `order-${round}`;
      const order = [...facts].sort(() => random() - 0.5).slice(0, 1 + Math.floor(random() * facts.length));
      for (const { at, keep } of order) {
        const fact = { accountId, reason: 'signed out', at, expiresAt: 9e12 } as const;
        await endAccess(db, { ...fact, ...(keep === undefined ? {} : { keptSession: keep }) });
      }
      const ends = await loadEnds(db, { accountId });
      for (const session of ['x', 'y', undefined]) {
        for (const signedInAt of probes) {
          const dead = order.some(
            ({ at, keep }) => signedInAt <= at && (keep === undefined || keep !== session),
          );
          // What no fact ended may be taken along only where two facts kept different sessions.
          if (dead) expect(isEnded(ends, signedInAt, session), `${session} ${signedInAt}`).toBe(true);
          else if (order.every(({ at }) => signedInAt > at)) {
            expect(isEnded(ends, signedInAt, session)).toBe(false);
          }
        }
      }
    }
  });

  it('what is over is forgotten after a while, in bounded steps', async () => {
    const { browserSessions, clock, db } = rooms;
    const ada = await account();
    await signIn(ada);
    clock.advance(defaultLifetimes.sessionAbsolute + defaultLifetimes.familyHistory + 1);
    expect(await browserSessions.sweep()).toBeGreaterThanOrEqual(1);
    const left = await db.selectFrom('browser_sessions').select('id').where('account_id', '=', ada).execute();
    expect(left).toEqual([]);
  });
});
