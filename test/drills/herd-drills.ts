/** F17: everybody at once. The generator shares the machine, so a slow answer is told as missed and is no violation. */
import { createBrowser, redeemForm } from '../harness/codes.ts';
import { openLedger } from './ledger.ts';
import { askToken, type Caller, clientCredentials, createCaller, jsonOf } from './load.ts';
import { at99, type Drill } from './rig.ts';

const CLIENTS = 200;
const DOCUMENTS = 2_000;
const REFRESHES = 1_000;
const P99_MS = 200;

const f17: Drill = {
  id: 'F17',
  title: 'thundering herd: documents after a rotation, refreshes in one second, a cold process',
  async run({ world }) {
    const ledger = openLedger();
    const { web, service, person } = world.seeds;
    const caller = createCaller(world.balancer.port, world.host, { connections: CLIENTS });
    const kidsOf = async (by: Caller) => {
      const { keys } = jsonOf(await by.ask('/oauth2/jwks')) as { keys?: { kid: string }[] };
      return (keys ?? []).map(({ kid }) => kid);
    };

    /** `CLIENTS` at a time, each in sequence. @returns ms of each request */
    async function herd(times: number, work: (client: number) => Promise<unknown>): Promise<number[]> {
      const taken: number[] = [];
      await Promise.all(
        Array.from({ length: CLIENTS }, async (_, client) => {
          for (let n = 0; n < times / CLIENTS; n += 1) {
            const startedAt = performance.now();
            await work(client);
            taken.push(performance.now() - startedAt);
          }
        }),
      );
      return taken;
    }

    const before = await kidsOf(caller);
    await world.rooms.keys.rotate();
    const paths = ['/oauth2/jwks', '/.well-known/openid-configuration'];
    const documents = await herd(DOCUMENTS, async (client) => {
      const outcome = await caller.ask(paths[client % 2] ?? '');
      ledger.note(outcome, [200], 'a document');
      if (client % 2 === 1) return;
      const { keys } = jsonOf(outcome) as { keys?: { kid: string }[] };
      const now = new Set(keys?.map(({ kid }) => kid));
      if (before.some((kid) => !now.has(kid))) ledger.violate('F17', 'a key left the JWKS with the rotation');
    });

    // One browser makes the families; each client goes on with its own.
    const browser = createBrowser(world.issuer, web, person);
    const tokens: string[] = [];
    while (tokens.length < CLIENTS) {
      const redeemed = await askToken(caller, web, redeemForm(await browser.code('openid offline_access')));
      tokens.push(String(jsonOf(redeemed).refresh_token));
    }
    const startedAt = performance.now();
    const refreshes = await herd(REFRESHES, async (client) => {
      const outcome = await askToken(caller, web, {
        grant_type: 'refresh_token',
        refresh_token: tokens[client] ?? '',
      });
      if (ledger.note(outcome, [200], 'a refresh') === 'answered')
        tokens[client] = String(jsonOf(outcome).refresh_token);
    });
    const seconds = (performance.now() - startedAt) / 1000;

    const cold = await world.spawn();
    const toCold = createCaller(cold.port, world.host, { connections: CLIENTS });
    const first = await herd(CLIENTS, async () => {
      ledger.note(await askToken(toCold, service, clientCredentials), [200], 'a cold process');
    });
    toCold.close();
    await cold.stop();
    caller.close();

    const { unavailable, broken } = ledger.counts;
    if (unavailable + broken > 0)
      ledger.violate('F17', `${unavailable} told 503, ${broken} without an answer`);
    const parts = [
      ['documents', documents],
      ['refreshes', refreshes],
      ['cold process', first],
    ] as const;
    const slow = parts.filter(([, taken]) => at99(taken) > P99_MS).map(([name]) => name);
    return {
      told:
        `${documents.length} documents, ${refreshes.length} refreshes in ${seconds.toFixed(1)} s, ` +
        `${first.length} first requests, ${CLIENTS} clients at once: p99 ` +
        `${parts.map(([, taken]) => at99(taken)).join(', ')} ms; none refused`,
      violations: ledger.violations,
      ...(slow.length > 0 ? { missed: `p99 ≤ ${P99_MS} ms: ${slow.join(', ')}` } : {}),
    };
  },
};

export const herdDrills: readonly Drill[] = [f17];
