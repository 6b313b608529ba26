import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Artifacts, CommitOutcome } from '../../src/storage/artifacts.ts';
import { createSqlArtifacts } from '../../src/storage/artifacts-sql.ts';
import type { OpenDatabase } from '../../src/storage/database.ts';
import { createFamilyEnder } from '../../src/storage/families.ts';
import { newId } from '../../src/storage/ids.ts';
import { databases, movableClock, sealing, silent, type TestDatabase } from './databases.ts';

const ROUNDS = 50;
const PARALLEL = 20;

describe.each(databases)('families in SQL $name', ({ open }) => {
  const clock = movableClock();
  let database: TestDatabase;
  let other: OpenDatabase;
  let sides: readonly [Artifacts, Artifacts];

  beforeAll(async () => {
    database = await open();
    other = await database.second();
    sides = [
      createSqlArtifacts({ db: database.db, sealing, clock }),
      createSqlArtifacts({ db: other.db, sealing, clock }),
    ];
  });
  afterAll(() => database.close());

  const side = (n: number): Artifacts => (n % 2 === 0 ? sides[0] : sides[1]);

  async function newFamily() {
    const family = newId('Grant');
    const token = newId('RefreshToken', family);
    await sides[0].put({ kind: 'Grant', id: family, payload: { accountId: 'a' }, ttlSeconds: 3600 });
    await sides[0].put({ kind: 'RefreshToken', id: token, family, payload: { n: 0 }, ttlSeconds: 3600 });
    return { family, token };
  }

  function refresh(n: number, family: string, token: string, windowSeconds = 30) {
    const successor = newId('RefreshToken', family);
    const commit = side(n).commit({
      family,
      consume: {
        kind: 'RefreshToken',
        id: token,
        answer: { sealed: `answer with ${successor}`, binding: 'same', windowSeconds },
      },
      puts: [
        { kind: 'RefreshToken', id: successor, payload: { n }, ttlSeconds: 3600 },
        { kind: 'AccessToken', id: newId('AccessToken', family), payload: { n }, ttlSeconds: 900 },
      ],
    });
    return commit.then((outcome) => ({ outcome, successor }));
  }

  const kinds = <T extends { outcome: CommitOutcome }>(outcomes: readonly T[], kind: CommitOutcome['kind']) =>
    outcomes.filter(({ outcome }) => outcome.kind === kind);

  test('R6 T6: 20 parallel refreshes, 50 rounds: one successor, the winner’s answer for all', {
    timeout: 60_000,
  }, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { family, token } = await newFamily();
      const outcomes = await Promise.all(
        Array.from({ length: PARALLEL }, (_, n) => refresh(n, family, token)),
      );
      const [winner, ...others] = kinds(outcomes, 'committed');
      expect(others).toHaveLength(0);
      const answers = kinds(outcomes, 'replayed').map(({ outcome }) => 'sealed' in outcome && outcome.sealed);
      expect(answers).toEqual(Array(PARALLEL - 1).fill(`answer with ${winner?.successor}`));
      const found = await sides[1].find('RefreshToken', winner?.successor ?? '');
      expect(found.artifact?.consumedAt).toBeUndefined();
      expect(found.grant).toBeDefined();
    }
  });

  test('T2: 20 parallel redemptions without a kept answer, 50 rounds: one winner, then theft', {
    timeout: 60_000,
  }, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { family, token } = await newFamily();
      const outcomes = await Promise.all(
        Array.from({ length: PARALLEL }, (_, n) => refresh(n, family, token, 0)),
      );
      const [winner, ...others] = kinds(outcomes, 'committed');
      expect(others).toHaveLength(0);
      expect(winner).toBeDefined();
      expect(kinds(outcomes, 'theft')).toHaveLength(1);
      expect(kinds(outcomes, 'ended')).toHaveLength(PARALLEL - 2);
      expect(await sides[0].find('RefreshToken', winner?.successor ?? '')).toEqual({ ended: 'replayed' });
      expect(await sides[1].familyState(family, 'x')).toMatchObject({ known: false, ended: 'replayed' });
    }
  });

  test('a consume has one winner among 20, 50 rounds', { timeout: 60_000 }, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { token } = await newFamily();
      const won = await Promise.all(
        Array.from({ length: PARALLEL }, (_, n) => side(n).consume('RefreshToken', token)),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
    }
  });

  test('a claim has one winner among 20, 50 rounds', { timeout: 60_000 }, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const value = newId('AccessToken');
      const until = clock.now() + 60_000;
      const won = await Promise.all(
        Array.from({ length: PARALLEL }, (_, n) => side(n).claim('dpop', value, until)),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
    }
  });

  test('T24: a family that ends while refreshes and puts are in flight: nothing of it is findable', {
    timeout: 60_000,
  }, async () => {
    const ender = createFamilyEnder({ db: other.db, artifacts: sides[1], clock, log: silent });
    let committed = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const { family, token } = await newFamily();
      const loose = Array.from({ length: 4 }, () => newId('AccessToken', family));
      const writes = [
        refresh(round, family, token),
        refresh(round + 1, family, token),
        ...loose.map((id, n) =>
          side(n).put({ kind: 'AccessToken', id, family, payload: {}, ttlSeconds: 900 }),
        ),
      ];
      const end =
        round % 2
          ? ender.end([family], 'revoked by person')
          : sides[1].endFamily(family, 'revoked by person', 3600);
      const outcomes = await Promise.all(writes);
      await end;
      const refreshes = outcomes.flatMap((done) => (typeof done === 'object' ? [done] : []));
      const successors = refreshes.map((done) => done.successor);
      committed += refreshes.filter((done) => done.outcome.kind === 'committed').length;
      for (const id of [token, ...successors]) {
        expect((await side(round).find('RefreshToken', id)).artifact).toBeUndefined();
      }
      for (const id of loose) expect((await side(round).find('AccessToken', id)).artifact).toBeUndefined();
      expect(await sides[0].find('Grant', family)).toEqual({ ended: 'revoked by person' });
      expect((await refresh(0, family, token)).outcome).toEqual({
        kind: 'ended',
        reason: 'revoked by person',
      });
    }
    expect(committed).toBeGreaterThan(0);
  });

  test('R9: the successor’s use takes the old answer away: the old token is theft then, inside the window too', async () => {
    const { family, token } = await newFamily();
    const first = await refresh(0, family, token);
    expect((await refresh(1, family, token)).outcome.kind).toBe('replayed');
    expect((await refresh(0, family, first.successor)).outcome.kind).toBe('committed');
    expect((await sides[0].find('RefreshToken', token)).answer).toBeUndefined();
    expect((await refresh(1, family, token)).outcome.kind).toBe('theft');
  });

  test('a find, a put, a consume, a commit are one statement each; a replay too', async () => {
    const { family, token } = await newFamily();
    const before = database.statementCount();
    await sides[0].find('RefreshToken', token);
    await sides[0].put({
      kind: 'AccessToken',
      id: newId('AccessToken', family),
      family,
      payload: {},
      ttlSeconds: 9,
    });
    await refresh(0, family, token);
    await refresh(0, family, token);
    await sides[0].familyState(family, 'jti');
    expect(database.statementCount() - before).toBe(5);
  });
});
