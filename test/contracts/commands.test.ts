/** One operation is one command: counted by what Redis itself saw (MONITOR), not by what we believe to have sent. */

import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../src/storage/ids.ts';
import { type Backend, backends } from './backends.ts';
import { atOnce, makeFamily, makeSession, putOf, rotation } from './builders.ts';

const onRedis = backends.filter(({ name }) => name.includes('redis'));

/** ioredis asks the Cluster for its slots now and then, and for INFO when it connects: no part of an operation. */
const housekeeping = ['cluster', 'info', 'hello', 'client', 'auth'];

/**
 * What one server is sent from now on, read from a connection of our own: that of ioredis is in error when a command
 * of someone else comes together with the answer to MONITOR.
 */
async function listen(port: number, heard: (source: string, command: string) => void) {
  const socket = connect(port, '127.0.0.1');
  const lines = createInterface({ input: socket });
  const begun = new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    lines.once('line', (line) => (line === '+OK' ? resolve() : reject(new Error(line))));
  });
  lines.on('line', (line) => {
    const [, source, command] = /^\+[\d.]+ \[\d+ (\S+)\] "([^"]*)"/.exec(line) ?? [];
    if (source && command) heard(source, command.toLowerCase());
  });
  socket.write('MONITOR\r\n');
  await begun;
  return socket;
}

/** Names of the commands that clients sent while `work` ran; those inside scripts are not counted. */
async function commandsOf(backend: Backend, work: () => Promise<unknown>): Promise<string[]> {
  const seen: string[] = [];
  const ends: (() => void)[] = [];
  const monitors = await Promise.all(
    backend.servers.map(({ port }) =>
      listen(port, (source, command) => {
        if (command === 'echo') for (const end of ends.splice(0)) end();
        else if (source !== 'lua' && !housekeeping.includes(command)) seen.push(command);
      }),
    ),
  );
  await work();
  for (const server of backend.servers) {
    const link = server.connect();
    const marked = new Promise<void>((resolve) => ends.push(resolve));
    await link.echo('end');
    await marked;
    link.disconnect();
  }
  for (const monitor of monitors) monitor.destroy();
  return seen;
}

describe.each(onRedis)('commands $name', ({ name, open }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend?.close());

  test('every operation is one command; by user code two', async () => {
    const { artifacts, counters, clock } = backend;
    const family = await makeFamily(artifacts);
    const session = await makeSession(artifacts);
    const { grant, refresh, code, access } = family;
    const device = newId('DeviceCode');
    const next = rotation(grant, refresh);
    const operations: Record<string, () => Promise<unknown>> = {
      'find token': () => artifacts.find('AccessToken', access),
      'find grant': () => artifacts.find('Grant', grant),
      'find session': () => artifacts.find('Session', session.id),
      'find interaction': () => artifacts.find('Interaction', newId('Interaction')),
      'find session by uid': () => artifacts.findSessionByUid(session.uid),
      'put grant': () => artifacts.put(putOf('Grant', newId('Grant'))),
      'put token': () => artifacts.put(putOf('AccessToken', newId('AccessToken', grant), grant)),
      'put session': () => artifacts.put(session.put),
      'put interaction': () => artifacts.put(putOf('Interaction', newId('Interaction'))),
      'consume code': () => artifacts.consume('AuthorizationCode', code),
      'commit refresh': () => artifacts.commit(next.commit),
      'commit replayed': () => artifacts.commit(rotation(grant, refresh).commit),
      'family state': () => artifacts.familyState(grant, 'jti'),
      'token state': () => artifacts.familyState(undefined, 'jti'),
      'deny token': () => artifacts.denyToken('jti', grant, 60),
      claim: () => artifacts.claim('dpop', 'once', clock.now() + 1000),
      'add session family': () => artifacts.addSessionFamily(session.uid, grant, false, 'client', 60),
      'session families': () => artifacts.sessionFamilies(session.uid),
      'end family': () => artifacts.endFamily(grant, 'revoked by person', 60),
      'destroy session': () => artifacts.destroy('Session', session.id),
      'destroy token': () => artifacts.destroy('AccessToken', access),
      'hit a counter': () => counters.hit('one', 60),
      'read a counter': () => counters.read('one'),
      'clear a counter': () => counters.clear('one'),
    };
    const counted: Record<string, number> = {};
    const believed: Record<string, number> = {};
    for (const [operation, run] of Object.entries(operations)) {
      const before = artifacts.tripCount();
      counted[operation] = (await commandsOf(backend, run)).length;
      if (!operation.includes('counter')) believed[operation] = artifacts.tripCount() - before;
    }
    expect(counted).toEqual(Object.fromEntries(Object.keys(operations).map((operation) => [operation, 1])));
    expect(new Set(Object.values(believed))).toEqual(new Set([1]));

    const put = () => artifacts.put({ ...putOf('DeviceCode', device), userCode: 'WDJBMJHT' });
    expect(await commandsOf(backend, put)).toHaveLength(2);
    expect(await commandsOf(backend, () => artifacts.findByUserCode('WDJBMJHT'))).toHaveLength(2);
    const five = Array.from({ length: 5 }, (_, n) => ({ key: `five ${n}`, windowSeconds: 60 }));
    const hits = await commandsOf(backend, () => counters.hitAll(five));
    expect(hits).toHaveLength(name.includes('cluster') ? 5 : 1);
  });

  test('scripts go by their digest once a connection knows them, and survive SCRIPT FLUSH under load', async () => {
    const { artifacts } = backend;
    const families = await atOnce(50, () => makeFamily(artifacts));
    const read = () => atOnce(50, (n) => artifacts.find('AccessToken', families[n]?.access ?? ''));
    await read();
    expect(new Set(await commandsOf(backend, read))).toEqual(new Set(['evalsha']));
    for (const server of backend.servers) {
      const link = server.connect();
      await link.script('FLUSH');
      link.disconnect();
    }
    expect((await read()).every(({ artifact }) => artifact)).toBe(true);
  });
});
