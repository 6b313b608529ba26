/** S9: authorizations under way while the person signs out: none of them leaves a token behind. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authorizeQuery, everySetup, openWorld, type World } from '../flows/world.ts';
import { formTo } from '../harness/agent.ts';
import { type SeededClient, seedWebClient } from '../harness/seed.ts';

const ROUNDS = 8;
const verifier = 'a-verifier-that-is-long-enough-for-everybody';
const challenge = createHash('sha256').update(verifier).digest('base64url');

describe.each(everySetup)('signing out with %s: %s', (setup) => {
  let world: World;
  let app: SeededClient;
  beforeAll(async () => {
    world = await openWorld(setup);
    app = await seedWebClient(world.rooms, { firstParty: true });
  });
  afterAll(() => world?.close());

  test('S9 against authorizations under way: their codes give no tokens', { timeout: 60_000 }, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { agent, code } = world.browser(app);
      await code('openid');
      const form = formTo(await agent.get('/'), '/sign-out');
      const signOut = agent.clone().post(form.action, { ...form.fields });
      const answers = await Promise.all(
        Array.from({ length: 6 }, async (_, n) => {
          await new Promise((resolve) => setTimeout(resolve, 2 * n));
          return agent.clone().get(authorizeQuery(app, { code_challenge: challenge }));
        }),
      );
      expect((await signOut).status).toBe(303);
      for (const { location } of answers) {
        const issued = location && new URL(location).searchParams.get('code');
        if (issued) expect((await world.redeem({ code: issued, verifier }, app)).status).toBe(400);
      }
    }
  });
});
