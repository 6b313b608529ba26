/** The contract of storage/artifacts.ts: what is stored, found, expired, consumed once and ended. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId, newSessionId } from '../../src/storage/ids.ts';
import { type Backend, backends } from './backends.ts';
import { atOnce, makeFamily, makeSession, putOf, rotation } from './builders.ts';

const ROUNDS = 50;
const PARALLEL = 20;

describe.each(backends)('artifacts $name', ({ open }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend?.close());

  describe('put and find', () => {
    test('what was put is found, with its times', async () => {
      const { artifacts, clock } = backend;
      const id = newId('Interaction');
      const before = clock.now();
      await artifacts.put({ ...putOf('Interaction', id, undefined, 600), payload: { a: [1, { b: 'ü' }] } });
      const { artifact } = await artifacts.find('Interaction', id);
      expect(artifact?.payload).toEqual({ a: [1, { b: 'ü' }] });
      expect(artifact?.bornAt).toBeGreaterThanOrEqual(before);
      expect(artifact?.expiresAt).toBe((artifact?.bornAt ?? 0) + 600_000);
      expect(artifact).not.toHaveProperty('consumedAt');
    });

    test('a second put replaces the payload and keeps the birth', async () => {
      const { artifacts, clock } = backend;
      const id = newId('Interaction');
      await artifacts.put(putOf('Interaction', id));
      const first = (await artifacts.find('Interaction', id)).artifact;
      clock.advance(10);
      await artifacts.put({ ...putOf('Interaction', id), payload: { step: 2 } });
      const second = (await artifacts.find('Interaction', id)).artifact;
      expect(second?.payload).toEqual({ step: 2 });
      expect(second?.bornAt).toBe(first?.bornAt);
      expect(second?.expiresAt).toBeGreaterThan((first?.expiresAt ?? 0) + 9000);
    });

    test('unknown and destroyed are absent; a value of another kind costs no trip', async () => {
      const { artifacts } = backend;
      expect(await artifacts.find('AccessToken', newId('AccessToken'))).toEqual({});
      const id = newId('Interaction');
      await artifacts.put(putOf('Interaction', id));
      await artifacts.destroy('Interaction', id);
      expect(await artifacts.find('Interaction', id)).toEqual({});
      const trips = artifacts.tripCount();
      for (const foreign of [newId('Grant'), '', 'A', `A${'x'.repeat(44)}`, "A'}{\0:*".padEnd(44, 'x')]) {
        expect(await artifacts.find('AccessToken', foreign)).toEqual({});
        expect(await artifacts.consume('AuthorizationCode', foreign)).toBe(false);
      }
      expect(artifacts.tripCount()).toBe(trips);
    });

    test('a token brings its Grant in the same trip and is as old as its family', async () => {
      const { artifacts, clock } = backend;
      const grant = newId('Grant');
      const access = newId('AccessToken', grant);
      await artifacts.put(putOf('Grant', grant));
      clock.advance(60);
      await artifacts.put(putOf('AccessToken', access, grant));
      const trips = artifacts.tripCount();
      const found = await artifacts.find('AccessToken', access);
      expect(artifacts.tripCount()).toBe(trips + 1);
      expect(found.grant?.payload).toEqual({ kind: 'Grant', made: 'for a test' });
      expect(found.artifact?.bornAt).toBe(found.grant?.bornAt);
      expect((await artifacts.find('Grant', grant)).artifact?.payload).toEqual(found.grant?.payload);
    });

    test('another value with the tag of a family finds nothing of it', async () => {
      const { artifacts } = backend;
      const { grant } = await makeFamily(artifacts);
      expect(await artifacts.find('Grant', newId('Grant', grant))).toEqual({});
      expect(await artifacts.find('RefreshToken', newId('RefreshToken', grant))).toEqual({});
      expect(await artifacts.familyState(newId('Grant', grant), 'jti')).toMatchObject({ known: false });
    });
  });

  describe('expiry', () => {
    test.each(['Interaction', 'ClientCredentials', 'PushedAuthorizationRequest'] as const)(
      '%s is absent once the clock has passed its end, before any sweep',
      async (kind) => {
        const { artifacts, clock } = backend;
        const id = newId(kind);
        await artifacts.put(putOf(kind, id, undefined, 60));
        clock.advance(59);
        expect(await artifacts.find(kind, id)).toHaveProperty('artifact');
        clock.advance(1);
        expect(await artifacts.find(kind, id)).toEqual({});
        expect(await artifacts.consume(kind, id)).toBe(false);
      },
    );

    test('tokens, their Grant and its state expire each on its own', async () => {
      const { artifacts, clock } = backend;
      const { grant, access, refresh, code } = await makeFamily(artifacts);
      clock.advance(3600);
      expect(await artifacts.find('AccessToken', access)).not.toHaveProperty('artifact');
      expect(await artifacts.consume('AuthorizationCode', code)).toBe(false);
      expect(await artifacts.commit(rotation(grant, refresh).commit)).toEqual({ kind: 'absent' });
      expect(await artifacts.familyState(grant, 'jti')).toMatchObject({ known: true, denied: false });
      clock.advance(86_400);
      expect(await artifacts.familyState(grant, 'jti')).toMatchObject({ known: false, denied: false });
    });

    test('a token that outlives its Grant is found without one, and cannot be rotated', async () => {
      const { artifacts, clock } = backend;
      const grant = newId('Grant');
      const refresh = newId('RefreshToken', grant);
      await artifacts.put(putOf('Grant', grant, undefined, 60));
      await artifacts.put(putOf('RefreshToken', refresh, grant, 3600));
      clock.advance(61);
      const found = await artifacts.find('RefreshToken', refresh);
      expect(found).toHaveProperty('artifact');
      expect(found).not.toHaveProperty('grant');
      expect(await artifacts.commit(rotation(grant, refresh).commit)).toEqual({ kind: 'absent' });
    });
  });

  describe('single use', () => {
    test.each(['AuthorizationCode', 'PushedAuthorizationRequest'] as const)(
      `I1: ${PARALLEL} parallel consumers of one %s, ${ROUNDS} times: one winner`,
      async (kind) => {
        const { artifacts } = backend;
        for (let round = 0; round < ROUNDS; round += 1) {
          const grant = kind === 'AuthorizationCode' ? newId('Grant') : undefined;
          const id = newId(kind, grant);
          if (grant) await artifacts.put(putOf('Grant', grant));
          await artifacts.put(putOf(kind, id, grant));
          const won = await atOnce(PARALLEL, () => artifacts.consume(kind, id));
          expect(won.filter(Boolean)).toHaveLength(1);
        }
      },
    );

    test('a consumed artifact stays findable as consumed, whatever is put over it', async () => {
      const { artifacts, clock } = backend;
      const { grant, code } = await makeFamily(artifacts);
      expect(await artifacts.consume('AuthorizationCode', code)).toBe(true);
      await artifacts.put(putOf('AuthorizationCode', code, grant));
      const { artifact } = await artifacts.find('AuthorizationCode', code);
      expect(artifact?.consumedAt).toBeLessThanOrEqual(clock.now());
      expect(await artifacts.consume('AuthorizationCode', code)).toBe(false);
    });

    test(`RFC 9449 11.1: ${PARALLEL} parallel claims of one value, ${ROUNDS} times: one winner`, async () => {
      const { artifacts, clock } = backend;
      for (let round = 0; round < ROUNDS; round += 1) {
        const value = `proof ${round}`;
        const won = await atOnce(PARALLEL, () => artifacts.claim('dpop', value, clock.now() + 60_000));
        expect(won.filter(Boolean)).toHaveLength(1);
      }
      expect(await artifacts.claim('assertion', 'proof 1', clock.now() + 60_000)).toBe(true);
    });
  });

  describe('endings', () => {
    test('an ended family is found no more, in no kind, and says why', async () => {
      const { artifacts } = backend;
      const { grant, code, access, refresh } = await makeFamily(artifacts);
      await artifacts.endFamily(grant, 'revoked by person', 60);
      await artifacts.endFamily(grant, 'signed out', 60);
      expect(await artifacts.find('AccessToken', access)).toEqual({ ended: 'revoked by person' });
      expect(await artifacts.find('RefreshToken', refresh)).toEqual({ ended: 'revoked by person' });
      expect(await artifacts.find('Grant', grant)).toEqual({ ended: 'revoked by person' });
      expect(await artifacts.consume('AuthorizationCode', code)).toBe(false);
      expect(await artifacts.familyState(grant, 'jti')).toMatchObject({ ended: 'revoked by person' });
      expect(await artifacts.commit(rotation(grant, refresh).commit)).toEqual({
        kind: 'ended',
        reason: 'revoked by person',
      });
    });

    test('nothing can be put into an ended family, its Grant included', async () => {
      const { artifacts } = backend;
      const { grant } = await makeFamily(artifacts);
      await artifacts.endFamily(grant, 'revoked by person', 60);
      const late = newId('AccessToken', grant);
      await artifacts.put(putOf('AccessToken', late, grant));
      await artifacts.put(putOf('Grant', grant));
      expect(await artifacts.find('AccessToken', late)).not.toHaveProperty('artifact');
      expect(await artifacts.find('Grant', grant)).not.toHaveProperty('artifact');
    });

    test('the end outlives everything of the family, however short a time was asked for', async () => {
      const { artifacts, clock } = backend;
      const { grant, access } = await makeFamily(artifacts);
      await artifacts.endFamily(grant, 'revoked by person', 1);
      clock.advance(3500);
      expect(await artifacts.find('AccessToken', access)).not.toHaveProperty('artifact');
      await artifacts.put(putOf('Grant', grant));
      await artifacts.put(putOf('AccessToken', access, grant));
      expect(await artifacts.find('AccessToken', access)).not.toHaveProperty('artifact');
    });

    test('I3: 50 endings against writes in flight leave nothing alive', async () => {
      const { artifacts } = backend;
      for (let round = 0; round < ROUNDS; round += 1) {
        const { grant, access, refresh } = await makeFamily(artifacts);
        const next = rotation(grant, refresh);
        const late = newId('AccessToken', grant);
        await Promise.all([
          artifacts.commit(next.commit),
          artifacts.put(putOf('AccessToken', late, grant)),
          artifacts.endFamily(grant, 'revoked by person', 60),
          artifacts.put(putOf('Grant', grant)),
        ]);
        for (const id of [access, late, next.access]) {
          expect(await artifacts.find('AccessToken', id)).not.toHaveProperty('artifact');
        }
        for (const id of [refresh, next.refresh]) {
          expect(await artifacts.find('RefreshToken', id)).not.toHaveProperty('artifact');
        }
        expect(await artifacts.find('Grant', grant)).not.toHaveProperty('artifact');
      }
    });

    test('one token is denied alone; without a family too', async () => {
      const { artifacts } = backend;
      const { grant } = await makeFamily(artifacts);
      const [one, other, machine] = [
        newId('AccessToken', grant),
        newId('AccessToken', grant),
        newId('AccessToken'),
      ];
      await artifacts.denyToken(one, grant, 900);
      await artifacts.denyToken(machine, undefined, 900);
      expect(await artifacts.familyState(grant, one)).toMatchObject({ known: true, denied: true });
      expect(await artifacts.familyState(grant, other)).toMatchObject({
        known: true,
        denied: false,
        grant: { payload: { kind: 'Grant' } },
      });
      expect(await artifacts.familyState(undefined, machine)).toMatchObject({ known: true, denied: true });
      expect(await artifacts.familyState(undefined, newId('AccessToken'))).toEqual({
        known: true,
        denied: false,
      });
    });
  });

  describe('sessions and codes', () => {
    test('a session is found by its uid across a change of id; the old id is gone for good', async () => {
      const { artifacts } = backend;
      const { uid, id, put } = await makeSession(artifacts);
      expect((await artifacts.findSessionByUid(uid)).artifact?.payload).toEqual({ accountId: 'somebody' });
      const next = newSessionId(uid);
      await artifacts.put({ ...put, id: next, payload: { accountId: 'somebody else' } });
      expect(await artifacts.find('Session', id)).toEqual({});
      expect((await artifacts.find('Session', next)).artifact?.payload).toEqual({
        accountId: 'somebody else',
      });
      expect((await artifacts.findSessionByUid(uid)).artifact?.payload).toEqual({
        accountId: 'somebody else',
      });
    });

    test('a session that was destroyed is not brought back by a request that still held it', async () => {
      const { artifacts } = backend;
      const { uid, id, put } = await makeSession(artifacts);
      await artifacts.destroy('Session', id);
      await artifacts.put(put);
      expect(await artifacts.find('Session', id)).toEqual({});
      expect(await artifacts.findSessionByUid(uid)).toEqual({});
    });

    test('the families of a session survive its change of id, parallel additions, and end with their time', async () => {
      const { artifacts, clock } = backend;
      const { uid, put } = await makeSession(artifacts);
      const families = Array.from({ length: 10 }, () => newId('Grant'));
      await atOnce(10, (n) =>
        artifacts.addSessionFamily(uid, families[n] ?? '', n % 2 === 0, `client-${n}`, 60 + n),
      );
      await artifacts.put({ ...put, id: newSessionId(uid) });
      const found = await artifacts.sessionFamilies(uid);
      expect(found.map(({ family }) => family).sort()).toEqual([...families].sort());
      expect(found).toContainEqual({ family: families[3], offline: false, clientId: 'client-3' });
      await artifacts.addSessionFamily(uid, families[3] ?? '', true, 'client-3', 600);
      clock.advance(120);
      expect(await artifacts.sessionFamilies(uid)).toEqual([
        { family: families[3], offline: true, clientId: 'client-3' },
      ]);
    });

    test('a device code is found by its user code until it expires', async () => {
      const { artifacts, clock } = backend;
      const id = newId('DeviceCode');
      await artifacts.put({ ...putOf('DeviceCode', id, undefined, 600), userCode: 'WDJBMJHT' });
      expect((await artifacts.findByUserCode('WDJBMJHT')).artifact?.payload).toMatchObject({
        kind: 'DeviceCode',
      });
      expect(await artifacts.findByUserCode('WDJBMJHX')).toEqual({});
      const grant = newId('Grant', id);
      await artifacts.put(putOf('Grant', grant));
      await artifacts.put({ ...putOf('DeviceCode', id, grant, 600), userCode: 'WDJBMJHT' });
      expect((await artifacts.findByUserCode('WDJBMJHT')).grant?.payload).toMatchObject({ kind: 'Grant' });
      clock.advance(601);
      expect(await artifacts.findByUserCode('WDJBMJHT')).toEqual({});
    });
  });
});
