/** F22: a mail server that is away, refuses or is slow keeps nobody from signing in. */
import { sql } from 'kysely';
import { generateSync } from 'otplib';
import { SMTPServer } from 'smtp-server';
import { createAgent, formTo, type Page } from '../harness/agent.ts';
import { freePort, until } from '../harness/ports.ts';
import { type Person, seedPerson, signIn } from '../harness/seed.ts';
import { openLedger } from './ledger.ts';
import { type Drill, pause, ready } from './rig.ts';
import { authorizeUrl } from './traffic.ts';
import type { World } from './world.ts';

const MAILS = 5;
const SLOW_MS = 3_000;
/** A sign-in is two hashes and some pages; a server that waited for mail would take its time-outs of 10 s and more. */
const SIGN_IN_MS = 5_000;

interface Sink {
  /** How often each Message-ID was taken. */
  readonly taken: ReadonlyMap<string, number>;
  how: 'takes' | 'refuses' | 'slow';
  /** Runs once a mail is taken, before the one who sent it hears so. */
  onTaken: () => Promise<void>;
  close(): Promise<void>;
}

export async function openSink(port: number): Promise<Sink> {
  const taken = new Map<string, number>();
  const sink: Pick<Sink, 'how' | 'onTaken'> = { how: 'takes', onTaken: async () => undefined };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    logger: false,
    async onData(stream, _session, done) {
      let text = '';
      try {
        for await (const chunk of stream) text += chunk;
      } catch {
        // Whoever was sending died in the middle of it: nothing was taken.
        return done(new Error('cut short'));
      }
      if (sink.how === 'refuses') {
        return done(Object.assign(new Error('4.3.2 not now'), { responseCode: 451 }));
      }
      if (sink.how === 'slow') await pause(SLOW_MS);
      const id = /^message-id:\s*(<[^>]+>)/im.exec(text)?.[1] ?? 'none';
      taken.set(id, (taken.get(id) ?? 0) + 1);
      await sink.onTaken();
      done();
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return Object.assign(sink, { taken, close });
}

/** Until so many run, with a mail server at that port and a second factor that everybody must set up. */
export async function spawnMailing(
  world: World,
  port: number,
  count: number,
  nodeOptions: readonly string[] = [],
): Promise<void> {
  const own = {
    CARDEA_SMTP_URL: `smtp://127.0.0.1:${port}`,
    CARDEA_MAIL_FROM: 'id@example.com',
    CARDEA_SECOND_FACTOR: 'required',
  };
  const missing = count - world.processes.length;
  await Promise.all(Array.from({ length: missing }, () => world.spawn(nodeOptions, own)));
  await ready(world, 200);
}

/** A person on the page that sets an authenticator app up, and what it takes to turn it on. */
export async function aboutToEnrol(
  world: World,
): Promise<{ person: Person; turnOn(wish?: string): Promise<Page> }> {
  const person = await seedPerson(world.rooms);
  const agent = createAgent(world.issuer);
  const first = await signIn(agent, await agent.follow(await agent.get(authorizeUrl(world))), person);
  const page = await agent.get(`${first.url.split('?')[0]}?factor=totp`);
  const secret = /<p class="key"><code[^>]*>([A-Z2-7 ]+)</.exec(page.text)?.[1]?.replaceAll(' ', '');
  if (secret === undefined) throw new Error(`no key: ${page.status} ${page.url}`);
  const { action, fields } = formTo(page, '/enrol');
  return {
    person,
    turnOn: (wish) =>
      agent.post(
        action,
        { ...fields, code: generateSync({ secret, epoch: Math.floor(Date.now() / 1000) }) },
        wish === undefined ? {} : { 'x-drill': wish },
      ),
  };
}

interface MailRow {
  readonly state: string;
  readonly attempts: number;
}

export async function mailsOf(world: World, people: readonly Person[]): Promise<readonly MailRow[]> {
  const ids = people.map(({ id }) => id);
  const { rows } = await sql<MailRow>`
    select state, attempts from mail_outbox where kind = 'factor-added' and account_id = any(${ids})`.execute(
    world.rooms.database.db,
  );
  return rows;
}

export const mailDrill: Drill = {
  id: 'F22',
  title: 'the mail server is down, refuses with 451, is slow',
  async run({ world }) {
    const ledger = openLedger();
    const port = await freePort();
    await Promise.all(world.processes.map((one) => one.kill()));
    await spawnMailing(world, port, 2);
    let sink: Sink | undefined;
    const signIns: number[] = [];
    const people: Person[] = [];
    try {
      const during = async (how: string) => {
        const crowd: Person[] = [];
        for (let n = 0; n < MAILS; n += 1) {
          const { person, turnOn } = await aboutToEnrol(world);
          const startedAt = performance.now();
          const { status } = await turnOn();
          signIns.push(performance.now() - startedAt);
          if (status !== 200) ledger.violate('F22', `${how}: turning on answered ${status}`);
          crowd.push(person);
        }
        people.push(...crowd);
        await until(`${how}: every mail was tried`, async () => {
          const rows = await mailsOf(world, crowd);
          if (rows.length < MAILS || rows.some(({ attempts }) => attempts === 0)) throw new Error('not yet');
        });
        return crowd;
      };
      const early = await during('down');
      sink = await openSink(port);
      sink.how = 'refuses';
      const refused = await during('451');
      sink.how = 'slow';
      await during('slow');
      const startedAt = performance.now();
      await until(
        'every mail is sent',
        async () => {
          const rows = await mailsOf(world, people);
          if (rows.some(({ state }) => state !== 'sent')) throw new Error(JSON.stringify(rows));
        },
        60_000,
      ).catch((error: unknown) => ledger.violate('F22', String(error)));
      const { taken } = sink;
      const doubles = [...taken.values()].filter((times) => times > 1).length;
      if (taken.size !== people.length || doubles > 0)
        ledger.violate('F22', `${taken.size} of ${people.length} mails, ${doubles} of them twice`);
      // 30 s lie between the first try and the second.
      const tries = (await mailsOf(world, [...early, ...refused])).map(({ attempts }) => attempts);
      if (Math.max(...tries) > 3) ledger.violate('F22', `tried ${Math.max(...tries)} times in a minute`);
      const slowest = Math.round(Math.max(...signIns));
      if (slowest > SIGN_IN_MS) ledger.violate('F22', `a person waited ${slowest} ms`);
      return {
        told:
          `${people.length} factors turned on while it was away, slowest answer ${slowest} ms; all ${taken.size} mails sent ` +
          `${Math.round((performance.now() - startedAt) / 1000)} s after it was back, ${doubles} twice, ${Math.max(...tries)} tries at most`,
        violations: ledger.violations,
      };
    } finally {
      await Promise.all(world.processes.map((one) => one.kill()));
      await sink?.close();
    }
  },
};
