/**
 * The ways in which an app lets people sign in, and the domains whose people have a provider of their own: what is not
 * offered is neither shown nor taken, and no answer depends on whether there is an account.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from '../harness/agent.ts';
import { makeAuthority } from '../harness/certificates.ts';
import { type FakeProvider, startFakeProvider } from '../harness/fake-provider.ts';
import { type Person, type SeededClient, seedPerson, seedWebClient } from '../harness/seed.ts';
import {
  atSignIn,
  codeOf,
  leavesTo,
  outboundTo,
  post,
  said,
  seedProvider,
  through,
} from './upstream-world.ts';
import { openWorld, type World } from './world.ts';

const authority = makeAuthority();
let world: World;
let fake: FakeProvider;
let client: SeededClient;
let member: Person;
beforeAll(async () => {
  fake = await startFakeProvider(authority.server());
  world = await openWorld('embedded', { ...outboundTo(authority, fake.remote.port), CARDEA_SIGN_UP: 'open' });
  await seedProvider(world, fake, { domains: ['corp.example'] });
  client = await seedWebClient(world.rooms, { firstParty: true });
  member = await seedPerson(world.rooms, 'member@corp.example');
});
afterAll(async () => {
  await world?.close();
  await fake?.close();
  authority.remove();
});

const csrfOf = (text: string) => /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? '';
const withWays = (...signInWith: string[]) => seedWebClient(world.rooms, { firstParty: true, signInWith });
const mails = async () => (await world.rooms.mail.box()).length;

/** What each way shows on the page, and the POSTs that belong to it. */
const ways: Readonly<Record<string, { shown: RegExp; posts: readonly string[] }>> = {
  password: {
    shown: /name="password"|\/reset\?/,
    posts: ['sign-in'],
  },
  code: { shown: /send-code/, posts: ['send-code', 'code'] },
  passkey: { shown: /passkey-options|webauthn/, posts: ['passkey'] },
  corp: { shown: /Continue with Corp/, posts: ['with'] },
};

describe('S11 an app that takes one way hides the others, and refuses their forms', () => {
  test.each(['password', 'code', 'passkey'])('%s', async (offered) => {
    const { agent, page } = await atSignIn(world, await withWays(offered));
    const path = new URL(page.url).pathname;
    const before = await mails();
    const fields = {
      csrf: csrfOf(page.text),
      email: world.person.email,
      password: world.person.password,
      provider: 'corp',
      code: '0000 0000',
    };
    for (const [way, { shown, posts }] of Object.entries(ways)) {
      expect([way, shown.test(page.text)]).toEqual([way, way === offered]);
      if (way === offered) continue;
      for (const name of posts) {
        const answer = await agent.post(`${path}/${name}`, fields);
        expect([name, answer.status >= 400 && answer.status < 500]).toEqual([name, true]);
      }
    }
    // An account is made with a password or a passkey: where the app takes neither, none is made.
    const signsUp = offered !== 'code';
    expect(page.text.includes('account=new')).toBe(signsUp);
    for (const name of signsUp ? [] : ['sign-up', 'sign-up-code', 'sign-up-account']) {
      const { status } = await agent.post(`${path}/${name}`, fields);
      expect([name, status >= 400 && status < 500]).toEqual([name, true]);
    }
    const options = await agent.get(`${path}/passkey-options`);
    expect(options.status).toBe(offered === 'passkey' ? 200 : 403);
    expect((await agent.follow(await agent.get(`${path}?account=new`))).text.includes('/sign-up"')).toBe(
      signsUp,
    );
    expect(await mails()).toBe(before);
    expect(codeOf(await agent.follow(await agent.get(path)))).toBeUndefined();
  });

  test('all ways are there for an app that names none', async () => {
    const { page } = await atSignIn(world, client);
    for (const { shown } of Object.values(ways)) expect(page.text).toMatch(shown);
  });
});

describe('an app whose one way is a provider', () => {
  test('leads straight there; who turns back stays; who gave up there is told so', async () => {
    const one = await withWays('corp');
    const { agent, page } = await atSignIn(world, one);
    const url = leavesTo(page);
    expect(new URL(url).origin).toBe(fake.origin);
    const back = /class="quiet" href="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const turned = await agent.get(back);
    expect([turned.headers.get('refresh'), said(turned).includes('Continue with Corp')]).toEqual([
      null,
      true,
    ]);
    const { asked } = fake.grant(url);
    const gaveUp = new URLSearchParams({ error: 'access_denied', state: asked.state, iss: fake.origin });
    const told = await agent.follow(await agent.get(`${asked.redirectUri}?${gaveUp}`));
    expect([told.headers.get('refresh'), said(told).includes('You did not go on at Corp')]).toEqual([
      null,
      true,
    ]);
  });

  test('whoever proves there that an account is theirs is signed in by it, without a second page of ours', async () => {
    fake.claims = { sub: 'm-1', email: member.email };
    const { agent, page } = await atSignIn(world, await withWays('corp'));
    const proving = await agent.follow(await agent.get(fake.grantUrl(leavesTo(page))));
    // The password alone is no way into this app: the provider is asked again, which knows the person by now.
    const again = await agent.follow(await post(agent, proving, '/connect', { password: member.password }));
    expect(codeOf(again)).toBeUndefined();
    expect(codeOf(await agent.follow(await agent.get(fake.grantUrl(leavesTo(again)))))).toBeTruthy();
  });

  test('a look by HEAD begins nothing; a provider that is switched off leaves a page that says so', async () => {
    const { agent, page } = await atSignIn(world, await withWays('corp'));
    const attempts = async () =>
      (await world.rooms.database.db.selectFrom('upstream_attempts').select('attempt_id').execute()).length;
    const before = await attempts();
    const cookie = agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    await world.ask(new URL(page.url).pathname, { method: 'HEAD', headers: { cookie } });
    expect(await attempts()).toBe(before);
    await world.rooms.providers.setEnabled('corp', false, { kind: 'operator' });
    await world.rooms.lease.renew();
    const off = await agent.get(page.url);
    await world.rooms.providers.setEnabled('corp', true, { kind: 'operator' });
    await world.rooms.lease.renew();
    expect(said(off)).toContain('There is no way to sign in to this app at the moment');
  });
});

describe('S12 an address of its domain leads to the provider from every field, with an account and without', () => {
  const fields: readonly (readonly [string, string])[] = [
    ['the password’s', '/sign-in'],
    ['the mailed code’s', '/send-code'],
    ['the sign-up’s', '/sign-up'],
  ];
  test.each(fields)('%s', async (_, name) => {
    const before = await mails();
    for (const email of [member.email, 'stranger@corp.example']) {
      const { agent, page } = await atSignIn(world, client);
      const csrf = csrfOf(page.text);
      const url = new URL(
        leavesTo(await agent.post(new URL(page.url).pathname + name, { csrf, email, password: '' })),
      );
      expect([url.origin, url.searchParams.get('login_hint')]).toEqual([fake.origin, email]);
    }
    expect(await mails()).toBe(before);
  });

  test('the reset’s: no mail, and where to sign in; an app of passwords alone resets as ever', async () => {
    const before = await mails();
    const pages = [];
    for (const email of [member.email, 'stranger@corp.example']) {
      const { agent, page } = await atSignIn(world, client);
      const reset = await agent.get(/href="([^"]*\/reset\?[^"]*)"/.exec(page.text)?.[1] ?? '');
      const told = await post(agent, reset, '/reset', { email });
      expect(told.text).toContain(new URL(page.url).pathname);
      pages.push([told.status, said(told).replaceAll(email, 'E')]);
    }
    expect(pages[0]).toEqual([
      200,
      expect.stringContaining('People with an address like E sign in with Corp'),
    ]);
    expect(pages[1]).toEqual(pages[0]);
    expect(await mails()).toBe(before);

    const { agent, page } = await atSignIn(world, await withWays('password'));
    const link = /href="([^"]*\/reset\?[^"]*)"/.exec(page.text)?.[1]?.replaceAll('&#38;', '&') ?? '';
    const asked = await post(agent, await agent.get(link), '/reset', { email: member.email });
    expect([asked.status, asked.location]).toEqual([303, `${world.issuer}/reset/code`]);
    expect(await mails()).toBe(before + 1);
  });
});

test('S19 a policy of two factors holds on every path through a provider, unless its level is trusted', async () => {
  const strict = await seedWebClient(world.rooms, { firstParty: true, secondFactor: 'required' });
  await seedProvider(world, fake, {
    providerId: 'trusted',
    name: 'Trusted',
    trustEmailVerified: true,
    trusted: [{ claim: 'amr', value: 'mfa', level: 'urn:cardea:acr:2' }],
  });
  await world.rooms.providers.update('corp', { trustEmailVerified: true }, undefined, { kind: 'operator' });
  await world.rooms.lease.renew();
  const links = () => world.rooms.database.db.selectFrom('upstream_identities').select('subject').execute();
  const asksForMore = (page: Page) => [codeOf(page), page.text.includes('/start-over"')];
  for (const provider of ['corp', 'trusted']) {
    const email = `${provider}-new@elsewhere.example`;
    fake.claims = { sub: `${provider}-new`, email, email_verified: true, amr: ['mfa'] };
    // Somebody new, then somebody who is known.
    const fresh = await atSignIn(world, strict);
    const joining = await through(fresh.agent, fresh.page, fake, provider);
    const joined = await fresh.agent.follow(await post(fresh.agent, joining, '/connect'));
    const known = await atSignIn(world, strict);
    const back = await through(known.agent, known.page, fake, provider);
    for (const page of [joined, back]) {
      expect(asksForMore(page)).toEqual(
        provider === 'trusted' ? [expect.any(String), false] : [undefined, true],
      );
    }
    // Whoever proves an account by its password has proved that alone, whatever the provider says: no link before the rest.
    const holder = await seedPerson(world.rooms);
    fake.claims = { sub: `${provider}-linking`, email: holder.email, email_verified: true, amr: ['mfa'] };
    const { agent, page } = await atSignIn(world, strict);
    const proving = await through(agent, page, fake, provider);
    const halfway = await agent.follow(await post(agent, proving, '/connect', { password: holder.password }));
    expect(asksForMore(halfway)).toEqual([undefined, true]);
    expect(await links()).not.toContainEqual({ subject: `${provider}-linking` });
  }
});
