/** Drills on Postgres and on the network to both stores: F10, F13, F14. */
import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import pg from 'pg';
import type { Ledger } from './ledger.ts';
import { keepGoing } from './load.ts';
import { openWire } from './proxy.ts';
import { type Drill, outage, pause, type Rig, ready, underTraffic } from './rig.ts';
import { killPostgres } from './world.ts';

/** What an operator does meanwhile; each success is a fact. */
function startOperator({ world }: Rig, ledger: Ledger) {
  const { accounts } = world.rooms;
  const by = { actor: { kind: 'operator' } } as const;
  const known: string[] = [];
  let failed = 0;
  const load = keepGoing(2, async () => {
    const password = `${randomBytes(12).toString('base64url')} drill`;
    try {
      const changes = known.at(-1);
      if (changes && Math.random() < 0.3) {
        const account = await accounts.findByEmail(changes);
        // Only a fact when told so; in doubt until then.
        ledger.accounts.delete(changes);
        if (account) await accounts.setPassword(account.id, password, by);
        ledger.accounts.set(changes, password);
        return;
      }
      const email = `drill-${randomBytes(6).toString('hex')}@example.com`;
      const made = await accounts.create({ email, password }, by);
      if (made.kind !== 'created') return;
      ledger.accounts.set(email, password);
      known.push(email);
    } catch {
      failed += 1;
      await pause(50);
    }
  });
  return { stop: load.stop, failed: () => failed };
}

async function checkAccounts({ world }: Rig, ledger: Ledger): Promise<void> {
  const { database } = world.rooms;
  for (const [email] of ledger.accounts) {
    const { rows } = await sql<{ accounts: number; audits: number }>`
      select count(distinct a.id) as accounts, count(e.id) as audits from accounts a
      left join audit_events e on e.account_id = a.id and e.type = 'account.created'
      where a.email_canonical = ${email}`.execute(database.db);
    const [row] = rows;
    if (Number(row?.accounts) !== 1)
      ledger.violate('I2', `the account ${email} is there ${row?.accounts} times`);
    if (Number(row?.audits) !== 1)
      ledger.violate('I2', `${email} has ${row?.audits} audit rows of its making`);
  }
  // Passwords cost a hash each: some of them.
  for (const [email, password] of [...ledger.accounts].slice(0, 10)) {
    const outcome = await world.rooms.authenticate({ email, password, network: '203.0.113.9' });
    if (outcome.kind !== 'signed-in') ledger.violate('I2', `the password of ${email}: ${outcome.kind}`);
  }
}

const f10: Drill = {
  id: 'F10',
  title: 'kill -9 of one backend, then of the postmaster, under load',
  run: (rig) =>
    underTraffic(rig, async (_traffic, ledger) => {
      const { postgres } = rig;
      const operator = startOperator(rig, ledger);
      await pause(1_500);
      const backend = await rig.world.rooms.database.db
        .selectNoFrom(sql<number>`pg_backend_pid()`.as('pid'))
        .executeTakeFirstOrThrow();
      process.kill(Number(backend.pid), 'SIGKILL');
      await pause(2_500);
      await ready(rig.world, 200);
      const told = await outage(rig, ledger, {
        begin: () => killPostgres(postgres),
        end: () => postgres.start(),
      });
      await pause(1_000);
      await operator.stop();
      await checkAccounts(rig, ledger);
      return `${told}; ${ledger.accounts.size} accounts made or changed, ${operator.failed()} told "not now"`;
    }),
};

/** One more connection; undefined when there is none left. */
async function neighbour(url: string): Promise<pg.Client | undefined> {
  const one = new pg.Client({ connectionString: url });
  one.on('error', () => undefined);
  try {
    await one.connect();
    return one;
  } catch {
    return undefined;
  }
}

const f13: Drill = {
  id: 'F13',
  title: 'a neighbour takes all connections of Postgres',
  run: (rig) =>
    underTraffic(rig, async (_traffic, ledger) => {
      const { postgres } = rig;
      const admin = await neighbour(postgres.url);
      if (!admin) throw new Error('no connection for the one who watches');
      const taken: pg.Client[] = [];
      const told = await outage(rig, ledger, {
        begin: async () => {
          // Ours are cut off, and the neighbour is faster than they come back; until none of ours is left.
          for (let ours = 1; ours > 0; ) {
            const { rows } = await admin.query(
              `select count(pg_terminate_backend(pid)) as n from pg_stat_activity where application_name = 'cardea'`,
            );
            ours = Number(rows[0]?.n);
            for (let one = await neighbour(postgres.url); one; one = await neighbour(postgres.url))
              taken.push(one);
          }
        },
        end: async () => {
          await Promise.all(taken.map((one) => one.end().catch(() => undefined)));
        },
      });
      await admin.end();
      return `${taken.length} connections taken; ${told}`;
    }),
};

const f14: Drill = {
  id: 'F14',
  title: 'partitions: server A without Redis, without Postgres, without both; B serves',
  run: async (rig) => {
    const { world, redis, postgres } = rig;
    const redisWire = await openWire({ targets: () => [redis.port] });
    const postgresWire = await openWire({ targets: () => [postgres.port] });
    const url = new URL(postgres.url);
    url.port = String(postgresWire.port);
    const [first] = world.processes;
    const a = await world.spawn([], {
      REDIS_URL: `redis://127.0.0.1:${redisWire.port}`,
      DATABASE_URL: url.href,
    });
    await first?.stop();
    const b = world.processes.find((one) => one !== a);
    try {
      return await underTraffic(rig, async (_traffic, ledger) => {
        const told: string[] = [];
        const cuts: readonly (readonly [string, readonly (typeof redisWire)[]])[] = [
          ['Redis', [redisWire]],
          ['Postgres', [postgresWire]],
          ['both', [redisWire, postgresWire]],
        ];
        for (const [name, wires] of cuts) {
          for (const wire of wires) wire.fault({ blackHole: true });
          const startedAt = performance.now();
          let bAnswered = 0;
          while ((await a.ask('/health/ready')).status !== 503) await pause(20);
          const unreadyMs = Math.round(performance.now() - startedAt);
          for (let n = 0; n < 20; n += 1) {
            const answer = await b?.ask('/health/ready');
            const revoked = await b?.ask('/oauth2/introspect', {
              form: {
                token: 'x',
                client_id: world.seeds.web.clientId,
                client_secret: world.seeds.web.secret,
              },
            });
            if (answer?.status === 200 && revoked?.status === 200) bAnswered += 1;
            if ((await a.ask('/oauth2/jwks')).status !== 200) ledger.violate('I4', 'A serves no JWKS');
          }
          if (bAnswered < 20) ledger.violate('F14', `B answered ${bAnswered} of 20 while A had no ${name}`);
          if (unreadyMs > 2_500) ledger.violate('I6', `A without ${name}: unready after ${unreadyMs} ms`);
          for (const wire of wires) wire.fault({});
          const healedMs = await ready(world, 200);
          if (healedMs > 5_000) ledger.violate('I5', `A healed ${healedMs} ms after ${name}`);
          told.push(`${name}: A unready after ${unreadyMs} ms, well ${healedMs} ms after`);
        }
        return told.join('; ');
      });
    } finally {
      await world.spawn();
      await a.kill();
      await redisWire.close();
      await postgresWire.close();
    }
  },
};

export const postgresDrills: readonly Drill[] = [f10, f13, f14];
