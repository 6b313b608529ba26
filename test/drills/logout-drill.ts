/** F23: back-channel logout to 1,000 apps, one of which never answers. The dead one delays no app and no person. */
import { noteClientSession } from '../../src/storage/logout-notices.ts';
import { createAgent, formTo } from '../harness/agent.ts';
import { makeAuthority } from '../harness/certificates.ts';
import { createBrowser } from '../harness/codes.ts';
import { type RemoteServer, startRemote } from '../harness/https-server.ts';
import { until } from '../harness/ports.ts';
import { type Person, type SeededClient, seedPerson, seedWebClient } from '../harness/seed.ts';
import { openLedger } from './ledger.ts';
import { type Drill, ready } from './rig.ts';
import type { World } from './world.ts';

const APPS = 1_000;
const PAGES = 12;
/** The apps live at as many addresses as this: to one address the guarded client opens four connections only. */
const HOSTS = 40;
/** What a receiver takes to answer, so that some are in flight at once. */
const WORK_MS = 100;
/** Of DRILLS.md; the receivers share these cores, so a miss is told and is no violation. */
const PAGE_MS = 1_000;
/** What one receiver gets, with a second for a busy machine; nobody waits for longer than it. */
const RECEIVER_MS = 5_000;
const SLACK_MS = 1_000;
/** What each of two processes has in flight (logout-delivery.ts). */
const MOST_IN_FLIGHT = 2 * 32;

const by = { actor: { kind: 'operator' } } as const;

export const logoutDrill: Drill = {
  id: 'F23',
  title: `back-channel logout: ${APPS} apps, one of them hangs`,
  async run({ world }) {
    const ledger = openLedger();
    const authority = makeAuthority();
    const receiver = await startReceiver(authority);
    try {
      await Promise.all(world.processes.map((one) => one.kill()));
      const own = {
        CARDEA_OUTBOUND_ALLOW: '127.0.0.0/24',
        CARDEA_OUTBOUND_CA_FILE: authority.caFile,
      };
      await Promise.all([world.spawn([], own), world.spawn([], own)]);
      await ready(world, 200);

      const [dead, well] = [await seedApp('/dead', HOSTS), await seedApp('/well', HOSTS - 1)];
      const crowd = await seedPerson(world.rooms);
      await inTurns(APPS - 1, async (n) =>
        noteSession(crowd, await seedApp(`/app/${n}`, 1 + (n % (HOSTS - 2)))),
      );
      await noteSession(crowd, dead);
      const signOutFirst = await signedInAtBoth(world, [dead, well]);
      const signOuts: (() => Promise<number>)[] = [];
      while (signOuts.length < PAGES) signOuts.push(await signedInAtBoth(world, [dead, well]));

      // Nobody knows yet that it is dead: this person waits, for two seconds and not for the receiver.
      const firstMs = await signOutFirst();
      await until('the hang is a failure', async () => {
        const { failing } = await world.rooms.logoutQueue.backlog();
        if (failing === 0) throw new Error('no failure yet');
      });

      const startedAt = performance.now();
      await world.rooms.sessions.signOutEverywhere(crowd.id, by);
      const pages: number[] = [];
      for (const signOut of signOuts) pages.push(await signOut());
      const living = () => [...receiver.got].filter(([path]) => path !== '/dead');
      await until(
        'all are told',
        async () => {
          const [apps, told] = [living().length, receiver.got.get('/well')];
          if (apps < APPS || (told ?? 0) <= PAGES) throw new Error(`${apps} apps, ${told} of the pages`);
        },
        45_000,
      ).catch((error: unknown) => ledger.violate('F23', String(error)));
      const allMs = Math.round(performance.now() - startedAt);
      await until('the dead one is asked again', async () => {
        if ((receiver.got.get('/dead') ?? 0) < 2) throw new Error('asked once');
      }).catch((error: unknown) => ledger.violate('F23', String(error)));

      const { most, hangs } = receiver;
      if (most() > MOST_IN_FLIGHT) ledger.violate('F23', `${most()} in flight at once`);
      const longest = Math.round(Math.max(0, ...hangs));
      if (longest > RECEIVER_MS + SLACK_MS) ledger.violate('F23', `a try lasted ${longest} ms`);
      const twice = living().filter(([path, times]) => path !== '/well' && times > 1).length;
      if (Math.max(firstMs, ...pages) > RECEIVER_MS)
        ledger.violate('F23', `a logout page waited for a receiver: ${firstMs}, ${pages.join(', ')} ms`);
      const slowest = Math.max(...pages);
      const median = pages.sort((a, b) => a - b)[PAGES / 2];
      return {
        told:
          `${living().length - 1} of ${APPS - 1} healthy apps told in ${allMs} ms, ${twice} of them twice, ` +
          `${most()} in flight at most; the dead one asked ${receiver.got.get('/dead')} times, ${longest} ms at most; ` +
          `logout page ${firstMs} ms when the hang is new, then ${median} ms (median) to ${slowest} ms over ${PAGES}, while the ${APPS} are told`,
        violations: ledger.violations,
        ...(slowest > PAGE_MS ? { missed: `slowest logout page ${slowest} ms > ${PAGE_MS}` } : {}),
      };
    } finally {
      await Promise.all(world.processes.map((one) => one.kill()));
      await receiver.remote.close();
      authority.remove();
    }

    function seedApp(path: string, host: number): Promise<SeededClient> {
      return seedWebClient(world.rooms, {
        name: `App ${path}`,
        firstParty: true,
        backchannelLogoutUri: `https://127.0.0.${host}:${receiver.remote.port}${path}`,
      });
    }
    async function noteSession({ id }: Person, { clientId }: SeededClient): Promise<void> {
      const at = Date.now();
      const session = { sessionUid: 'drill', accountId: id, sid: clientId, at, expiresAt: at + 3_600_000 };
      await noteClientSession(world.rooms.database.db, { ...session, clientId });
    }
  },
};

interface Receiver {
  readonly remote: RemoteServer;
  /** How often each path was told. */
  readonly got: ReadonlyMap<string, number>;
  /** ms that each try at `/dead` lasted. */
  readonly hangs: readonly number[];
  most(): number;
}

async function startReceiver(authority: ReturnType<typeof makeAuthority>): Promise<Receiver> {
  const got = new Map<string, number>();
  const hangs: number[] = [];
  const names = Array.from({ length: HOSTS }, (_, n) => `IP:127.0.0.${n + 1}`);
  let inFlight = 0;
  let most = 0;
  const remote = await startRemote(
    authority.server(names),
    (req, res) => {
      const path = req.url ?? '';
      const startedAt = performance.now();
      got.set(path, (got.get(path) ?? 0) + 1);
      inFlight += 1;
      most = Math.max(most, inFlight);
      res.once('close', () => {
        inFlight -= 1;
        if (path === '/dead') hangs.push(performance.now() - startedAt);
      });
      req.resume();
      if (path !== '/dead') req.once('end', () => setTimeout(() => res.writeHead(200).end(), WORK_MS));
    },
    '0.0.0.0',
  );
  return { remote, got, hangs, most: () => most };
}

/** @returns signs out, and gives how long the answer took, ms */
async function signedInAtBoth(
  world: World,
  clients: readonly SeededClient[],
): Promise<() => Promise<number>> {
  const person = await seedPerson(world.rooms);
  const agent = createAgent(world.issuer);
  for (const client of clients) {
    await createBrowser(world.issuer, client, person, undefined, agent).code('openid');
  }
  return async () => {
    const form = formTo(await agent.get('/oauth2/logout'), '/logout/confirm');
    const startedAt = performance.now();
    const { status } = await agent.post(form.action, { ...form.fields, logout: 'yes' });
    if (status !== 303) throw new Error(`the logout page: ${status}`);
    return Math.round(performance.now() - startedAt);
  };
}

/** Eight at a time. */
async function inTurns(times: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < times) {
      next += 1;
      await work(next);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}
