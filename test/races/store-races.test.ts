/** Single use when two processes race for it, and when one of them dies between the store and its answer. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommitOutcome } from '../../src/storage/artifacts.ts';
import { newId } from '../../src/storage/ids.ts';
import { type Backend, backends } from '../contracts/backends.ts';
import { makeFamily, putOf, rotation } from '../contracts/builders.ts';
import type { Order } from './store-process.ts';

const ROUNDS = 50;
const EACH = 10;

async function startProcess(url: string): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('./store-process.ts', import.meta.url)), [url]);
  await once(child, 'message');
  return child;
}

async function ask<T>(child: ChildProcess, order: Order): Promise<T[]> {
  const answered = once(child, 'message');
  child.send(order);
  const [answer] = await answered;
  return answer as T[];
}

describe.each(backends.filter(({ name }) => name.includes('redis')))(
  'two processes $name',
  ({ name, open }) => {
    let backend: Backend;
    let url: string;
    let one: ChildProcess;
    let two: ChildProcess;
    beforeAll(async () => {
      backend = await open();
      const hosts = backend.servers.map(({ port }) => `127.0.0.1:${port}`).join(',');
      url = `${name.includes('cluster') ? 'redis+cluster' : 'redis'}://${hosts}`;
      [one, two] = await Promise.all([startProcess(url), startProcess(url)]);
    });
    afterAll(async () => {
      one?.disconnect();
      two?.disconnect();
      await backend?.close();
    });

    const both = async <T>(first: Order, second: Order = first): Promise<T[]> =>
      (await Promise.all([ask<T>(one, first), ask<T>(two, second)])).flat();

    test(`I1: ${ROUNDS} refresh tokens, ${EACH} uses in each process: one successor, one answer for all`, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { grant, refresh } = await makeFamily(backend.artifacts);
        const tries = Array.from({ length: 2 * EACH }, () => rotation(grant, refresh));
        const commits = tries.map(({ commit }) => commit);
        const outcomes = await both<CommitOutcome>(
          { do: 'commit', commits: commits.slice(0, EACH) },
          { do: 'commit', commits: commits.slice(EACH) },
        );
        const winners = tries.filter((_, n) => outcomes[n]?.kind === 'committed');
        expect(winners).toHaveLength(1);
        const sealed = winners[0]?.commit.consume.answer.sealed;
        expect(outcomes.filter(({ kind }) => kind !== 'committed')).toEqual(
          Array(2 * EACH - 1).fill({ kind: 'replayed', sealed }),
        );
      }
    });

    test(`I1: ${ROUNDS} codes: one winner, and the family is dead by the replay`, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { grant, code, access } = await makeFamily(backend.artifacts);
        const commits = Array.from({ length: EACH }, () => ({
          family: grant,
          consume: { kind: 'AuthorizationCode' as const, id: code },
          puts: [putOf('AccessToken', newId('AccessToken', grant), grant)],
        }));
        const outcomes = await both<CommitOutcome>({ do: 'commit', commits });
        expect(outcomes.filter(({ kind }) => kind === 'committed')).toHaveLength(1);
        expect(await backend.artifacts.find('AccessToken', access)).toEqual({ ended: 'replayed' });
      }
    });

    test(`I1: ${ROUNDS} proofs and ${ROUNDS} pushed requests: one winner each`, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const claims = await both<boolean>({ do: 'claim', value: `${name} ${round}`, times: EACH });
        expect(claims.filter(Boolean)).toHaveLength(1);
        const id = newId('PushedAuthorizationRequest');
        await backend.artifacts.put(putOf('PushedAuthorizationRequest', id));
        const won = await both<boolean>({
          do: 'consume',
          kind: 'PushedAuthorizationRequest',
          id,
          times: EACH,
        });
        expect(won.filter(Boolean)).toHaveLength(1);
      }
    });

    test('F3: killed after the commit and before the answer, 5 times: the retry elsewhere gets that answer', async () => {
      for (let round = 0; round < 5; round += 1) {
        const { grant, refresh } = await makeFamily(backend.artifacts);
        const lost = rotation(grant, refresh);
        const victim = await startProcess(url);
        const gone = once(victim, 'exit');
        victim.send({ do: 'commit', commits: [lost.commit], crash: true } satisfies Order);
        expect((await gone)[1]).toBe('SIGKILL');
        const retry = rotation(grant, refresh);
        const [outcome] = await ask<CommitOutcome>(two, { do: 'commit', commits: [retry.commit] });
        expect(outcome).toEqual({ kind: 'replayed', sealed: lost.commit.consume.answer.sealed });
        expect((await backend.artifacts.find('RefreshToken', lost.refresh)).artifact).toBeDefined();
        expect(await backend.artifacts.find('RefreshToken', retry.refresh)).toEqual({});
      }
    });
  },
);
