/** A stolen dump opens nothing: no value that was handed out, nothing of a payload, stands in any key or value. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../src/storage/ids.ts';
import { type Backend, backends, timesToLive } from './backends.ts';
import { makeFamily, makeSession, putOf, rotation } from './builders.ts';

interface Values {
  /** What someone outside could use, and what payloads hold. */
  secret: string[];
  /** Identifiers that open nothing: SQL may keep them, since rows that outlive the artifacts need them. */
  names: string[];
}

/** Uses every operation once and answers every value that went in. */
async function useEverything({ artifacts, counters, clock }: Backend): Promise<Values> {
  const family = await makeFamily(artifacts);
  const { grant, code, refresh } = family;
  const next = rotation(grant, refresh);
  await artifacts.commit(next.commit);
  await artifacts.consume('AuthorizationCode', code);
  const second = await makeFamily(artifacts);
  await artifacts.commit(rotation(second.grant, second.refresh, 0).commit);
  await artifacts.commit(rotation(second.grant, second.refresh, 0).commit);
  const third = await makeFamily(artifacts);
  await artifacts.endFamily(third.grant, 'revoked by person', 60);
  const session = await makeSession(artifacts);
  const gone = await makeSession(artifacts);
  await artifacts.destroy('Session', gone.id);
  await artifacts.addSessionFamily(session.uid, grant, true, 'client-at-rest', 600);
  const device = newId('DeviceCode');
  await artifacts.put({ ...putOf('DeviceCode', device), userCode: 'WDJBMJHT' });
  const interaction = newId('Interaction');
  const payload = { cookie: 'a-cookie-value', state: 'state-of-the-client' };
  await artifacts.put({ ...putOf('Interaction', interaction), payload });
  const jti = newId('AccessToken', grant);
  await artifacts.denyToken(jti, grant, 60);
  await artifacts.denyToken('a-foreign-jti', undefined, 60);
  await artifacts.claim('dpop', 'proof-identifier', clock.now() + 60_000);
  await counters.hit('someone@example.org', 60);
  const orphan = newId('AccessToken', newId('Grant'));
  await artifacts.put(putOf('AccessToken', orphan));
  const destroyed = await makeFamily(artifacts);
  await artifacts.destroy('Grant', destroyed.grant);
  const families = [family, second, third, destroyed];
  return {
    secret: [
      ...families.flatMap(({ code, access, refresh }) => [code, access, refresh]),
      ...[next.refresh, next.access, session.uid, session.id, gone.uid, gone.id, 'WDJBMJHT', device],
      ...[interaction, 'a-cookie-value', 'state-of-the-client', 'proof-identifier', 'someone@example'],
      ...[orphan, 'made for a test'],
    ],
    names: [...families.map(({ grant: id }) => id), jti, 'a-foreign-jti', 'client-at-rest'],
  };
}

describe.each(backends)('at rest $name', ({ name, open }) => {
  let backend: Backend;
  let values: Values;
  beforeAll(async () => {
    backend = await open();
    values = await useEverything(backend);
  });
  afterAll(() => backend?.close());

  test('P3: a dump holds none of the values handed out and nothing of a payload', async () => {
    const stored = await backend.dump();
    expect(stored.length).toBeGreaterThan(3000);
    expect(values.secret.filter((value) => stored.includes(value))).toEqual([]);
    if (name.includes('redis')) expect(values.names.filter((value) => stored.includes(value))).toEqual([]);
  });

  test.runIf(name.includes('redis'))('every key has a time to live', async () => {
    const keys = await timesToLive(backend.servers);
    expect(keys.length).toBeGreaterThan(20);
    expect(keys.filter(([, ttl]) => ttl <= 0)).toEqual([]);
    expect(keys.filter(([, ttl]) => ttl > 2 * 86_400_000)).toEqual([]);
  });
});
