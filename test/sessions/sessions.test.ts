import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAudit } from '../../src/audit/audit.ts';
import { defaultLifetimes } from '../../src/config/lifetimes.ts';
import { Secret } from '../../src/config/secret.ts';
import { createSessions } from '../../src/sessions/sessions.ts';
import { createSqlArtifacts } from '../../src/storage/artifacts-sql.ts';
import { loadEnds } from '../../src/storage/ended-access.ts';
import { createFamilyEnder } from '../../src/storage/families.ts';
import { newId } from '../../src/storage/ids.ts';
import { createSealing } from '../../src/storage/sealing.ts';
import { databases, quiet, standingClock, type TestDatabase } from '../clients/databases.ts';

const sealing = createSealing([new Secret('a master key for tests, of 40 characters')]);

describe.each(databases)('sessions on $name', ({ open }) => {
  let database: TestDatabase;
  let rooms: ReturnType<typeof build>;
  beforeAll(async () => {
    database = await open();
    rooms = build();
  });
  afterAll(async () => {
    await rooms.audit.close();
    await database.close();
  });

  function build() {
    const { db } = database;
    const clock = standingClock();
    const audit = createAudit({ db, clock, log: quiet });
    const artifacts = createSqlArtifacts({ db, sealing, clock });
    const families = createFamilyEnder({ db, artifacts, clock, log: quiet });
    const sessions = createSessions({ db, artifacts, families, audit, clock, lifetimes: defaultLifetimes });
    return { clock, audit, artifacts, sessions };
  }

  async function family(): Promise<string> {
    const id = newId('Grant');
    await rooms.artifacts.put({ kind: 'Grant', id, family: id, payload: {}, ttlSeconds: 3600 });
    return id;
  }

  it('ends what hangs on the session at sign-out, and nothing that is offline or another session’s', async () => {
    const { sessions, artifacts, audit } = rooms;
    const [bound, another, offline, elsewhere] = [
      await family(),
      await family(),
      await family(),
      await family(),
    ];
    await sessions.addFamily('uid-1', bound, false, 'app');
    await sessions.addFamily('uid-1', another, false, 'other');
    await sessions.addFamily('uid-1', offline, true, 'app');
    await sessions.addFamily('uid-2', elsewhere, false, 'app');
    await sessions.signOut('uid-1', 'ada');
    const ended = async (id: string) => (await artifacts.find('Grant', id)).artifact === undefined;
    expect(await Promise.all([bound, another, offline, elsewhere].map(ended))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    const { events } = await audit.search({ accountId: 'ada' });
    expect(events).toMatchObject([
      { type: 'account.signed-out', detail: { everywhere: false, families: 2 } },
    ]);
    await sessions.signOut('uid-3', undefined);
  });

  it('S23 signs out everywhere by one fact about the account', async () => {
    const { sessions, clock } = rooms;
    await sessions.signOutEverywhere('grace', { actor: { kind: 'operator' } });
    expect(await loadEnds(database.db, { accountId: 'grace' })).toMatchObject({
      allBefore: clock.now(),
      reason: 'signed out',
    });
  });
});
