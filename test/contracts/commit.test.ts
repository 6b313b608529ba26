/** The contract of `commit`: replay-safe rotation, one statement that picks the winner and ends what was stolen. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../src/storage/ids.ts';
import { type Backend, backends } from './backends.ts';
import { atOnce, makeFamily, putOf, rotation } from './builders.ts';

const ROUNDS = 50;
const PARALLEL = 20;

describe.each(backends)('commits $name', ({ open }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend?.close());

  // 1,000 commits on the one connection of an embedded database, on a machine that does other things too.
  const patience = 120_000;

  test(
    `20 parallel refreshes, ${ROUNDS} times: one successor, the same answer for all others`,
    async () => {
      const { artifacts } = backend;
      for (let round = 0; round < ROUNDS; round += 1) {
        const { grant, refresh } = await makeFamily(artifacts);
        const tries = Array.from({ length: PARALLEL }, () => rotation(grant, refresh));
        const outcomes = await atOnce(PARALLEL, (n) =>
          artifacts.commit(tries[n]?.commit ?? { family: '', puts: [] }),
        );
        const winners = tries.filter((_, n) => outcomes[n]?.kind === 'committed');
        expect(winners).toHaveLength(1);
        const answers = new Set(outcomes.flatMap((o) => (o.kind === 'replayed' ? [o.sealed] : [])));
        expect([...answers]).toEqual([winners[0]?.commit.consume.answer.sealed]);
        expect(outcomes.filter(({ kind }) => kind !== 'committed').map(({ kind }) => kind)).toEqual(
          Array(PARALLEL - 1).fill('replayed'),
        );
        const alive = await Promise.all(tries.map(({ refresh: id }) => artifacts.find('RefreshToken', id)));
        expect(alive.filter(({ artifact }) => artifact)).toHaveLength(1);
      }
    },
    patience,
  );

  test('strict window 0: one winner, and the family is dead', async () => {
    const { artifacts } = backend;
    for (let round = 0; round < 10; round += 1) {
      const { grant, access, refresh } = await makeFamily(artifacts);
      const outcomes = await atOnce(PARALLEL, () => artifacts.commit(rotation(grant, refresh, 0).commit));
      const kinds = outcomes.map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'committed')).toHaveLength(1);
      expect(kinds.filter((kind) => kind === 'theft').length).toBeGreaterThanOrEqual(1);
      expect(['committed', 'theft', 'ended']).toEqual(expect.arrayContaining(kinds));
      expect(await artifacts.find('AccessToken', access)).toEqual({ ended: 'replayed' });
    }
  });

  test('the consumed token brings its answer in find while the window is open', async () => {
    const { artifacts, clock } = backend;
    const { grant, refresh } = await makeFamily(artifacts);
    const { commit } = rotation(grant, refresh);
    expect(await artifacts.commit(commit)).toEqual({ kind: 'committed' });
    const found = await artifacts.find('RefreshToken', refresh);
    expect(found.artifact?.consumedAt).toBeGreaterThan(0);
    expect(found.answer).toMatchObject({ sealed: commit.consume.answer.sealed, binding: 'same client' });
    expect(found.answer?.until).toBeGreaterThan(clock.now() + 28_000);
    clock.advance(31);
    expect(await artifacts.find('RefreshToken', refresh)).not.toHaveProperty('answer');
  });

  test('another binding inside the window is refused and harms nothing', async () => {
    const { artifacts } = backend;
    const { grant, refresh } = await makeFamily(artifacts);
    const first = rotation(grant, refresh);
    await artifacts.commit(first.commit);
    expect(await artifacts.commit(rotation(grant, refresh, 30, 'other scope').commit)).toEqual({
      kind: 'mismatch',
    });
    expect((await artifacts.find('RefreshToken', first.refresh)).artifact).toBeDefined();
    expect(await artifacts.commit(rotation(grant, first.refresh).commit)).toEqual({ kind: 'committed' });
  });

  test('T5: after the window it is theft; that family is dead and another one goes on', async () => {
    const { artifacts, clock } = backend;
    const { grant, refresh, access } = await makeFamily(artifacts);
    const other = await makeFamily(artifacts);
    const first = rotation(grant, refresh);
    await artifacts.commit(first.commit);
    clock.advance(31);
    expect(await artifacts.commit(rotation(grant, refresh).commit)).toMatchObject({ kind: 'theft' });
    for (const id of [access, first.access]) {
      expect(await artifacts.find('AccessToken', id)).toEqual({ ended: 'replayed' });
    }
    expect(await artifacts.commit(rotation(grant, first.refresh).commit)).toEqual({
      kind: 'ended',
      reason: 'replayed',
    });
    expect(await artifacts.commit(rotation(other.grant, other.refresh).commit)).toEqual({
      kind: 'committed',
    });
  });

  test('the first use is told to the second one: when, and from where', async () => {
    const { artifacts, clock } = backend;
    const { grant, refresh } = await makeFamily(artifacts);
    const { commit } = rotation(grant, refresh, 0);
    const at = clock.now();
    await artifacts.commit({ ...commit, consume: { ...commit.consume, from: '203.0.113.7' } });
    clock.advance(41);
    const firstUse = { at: expect.closeTo(at, -4), from: '203.0.113.7' };
    const found = await artifacts.find('RefreshToken', refresh);
    expect(found.artifact).toMatchObject({ consumedFrom: '203.0.113.7' });
    expect(await artifacts.commit(rotation(grant, refresh, 0).commit)).toEqual({ kind: 'theft', firstUse });
  });

  test('T5: once the successor was used, the token is theft at once, inside the window too', async () => {
    const { artifacts } = backend;
    const { grant, refresh } = await makeFamily(artifacts);
    const first = rotation(grant, refresh);
    const second = rotation(grant, first.refresh);
    await artifacts.commit(first.commit);
    await artifacts.commit(second.commit);
    expect(await artifacts.find('RefreshToken', refresh)).not.toHaveProperty('answer');
    expect((await artifacts.find('RefreshToken', first.refresh)).answer).toBeDefined();
    expect(await artifacts.commit(rotation(grant, refresh).commit)).toMatchObject({ kind: 'theft' });
    expect(await artifacts.find('RefreshToken', second.refresh)).toEqual({ ended: 'replayed' });
  });

  test(
    'T1: a code redeemed twice ends its family (RFC 6749 section 4.1.2)',
    async () => {
      const { artifacts } = backend;
      for (let round = 0; round < ROUNDS; round += 1) {
        const { grant, code, access } = await makeFamily(artifacts);
        const redeem = () => {
          const puts = [putOf('AccessToken', newId('AccessToken', grant), grant)];
          return artifacts.commit({ family: grant, consume: { kind: 'AuthorizationCode', id: code }, puts });
        };
        const outcomes = await atOnce(PARALLEL, redeem);
        expect(outcomes.filter(({ kind }) => kind === 'committed')).toHaveLength(1);
        expect(await artifacts.find('AccessToken', access)).toEqual({ ended: 'replayed' });
      }
    },
    patience,
  );

  test('F14: a commit that was under way while its sender gave up ends no family', async () => {
    const { artifacts, clock } = backend;
    const { grant, refresh } = await makeFamily(artifacts);
    const held = rotation(grant, refresh);
    const second = rotation(grant, refresh);
    const third = rotation(grant, second.refresh);
    expect(await artifacts.commit(second.commit)).toEqual({ kind: 'committed' });
    expect(await artifacts.commit(third.commit)).toEqual({ kind: 'committed' });
    // As it was sent: two seconds before the others.
    clock.advance(-2);
    expect(await artifacts.commit(held.commit)).toEqual({ kind: 'absent' });
    clock.advance(2);
    expect((await artifacts.find('RefreshToken', third.refresh)).artifact).toBeDefined();
    expect((await artifacts.find('RefreshToken', held.refresh)).artifact).toBeUndefined();
    // The same again now is theft as ever.
    expect(await artifacts.commit(held.commit)).toMatchObject({ kind: 'theft' });
  });

  test('F30: who had read the token unused has lost a race, however late the commit comes, and ends no family', async () => {
    const { artifacts, clock } = backend;
    const { grant, refresh } = await makeFamily(artifacts);
    const held = rotation(grant, refresh);
    const late = { ...held.commit, consume: { ...held.commit.consume, readUnused: true } };
    const second = rotation(grant, refresh);
    const third = rotation(grant, second.refresh);
    await artifacts.commit(second.commit);
    expect(await artifacts.commit(late)).toMatchObject({ kind: 'replayed' });
    await artifacts.commit(third.commit);
    expect(await artifacts.commit(late)).toEqual({ kind: 'mismatch' });
    clock.advance(31);
    expect(await artifacts.commit(late)).toEqual({ kind: 'mismatch' });
    expect((await artifacts.find('RefreshToken', held.refresh)).artifact).toBeUndefined();
    expect((await artifacts.find('RefreshToken', third.refresh)).artifact).toBeDefined();
    // Who reads it now sees that it was used: that is theft as ever.
    expect((await artifacts.find('RefreshToken', refresh)).artifact?.consumedAt).toBeGreaterThan(0);
    expect(await artifacts.commit(held.commit)).toMatchObject({ kind: 'theft' });
  });

  test('the end by theft outlives everything of the family', async () => {
    const { artifacts, clock } = backend;
    const { grant, refresh, access } = await makeFamily(artifacts);
    await artifacts.commit(rotation(grant, refresh, 0).commit);
    expect(await artifacts.commit(rotation(grant, refresh, 0).commit)).toMatchObject({ kind: 'theft' });
    clock.advance(86_000);
    await artifacts.put(putOf('AccessToken', access, grant));
    expect(await artifacts.find('AccessToken', access)).not.toHaveProperty('artifact');
  });

  test('a Grant and what hangs on it are stored together, without anything to consume', async () => {
    const { artifacts } = backend;
    const grant = newId('Grant');
    const code = newId('AuthorizationCode', grant);
    const puts = [putOf('Grant', grant), putOf('AuthorizationCode', code, grant)];
    expect(await artifacts.commit({ family: grant, puts })).toEqual({ kind: 'committed' });
    const found = await artifacts.find('AuthorizationCode', code);
    expect(found.artifact).toBeDefined();
    expect(found.grant).toBeDefined();
  });

  test('absent: an unknown token, a token of another family, a family without a Grant; nothing is stored', async () => {
    const { artifacts } = backend;
    const { grant } = await makeFamily(artifacts);
    const other = await makeFamily(artifacts);
    for (const from of [newId('RefreshToken', grant), other.refresh]) {
      const attempt = rotation(grant, from);
      expect(await artifacts.commit(attempt.commit)).toEqual({ kind: 'absent' });
      expect(await artifacts.find('RefreshToken', attempt.refresh)).toEqual({});
    }
    expect((await artifacts.find('RefreshToken', other.refresh)).artifact).not.toHaveProperty('consumedAt');
  });

  test('a repetition costs one trip', async () => {
    const { artifacts } = backend;
    const { grant, refresh } = await makeFamily(artifacts);
    await artifacts.commit(rotation(grant, refresh).commit);
    const trips = artifacts.tripCount();
    const found = await artifacts.find('RefreshToken', refresh);
    expect(found.answer).toBeDefined();
    expect(artifacts.tripCount()).toBe(trips + 1);
  });
});
