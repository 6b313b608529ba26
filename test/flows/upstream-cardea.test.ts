/**
 * One Cardea signs people in with another, end to end over HTTP: discovery, PKCE, nonce and `iss` between two real
 * servers, each with its own people and its own browser cookies.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formTo } from '../harness/agent.ts';
import { makeAuthority } from '../harness/certificates.ts';
import { type Person, type SeededClient, seedPerson, seedWebClient, signIn } from '../harness/seed.ts';
import type { Setup } from '../harness/server.ts';
import { enter } from './portal-world.ts';
import { openSecondCardea, type SecondCardea } from './second-cardea.ts';
import { atSignIn, codeOf, leavesTo, post, said } from './upstream-world.ts';
import { openWorld, type World } from './world.ts';

const authority = makeAuthority();
let there: SecondCardea;
beforeAll(async () => {
  there = await openSecondCardea(authority);
});
afterAll(async () => {
  await there?.world.close();
  authority.remove();
});

const setups: readonly (readonly [Setup, string])[] = [
  ['full', 'on postgres and redis'],
  ['embedded', 'on embedded'],
];

describe.each(setups)('%s', (setup) => {
  let world: World;
  let client: SeededClient;
  beforeAll(async () => {
    world = await openWorld(setup, {
      CARDEA_OUTBOUND_ALLOW: `127.0.0.1:${there.port}`,
      CARDEA_OUTBOUND_CA_FILE: authority.caFile,
      CARDEA_SIGN_UP: 'open',
    });
    client = await seedWebClient(world.rooms, { firstParty: true });
    for (const providerId of ['there', 'trusted'] as const) {
      const registered = await there.register([`${world.issuer}/upstream/callback/${providerId}`]);
      const made = await world.rooms.providers.create(
        {
          providerId,
          name: providerId,
          issuer: there.issuer,
          clientId: registered.clientId,
          trustEmailVerified: providerId === 'trusted',
          responseMode: providerId === 'trusted' ? 'form_post' : 'query',
        },
        registered.secret,
        { kind: 'operator' },
      );
      if (made.kind !== 'stored') throw new Error(JSON.stringify(made));
    }
    await world.rooms.lease.renew();
  });
  afterAll(() => world?.close());

  const linked = async (person: Pick<Person, 'id'>) => world.rooms.upstream.list(person.id);

  /** Out to the other Cardea, signed in there, and back to whatever page comes then. */
  async function through(person: Person, o: { provider?: 'there' | 'trusted'; there?: Person } = {}) {
    const { agent, page } = await atSignIn(world, client);
    const provider = o.provider ?? 'there';
    const out = leavesTo(await post(agent, page, '/with', { provider }));
    const elsewhere = there.agent();
    const asking = await elsewhere.follow(await elsewhere.get(out));
    const answer = await signIn(elsewhere, asking, o.there ?? person);
    if (provider === 'there')
      return { agent, out, page: await agent.follow(await agent.get(answer.location ?? '')) };
    // Its page sends the answer by a form; the browser brings none of our cookies with it.
    const path = '/upstream/callback/trusted';
    const { fields } = formTo(answer, path);
    const headers = { origin: there.issuer, 'sec-fetch-site': 'cross-site' };
    const kept = await world.ask(path, { form: { ...fields }, headers });
    expect([kept.status, kept.headers['set-cookie']]).toEqual([303, undefined]);
    const back = leavesTo(await agent.get(String(kept.headers.location)));
    return { agent, out, page: await agent.follow(await agent.get(back)) };
  }

  test('somebody new, whose address that one has verified and this one believes; then straight in', async () => {
    const person = await seedPerson(there.world.rooms);
    const { agent, out, page } = await through(person, { provider: 'trusted' });
    const asked = new URL(out).searchParams;
    expect(asked.get('code_challenge_method')).toBe('S256');
    expect(asked.get('nonce')).toMatch(/^[\w-]{43}$/);
    expect(page.text).toContain('value="Ada Lovelace"');
    expect(codeOf(await agent.follow(await post(agent, page, '/connect')))).toBeTruthy();
    const account = await world.rooms.accounts.findByEmail(person.email);
    expect(account).toMatchObject({ emailVerified: true });
    expect(codeOf((await through(person, { provider: 'trusted' })).page)).toBeTruthy();
    expect(await linked({ id: account?.id ?? '' })).toHaveLength(1);
  });

  test('an account here with that address: asked, proved, linked; then straight in; taken away in the portal', async () => {
    const here = await seedPerson(world.rooms);
    const elsewhere = await seedPerson(there.world.rooms, here.email);
    // Believed or not: an account that exists is linked by its own proof alone.
    for (const provider of ['trusted', 'there'] as const) {
      const { agent, page } = await through(elsewhere, { provider });
      expect([codeOf(page), said(page).includes(`Connect ${provider}`)]).toEqual([undefined, true]);
      expect(await linked(here)).toHaveLength(provider === 'trusted' ? 0 : 1);
      const wrong = await post(agent, page, '/connect', { password: elsewhere.password });
      expect(wrong.status).toBe(422);
      expect(
        codeOf(await agent.follow(await post(agent, wrong, '/connect', { password: here.password }))),
      ).toBeTruthy();
      expect(codeOf((await through(elsewhere, { provider })).page)).toBeTruthy();
    }
    const portal = await enter(world, here, '/account/connections');
    const remove = /href="([^"]+\/remove)"/.exec(portal.page.text)?.[1] ?? '';
    const sure = await portal.agent.follow(await portal.agent.get(remove));
    await portal.agent.follow(await post(portal.agent, sure, '/remove'));
    const [left] = await linked(here);
    expect(left).toBeDefined();
    const gone = left?.provider.id === 'there' ? 'trusted' : 'there';
    expect(codeOf((await through(elsewhere, { provider: gone })).page)).toBeUndefined();
    expect(codeOf((await through(elsewhere, { provider: left?.provider.id as 'there' })).page)).toBeTruthy();
  });

  test('an address that is not verified there links nobody and makes nobody', async () => {
    const here = await seedPerson(world.rooms);
    const made = await there.world.rooms.accounts.create(
      { email: here.email, password: 'seven quiet herons wade', emailVerified: false },
      { actor: { kind: 'operator' } },
    );
    if (made.kind !== 'created') throw new Error(made.kind);
    const elsewhere = { id: made.account.id, email: here.email, password: 'seven quiet herons wade' };
    const { agent, page } = await through(elsewhere, { provider: 'trusted' });
    expect(codeOf(page)).toBeUndefined();
    expect((await post(agent, page, '/connect', { act: 'join', name: 'X' })).status).toBe(403);
    expect((await post(agent, page, '/connect', { password: elsewhere.password })).status).toBe(422);
    expect(await linked(here)).toEqual([]);
  });

  test('one who is linked comes back as that account alone, whoever’s address it has by then', async () => {
    const here = await seedPerson(world.rooms);
    const elsewhere = await seedPerson(there.world.rooms, here.email);
    const { agent, page } = await through(elsewhere);
    await agent.follow(await post(agent, page, '/connect', { password: here.password }));
    const other = await seedPerson(world.rooms);
    const changed = await there.world.rooms.accounts.update(
      elsewhere.id,
      { email: other.email },
      { actor: { kind: 'operator' } },
    );
    expect(changed.kind).toBe('changed');
    expect(codeOf((await through({ ...elsewhere, email: other.email })).page)).toBeTruthy();
    expect([(await linked(here)).length, (await linked(other)).length]).toEqual([1, 0]);
  });
});
