/** F25: a crash at any moment leaves factor, audit and mail all there or none of them, and loses no mail. */
import { sql } from 'kysely';
import type { Page } from '../harness/agent.ts';
import { freePort, until } from '../harness/ports.ts';
import type { Person } from '../harness/seed.ts';
import { openLedger } from './ledger.ts';
import { aboutToEnrol, mailsOf, openSink, spawnMailing } from './mail-drill.ts';
import { type Drill, pause } from './rig.ts';
import type { World } from './world.ts';

const mortal = ['--import', new URL('./die-on-request.ts', import.meta.url).href];

/** Whether factor, audit and mail of an account say the same: all there, or none of them. */
async function standOf(world: World, person: Person): Promise<{ whole: boolean; isOn: boolean }> {
  const isOn = (await world.rooms.factors.held(person.id)).authenticators.length === 1;
  const { events } = await world.rooms.audit.search({ accountId: person.id });
  const types = events.map(({ type }) => type);
  const [mails] = [await mailsOf(world, [person])];
  const signs = [
    types.includes('authenticator.added'),
    types.includes('recovery-codes.made'),
    mails.length === 1,
  ];
  return { isOn, whole: signs.every((sign) => sign === isOn) };
}

const RANDOM_KILLS = 4;

export const crashDrill: Drill = {
  id: 'F25',
  title: 'kill -9 between the commit and its mail and audit',
  async run({ world }) {
    const ledger = openLedger();
    const port = await freePort();
    // One server at a time: every crash leaves nobody who could have finished what it began.
    await Promise.all(world.processes.map((one) => one.kill()));
    const sink = await openSink(port);
    const people: Person[] = [];
    const crash = async (how: (turnOn: (wish?: string) => Promise<Page>) => Promise<unknown>) => {
      await spawnMailing(world, port, 1, mortal);
      const { person, turnOn } = await aboutToEnrol(world);
      await how(turnOn).catch(() => undefined);
      await until('the server died', async () => {
        if (world.processes.length > 0) throw new Error('it lives');
      });
      people.push(person);
      return person;
    };
    try {
      const unborn = await crash((turnOn) => turnOn('die-on-arrival'));
      const committed = await crash((turnOn) => turnOn('die-before-answer'));
      for (let kill = 0; kill < RANDOM_KILLS; kill += 1) {
        await crash(async (turnOn) => {
          const answer = turnOn().catch(() => undefined);
          await pause(Math.random() * 300);
          await Promise.all(world.processes.map((one) => one.kill()));
          await answer;
        });
      }
      // The one who has sent a mail dies before it can write that down.
      let killed = false;
      sink.onTaken = async () => {
        if (killed) return;
        killed = true;
        await Promise.all(world.processes.map((one) => one.kill()));
      };
      await sql`update mail_outbox set next_at = now() where state = 'waiting'`.execute(
        world.rooms.database.db,
      );
      // It may die before it is ready.
      await spawnMailing(world, port, 1, mortal).catch(() => undefined);
      await until('the sender died', async () => {
        if (!killed || world.processes.length > 0) throw new Error('not yet');
      });
      await spawnMailing(world, port, 1, mortal);

      const stands = await Promise.all(people.map((person) => standOf(world, person)));
      const torn = stands.filter(({ whole }) => !whole).length;
      if (torn > 0) ledger.violate('F25', `${torn} accounts with a factor, audit or mail alone`);
      if ((await standOf(world, unborn)).isOn) ledger.violate('F25', 'done although it never arrived');
      if (!(await standOf(world, committed)).isOn)
        ledger.violate('F25', 'not done although it was committed');
      const on = stands.filter(({ isOn }) => isOn).length;
      await until(
        'every mail is sent',
        async () => {
          // What a dead process had taken is due after five minutes, which this drill does not wait for.
          await sql`update mail_outbox set next_at = now() where state = 'waiting'`.execute(
            world.rooms.database.db,
          );
          await pause(6_000);
          const rows = await mailsOf(world, people);
          if (rows.some(({ state }) => state !== 'sent')) throw new Error(JSON.stringify(rows));
        },
        40_000,
      ).catch((error: unknown) => ledger.violate('F25', String(error)));
      const times = [...sink.taken.values()];
      if (sink.taken.size < on) ledger.violate('F25', `${sink.taken.size} of ${on} mails`);
      return {
        told:
          `${people.length} crashes: ${on} factors turned on, ${people.length - on} not, ${torn} torn; ` +
          `${sink.taken.size} mails, ${times.filter((n) => n > 1).length} of them more than once under one Message-ID`,
        violations: ledger.violations,
      };
    } finally {
      await Promise.all(world.processes.map((one) => one.kill()));
      await sink.close();
    }
  },
};
