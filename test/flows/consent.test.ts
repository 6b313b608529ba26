/** Consents: asked once, asked again only for what is new, kept for good, and gone for every token once withdrawn. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Agent, formTo, type Page } from '../harness/agent.ts';
import { allow, type SeededClient, seedApi, seedClient, seedWebClient, signIn } from '../harness/seed.ts';
import { authorizeQuery, everySetup, freshAgent, openWorld, type World } from './world.ts';

const callback = 'com.example.app:/cb';

describe.each(everySetup)('consent with %s: %s', (setup) => {
  let world: World;
  let client: SeededClient;

  beforeAll(async () => {
    world = await openWorld(setup);
    await seedApi(world.rooms);
  });
  afterAll(() => world?.close());

  /** The page after the sign-in, in a browser of its own; each test has its own client, so that nothing is on file. */
  async function arrive(change: Record<string, string> = {}): Promise<{ agent: Agent; page: Page }> {
    client = await seedWebClient(world.rooms);
    const agent = freshAgent(world);
    const form = await agent.follow(await agent.get(authorizeQuery(client, change)));
    return { agent, page: await signIn(agent, form, world.person) };
  }
  const again = async (agent: Agent, change: Record<string, string> = {}) =>
    agent.follow(await agent.get(authorizeQuery(client, change)));
  const answerOf = (page: Page) => new URL(String(page.location)).searchParams;
  const rights = (page: Page) =>
    [...page.text.matchAll(/<li class="right[^>]*>[\s\S]*?<bdi>([^<]*)<\/bdi>/g)].map(([, title]) => title);

  test('asked once, then silent, in another browser too; the page names what is asked', async () => {
    const { agent, page } = await arrive({ scope: 'openid profile orders:read' });
    expect(page.text).toContain('app.example.com');
    expect(rights(page)).toEqual(expect.arrayContaining(['See your name and profile', 'orders:read']));
    expect(answerOf(await allow(agent, page)).get('code')).toBeTruthy();
    expect(answerOf(await again(agent, { scope: 'openid profile orders:read' })).get('code')).toBeTruthy();
    expect(answerOf(await again(agent, { prompt: 'none', scope: 'openid' })).get('code')).toBeTruthy();
    const elsewhere = freshAgent(world);
    const form = await elsewhere.follow(
      await elsewhere.get(authorizeQuery(client, { scope: 'openid profile orders:read' })),
    );
    expect(answerOf(await signIn(elsewhere, form, world.person)).get('code')).toBeTruthy();
  });

  test('an added scope asks for that one alone; an added claim too', async () => {
    const { agent, page } = await arrive({ scope: 'openid profile' });
    await allow(agent, page);
    const more = await again(agent, { scope: 'openid profile email orders:write' });
    expect(rights(more).sort()).toEqual(['See your e-mail address', 'orders:write']);
    expect(answerOf(await allow(agent, more)).get('code')).toBeTruthy();
    const claims = JSON.stringify({ userinfo: { phone_number: null } });
    expect(rights(await again(agent, { scope: 'openid profile', claims }))).toEqual([
      'See your phone number',
    ]);
  });

  test('prompt=consent asks again for all; what was consented stays when the person turns back', async () => {
    const { agent, page } = await arrive({ scope: 'openid profile' });
    await allow(agent, page);
    const asked = await again(agent, { scope: 'openid profile', prompt: 'consent' });
    expect(rights(asked)).toContain('See your name and profile');
    const cancel = formTo(asked, '/cancel');
    const refused = await agent.follow(await agent.post(cancel.action, { ...cancel.fields }));
    expect(answerOf(refused).get('error')).toBe('access_denied');
    expect(answerOf(await again(agent, { scope: 'openid profile' })).get('code')).toBeTruthy();
  });

  test('prompt=none without a consent: consent_required, with a reference', async () => {
    const { agent } = await arrive({ scope: 'openid profile' });
    const answer = answerOf(await again(agent, { prompt: 'none', scope: 'openid profile' }));
    expect(answer.get('error')).toBe('consent_required');
    const known = world.browser(await seedWebClient(world.rooms, { firstParty: true }));
    await known.code('openid');
    const other = answerOf(await again(known.agent, { prompt: 'none', scope: 'openid profile' }));
    expect(other.get('error')).toBe('consent_required');
    expect(other.get('reference')).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  });

  test('a first-party client is never asked for; any other always is', async () => {
    client = await seedWebClient(world.rooms, { firstParty: true });
    const agent = freshAgent(world);
    const form = await again(agent, { scope: 'openid profile orders:read offline_access' });
    expect(answerOf(await signIn(agent, form, world.person)).get('code')).toBeTruthy();
    client = await seedWebClient(world.rooms);
    expect((await again(agent)).text).toContain('/consent"');
  });

  test('S4 a native app is asked each time (RFC 8252 section 8.6)', async () => {
    client = await seedClient(world.rooms, { name: 'Phone', type: 'native', redirectUris: [callback] });
    const agent = freshAgent(world);
    const change = { redirect_uri: callback };
    const asked = await signIn(agent, await again(agent, change), world.person);
    expect(String((await allow(agent, asked)).location)).toContain('code=');
    expect((await again(agent, change)).text).toContain('/consent"');
  });

  test('S5 what the form adds is not granted', async () => {
    const { agent, page } = await arrive({ scope: 'openid' });
    const form = formTo(page, '/consent');
    const extra = { scope: 'openid profile email', scopes: 'profile', 'resources[x]': 'y' };
    await agent.follow(await agent.post(form.action, { ...form.fields, ...extra }));
    const consent = await world.rooms.consents.find(world.person.id, client.clientId);
    expect(consent?.scopes ?? []).not.toContain('profile');
  });

  test('withdrawn: refresh, userinfo and introspection end, the next visit asks, another client goes on', async () => {
    client = await seedWebClient(world.rooms);
    const other = await seedWebClient(world.rooms);
    const browser = world.browser(client);
    const tokens = (await world.redeem(await browser.code('openid profile offline_access'), client)).json;
    const kept = await world.signIn(other, 'openid offline_access');
    expect((await world.userinfo(tokens.access_token)).status).toBe(200);

    const by = { actor: { kind: 'account', id: world.person.id } } as const;
    await world.rooms.consents.withdraw(world.person.id, client.clientId, by);
    await world.rooms.lease.renew();

    const refused = await world.refresh(tokens.refresh_token, client);
    expect([refused.status, refused.json.error]).toEqual([400, 'invalid_grant']);
    expect((await world.userinfo(tokens.access_token)).status).toBe(401);
    expect((await world.introspect(tokens.access_token, client)).json).toEqual({ active: false });
    expect((await again(browser.agent, { scope: 'openid profile' })).text).toContain('/consent"');
    const none = answerOf(await again(browser.agent, { scope: 'openid', prompt: 'none' }));
    expect(none.get('error')).toBe('consent_required');
    expect((await world.refresh(kept.refresh_token, other)).status).toBe(200);
    // Allowed anew, it is a new beginning.
    const anew = await world.redeem(await browser.code('openid profile offline_access'), client);
    expect((await world.refresh(anew.json.refresh_token, client)).status).toBe(200);
  });

  test('a code that was made before the withdrawal is worth nothing after it', async () => {
    client = await seedWebClient(world.rooms);
    const code = await world.browser(client).code('openid offline_access');
    const by = { actor: { kind: 'account', id: world.person.id } } as const;
    await world.rooms.consents.withdraw(world.person.id, client.clientId, by);
    await world.rooms.lease.renew();
    expect((await world.redeem(code, client)).json.error).toBe('invalid_grant');
  });

  test('a code that is made of a consent withdrawn elsewhere is worth nothing either', async () => {
    client = await seedWebClient(world.rooms);
    const browser = world.browser(client);
    await browser.code('openid profile');
    await browser.code('openid profile');
    const by = { actor: { kind: 'account', id: world.person.id } } as const;
    // Nobody tells this process; it hears of it with its next lease.
    await world.rooms.consents.withdraw(world.person.id, client.clientId, by);
    const made = await browser.code('openid profile', { prompt: 'none' }).catch(() => undefined);
    await world.rooms.lease.renew();
    if (made) expect((await world.redeem(made, client)).json.error).toBe('invalid_grant');
    expect((await again(browser.agent, { scope: 'openid profile' })).text).toContain('/consent"');
  });

  test('offline_access needs no prompt=consent, but a consent and the refresh grant', async () => {
    client = await seedWebClient(world.rooms);
    expect((await world.signIn(client, 'openid offline_access')).refresh_token).toBeDefined();
    const without = await seedWebClient(world.rooms, { grantTypes: ['authorization_code'] });
    expect((await world.signIn(without, 'openid offline_access')).refresh_token).toBeUndefined();
    expect((await world.signIn(client, 'openid')).refresh_token).toBeUndefined();
  });
});
