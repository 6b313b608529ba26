/** Sign-up and invitations over HTTP: the journeys, and everything that is refused. Mail is scanned before it is read. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Agent, createAgent, formsOf, formTo, type Page } from '../harness/agent.ts';
import { type Mailboxes, openMailboxes } from '../harness/mail-scanner.ts';
import { redirectUri, type SeededClient, seedPerson, seedWebClient, signIn } from '../harness/seed.ts';
import { type CreationOptions, createAuthenticator } from '../passkeys/authenticator.ts';
import { authorizeQuery, openWorld, type World } from './world.ts';

const password = 'an umbrella in november';
const stranger = () => `new-${randomBytes(4).toString('hex')}@example.com`;
/** What the page asks the browser for, where it offers a passkey. */
function askOn({ text }: Page): CreationOptions {
  const ask = /data-ask="([^"]*)"/.exec(text)?.[1] ?? '{}';
  return JSON.parse(ask.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code))));
}
const wide = {
  CARDEA_LIMIT_ASKED_MAIL_PER_NETWORK: '100000/1h',
  CARDEA_LIMIT_CODE_TRIES_PER_NETWORK: '100000/15m',
};

describe.each([
  ['full', 'smtp'],
  ['embedded', 'box'],
] as const)('signing up on %s', (setup, kind) => {
  let world: World;
  let second: World;
  let mailboxes: Mailboxes;
  let client: SeededClient;

  beforeAll(async () => {
    mailboxes = await openMailboxes(kind);
    world = await openWorld(setup, { ...wide, ...mailboxes.environment, CARDEA_SIGN_UP: 'open' });
    second = setup === 'full' ? await world.second() : world;
    client = await seedWebClient(world.rooms, { firstParty: true });
  });
  afterAll(async () => {
    await world?.close();
    await mailboxes?.close();
  });

  /** At the page of the address: by prompt=create, or by the link of the sign-in page. */
  async function arrive(agent: Agent, by: 'prompt' | 'link' = 'prompt', app = client): Promise<Page> {
    const query = authorizeQuery(app, by === 'prompt' ? { prompt: 'create' } : {});
    const page = await agent.follow(await agent.get(query));
    if (by === 'prompt') return page;
    const link = /href="([^"]+)">Create an account/.exec(page.text)?.[1] ?? '';
    return agent.get(link.replaceAll('&amp;', '&'));
  }
  const send = async (agent: Agent, page: Page, action: string, fields: Record<string, string>) => {
    const form = formTo(page, action);
    return agent.follow(await agent.post(form.action, { ...form.fields, ...fields }));
  };
  /** A browser that waits for the code. */
  async function waiting(email: string, by: 'prompt' | 'link' = 'prompt', app = client) {
    const agent = createAgent(world.issuer);
    const page = await send(agent, await arrive(agent, by, app), '/sign-up', { email });
    return { agent, page };
  }
  /** The same, where the address is proved. */
  async function proved(email: string, app = client) {
    const { agent, page } = await waiting(email, 'prompt', app);
    const { code } = await mailboxes.next(world, email);
    return { agent, page: await send(agent, page, '/sign-up-code', { code }) };
  }
  const authenticator = () => createAuthenticator(world.issuer);
  const silently = async (agent: Agent, level: string) => {
    const claims = JSON.stringify({ id_token: { acr: { essential: true, values: [level] } } });
    return isIn(await agent.get(authorizeQuery(client, { prompt: 'none', claims })));
  };
  const finish = (agent: Agent, page: Page, more: Record<string, string> = {}) =>
    send(agent, page, '/sign-up-account', { name: 'Ada', password, ...more });
  const isIn = (page: Page) => page.location?.startsWith(`${redirectUri}?code=`) === true;

  test('the mail to an address without an account is in the language of the page that asked', async () => {
    const email = stranger();
    const agent = createAgent(world.issuer);
    const query = authorizeQuery(client, { prompt: 'create', ui_locales: 'de' });
    const page = await agent.follow(await agent.get(query));
    await send(agent, page, '/sign-up', { email });
    expect((await mailboxes.next(world, email)).html).toContain('lang="de"');
  });

  test.each(['prompt', 'link'] as const)(
    'by %s: address, code, name and password, and on to the app',
    async (by) => {
      const email = stranger();
      const { agent, page } = await waiting(email, by);
      expect(page.text).toContain(email);
      const { code } = await mailboxes.next(world, email);
      const proved = await send(agent, page, '/sign-up-code', { code: code.replace(' ', '') });
      expect(proved.text).toContain('Almost done');
      const done = await finish(agent, proved);
      expect(isIn(done)).toBe(true);
      const account = await world.rooms.accounts.findByEmail(email);
      expect(account).toMatchObject({ emailVerified: true, profile: { name: 'Ada' } });
      // The same browser is signed in, and known.
      const again = await agent.follow(await agent.get(authorizeQuery(client)));
      expect(isIn(again)).toBe(true);
      expect(agent.cookies.some(({ name }) => name.endsWith('device'))).toBe(true);
    },
  );

  test('by the link: where it began the visit goes on; elsewhere it makes the account and signs nobody in', async () => {
    const email = stranger();
    const { agent } = await waiting(email);
    const here = await mailboxes.next(world, email);
    const confirm = await agent.follow(await agent.get(here.link));
    expect(confirm.text).toContain('Confirm your address');
    const proved = await send(agent, confirm, '/link', {});
    expect(isIn(await finish(agent, proved))).toBe(true);

    const another = stranger();
    const begun = await waiting(another);
    const { link, code } = await mailboxes.next(world, another);
    const phone = createAgent(world.issuer);
    const form = await phone.follow(await phone.get(link));
    const weak = await send(phone, form, '/link', { name: '', password: 'password1234' });
    expect([weak.status, weak.text.includes('most common passwords')]).toEqual([422, true]);
    const done = await send(phone, weak, '/link', { name: 'Grace', password });
    expect(done.text).toContain('Your account is ready');
    expect(await world.rooms.accounts.findByEmail(another)).toMatchObject({ emailVerified: true });
    // Whoever typed the address has got nothing by that: not its session, and the code is void.
    const late = await send(begun.agent, begun.page, '/sign-up-code', { code });
    expect(late.status).toBe(422);
    expect(isIn(await begun.agent.follow(await begun.agent.get(authorizeQuery(client))))).toBe(false);
  });

  test('by passkey: no password, the level of a passkey, and the next sign-in by it', async () => {
    const email = stranger();
    const { agent, page } = await proved(email);
    const { response } = authenticator().create(askOn(page));
    const shown = await send(agent, page, '/sign-up-account', { name: 'Ada', credential: '{}' });
    expect([shown.status, shown.text.includes('value="Ada"')]).toEqual([422, true]);
    const done = await send(agent, page, '/sign-up-account', { name: 'Ada', credential: response });
    expect(isIn(done)).toBe(true);
    expect(await silently(agent, 'urn:cardea:acr:3')).toBe(true);
    const account = await world.rooms.accounts.findByEmail(email);
    expect(account).toMatchObject({ emailVerified: true, passwordVersion: 0, profile: { name: 'Ada' } });
    expect(await world.rooms.passkeys?.list(account?.id ?? '')).toHaveLength(1);
    expect(await world.rooms.passwordChange.hasPassword(account?.id ?? '')).toBe(false);
  });

  test('S21, S11 a passkey for another sign-up, address or browser, used twice or known makes nothing; the right one does', async () => {
    const [email, other] = [stranger(), stranger()];
    const mine = await proved(email);
    const theirs = await proved(other);
    const { action, fields } = formTo(mine.page, '/sign-up-account');
    const post = (agent: Agent, credential: string) =>
      agent.post(action, { ...fields, name: '', credential });
    const known = authenticator().create(askOn(theirs.page));
    const refused = [
      await post(mine.agent, known.response),
      await post(mine.agent, authenticator().create({ ...askOn(mine.page), challenge: 'AAAA' }).response),
      await post(mine.agent, authenticator().create(askOn(mine.page), { uv: false }).response),
      await post(theirs.agent, authenticator().create(askOn(mine.page)).response),
    ];
    expect(refused.map(({ status }) => status)).toEqual([422, 422, 422, 403]);
    // Another address in the same visit: what was made for the first one is none of it.
    const begun = await proved(stranger());
    const early = authenticator().create(askOn(begun.page));
    const renamed = formTo(begun.page, '/sign-up-account');
    const start = renamed.action.replace('-account', '');
    const changed = stranger();
    const wait = await begun.agent.follow(
      await begun.agent.post(start, { ...renamed.fields, email: changed }),
    );
    const { code } = await mailboxes.next(world, changed);
    const ready = await send(begun.agent, wait, '/sign-up-code', { code });
    const stale = await send(begun.agent, ready, '/sign-up-account', { credential: early.response });
    expect([stale.status, stale.text.includes('took too long')]).toEqual([422, true]);
    const fresh = await mine.agent.get(`${action.replace('/sign-up-account', '')}?account=new`);
    const later = authenticator().create(askOn(fresh));
    // Five at once, on two processes.
    const twin = createAgent(second.issuer, mine.agent.cookies);
    const made = await Promise.all(
      Array.from({ length: 5 }, (_, n) => post((n % 2 ? twin : mine.agent).clone(), later.response)),
    );
    expect(made.filter(({ status }) => status === 303)).toHaveLength(1);
    expect((await post(mine.agent, later.response)).status).toBe(403);
    const account = await world.rooms.accounts.findByEmail(email);
    expect(await world.rooms.passkeys?.list(account?.id ?? '')).toHaveLength(1);
    // A credential of somebody else's: neither account nor proof is spent.
    const taken = authenticator().create(askOn(theirs.page), {}, 'ES256', later.credential);
    const form = formTo(theirs.page, '/sign-up-account');
    const clash = await theirs.agent.post(form.action, { ...form.fields, credential: taken.response });
    expect([clash.status, clash.text.includes('in use already')]).toEqual([422, true]);
    expect(await world.rooms.accounts.findByEmail(other)).toBeUndefined();
    expect(isIn(await finish(theirs.agent, clash))).toBe(true);
  });

  test('S19 where only a passkey will do there is no password to choose, and a reset by mail is no way around it', async () => {
    const strict = await seedWebClient(world.rooms, { firstParty: true, secondFactor: 'passkey' });
    const email = stranger();
    const { agent, page } = await proved(email, strict);
    expect(page.text).not.toContain('name="password"');
    expect((await send(agent, page, '/sign-up-account', { password })).status).toBe(422);
    expect(await world.rooms.accounts.findByEmail(email)).toBeUndefined();
    const { response } = authenticator().create(askOn(page));
    expect(isIn(await send(agent, page, '/sign-up-account', { credential: response }))).toBe(true);

    await world.rooms.passwordResets.ask({ email, network: '192.0.2.1' });
    const token = new URL((await mailboxes.next(world, email)).link).pathname.split('/').at(-1) ?? '';
    const reset = await world.rooms.passwordResets.complete({ token, password, network: '192.0.2.1' });
    expect(reset.kind).toBe('changed');
    const thief = createAgent(world.issuer);
    const person = { id: '', email, password };
    const asked = await signIn(thief, await thief.follow(await thief.get(authorizeQuery(strict))), person);
    expect(formTo(asked, '/second-factor').fields.factor).toBe('passkey');
    // Elsewhere the password is one factor: it brings no further one in.
    expect(
      isIn(await signIn(thief, await thief.follow(await thief.get(authorizeQuery(client))), person)),
    ).toBe(true);
    for (const path of ['/account/passkeys/new', '/account/two-step/add', '/account/email']) {
      const page = await thief.follow(await thief.get(path));
      expect(formTo(page, '/second-factor').fields.factor).toBe('passkey');
    }
  });

  test('S19 policy `required`: after a sign-up and after a reset a factor is set up first, and nobody is in before', async () => {
    const strict = await seedWebClient(world.rooms, { firstParty: true, secondFactor: 'required' });
    const email = stranger();
    const { agent, page } = await proved(email, strict);
    const notIn = async (at: Agent, shown: Page) => {
      expect(shown.text).toContain('?factor=totp"');
      const uid = new URL(shown.url).pathname.split('/').at(-1) ?? '';
      expect((await at.follow(await at.get(`/oauth2/authorize/${uid}`))).location).toBeUndefined();
      const silent = await at.get(authorizeQuery(client, { prompt: 'none' }));
      expect(silent.location).toContain('login_required');
      expect((await at.get('/account')).location).toContain('/oauth2/authorize');
    };
    await notIn(agent, await finish(agent, page));
    await world.rooms.passwordResets.ask({ email, network: '192.0.2.1' });
    const token = new URL((await mailboxes.next(world, email)).link).pathname.split('/').at(-1) ?? '';
    const next = 'another umbrella in april';
    await world.rooms.passwordResets.complete({ token, password: next, network: '192.0.2.1' });
    const later = createAgent(world.issuer);
    const first = await later.follow(await later.get(authorizeQuery(strict)));
    await notIn(later, await signIn(later, first, { id: '', email, password: next }));
  });

  test('S12 an address with an account: the same bytes, headers and cookies; the mail says so', async () => {
    const known = await seedPerson(world.rooms);
    const unknown = `${'x'.repeat(known.email.indexOf('@'))}@example.com`;
    const seen = [];
    for (const email of [known.email, unknown]) {
      const agent = createAgent(world.issuer);
      const page = await arrive(agent);
      const form = formTo(page, '/sign-up');
      const answer = await agent.post(form.action, { ...form.fields, email });
      const shown = await agent.follow(answer);
      const uid = /interaction\/([^/]+)/.exec(form.action)?.[1] ?? '';
      const neutral = (text: string) =>
        text
          .replaceAll(email, 'ADDRESS')
          .replaceAll(uid, 'UID')
          .replaceAll(form.fields.csrf ?? '', 'CSRF');
      const headers = (one: Page) =>
        [...one.headers].filter(([name]) => !/^(?:date|x-request-id|set-cookie)$/.test(name));
      seen.push({
        status: [answer.status, shown.status],
        headers: neutral(JSON.stringify([headers(answer), headers(shown)])),
        body: neutral(shown.text),
        cookies: agent.cookies.map(({ name, path, value }) => [name, neutral(path), value.length]),
      });
    }
    expect(seen[0]).toEqual(seen[1]);
    const mail = await mailboxes.next(world, known.email);
    expect([mail.code, mail.link, mail.text.includes('has an account')]).toEqual(['', '', true]);
    expect((await mailboxes.next(world, unknown)).code).not.toBe('');
  });

  test('A8 fields that were not asked for set nothing', async () => {
    const email = stranger();
    const { agent, page } = await waiting(email);
    const { code } = await mailboxes.next(world, email);
    const proved = await send(agent, page, '/sign-up-code', { code });
    const extra = {
      role: 'administrator',
      roles: 'administrator',
      is_admin: 'true',
      email: 'root@example.com',
      id: 'chosen',
      status: 'active',
      password_hash: '$argon2id$x',
      mfa_enabled: 'false',
    };
    expect(isIn(await finish(agent, proved, extra))).toBe(true);
    const account = await world.rooms.accounts.findByEmail(email);
    expect(account?.id).not.toBe('chosen');
    expect(await world.rooms.roles.ofAccount(account?.id ?? '')).toEqual([]);
    expect(await world.rooms.accounts.findByEmail('root@example.com')).toBeUndefined();
  });

  test('S11 out of order, empty, replayed, from another browser, on another process: the same refusal', async () => {
    const email = stranger();
    const fresh = createAgent(world.issuer);
    const start = await arrive(fresh);
    const { action, fields } = formTo(start, '/sign-up');
    const to = (step: string) => action.replace(/sign-up$/, step);
    const account = { ...fields, name: 'Mallory', password };
    // Steps before their turn.
    const early = [
      await fresh.post(to('sign-up-code'), { ...fields, code: '1234 5678' }),
      await fresh.post(to('sign-up-account'), account),
      await fresh.post(to('sign-up-account'), { ...account, email }),
    ];
    const { agent, page } = await waiting(email);
    const mine = formTo(page, '/sign-up-code');
    const step = (name: string) => mine.action.replace(/sign-up-code$/, name);
    const { code } = await mailboxes.next(world, email);
    const unproved = await agent.post(step('sign-up-account'), { ...mine.fields, name: '', password });
    // Another browser, with and without a token of its own.
    const other = createAgent(world.issuer);
    await arrive(other);
    const foreign = [
      await other.post(mine.action, { ...mine.fields, code }),
      await other.post(step('sign-up-account'), { ...mine.fields, name: '', password }),
      await other.post(mine.action, {}),
    ];
    const otherSite = await agent.post(
      mine.action,
      { ...mine.fields, code },
      { origin: 'https://evil.example' },
    );
    expect([...early, unproved, ...foreign, otherSite].map(({ status }) => status)).toEqual(
      Array(8).fill(403),
    );
    const empty = await agent.post(mine.action, {});
    expect(empty.status).toBe(403);
    const codeless = await agent.post(mine.action, mine.fields);
    expect(codeless.status).toBe(422);
    // Five at once, on two processes: one goes on.
    const proofs = await Promise.all(
      Array.from({ length: 5 }, () => agent.clone().post(mine.action, { ...mine.fields, code })),
    );
    expect(proofs.filter(({ status }) => status === 303)).toHaveLength(1);
    const replayed = await agent.post(mine.action, { ...mine.fields, code });
    expect(replayed.status).toBe(403);
    const elsewhere = createAgent(second.issuer, agent.cookies);
    const shown = await elsewhere.get(`${mine.action.replace(/\/sign-up-code$/, '')}?account=new`);
    const last = formTo(shown, '/sign-up-account');
    const made = await Promise.all(
      Array.from({ length: 5 }, () =>
        elsewhere.clone().post(last.action, { ...last.fields, name: 'Ada', password }),
      ),
    );
    expect(made.filter(({ status }) => status === 303)).toHaveLength(1);
    const after = await elsewhere.post(last.action, { ...last.fields, name: 'Ada', password });
    expect(after.status).toBe(403);
  });

  test('A16 forty of one address write five mails or fewer than ten, and all get the same answer', async () => {
    const email = stranger();
    const agent = createAgent(world.issuer);
    const form = formTo(await arrive(agent), '/sign-up');
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => agent.post(form.action, { ...form.fields, email })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([303]));
    expect((await mailboxes.all(world, email)).length).toBeLessThan(10);
  });
});

describe('where sign-up is closed', () => {
  let world: World;
  let mailboxes: Mailboxes;
  let client: SeededClient;
  const operator = { actor: { kind: 'operator' } } as const;
  beforeAll(async () => {
    mailboxes = await openMailboxes('smtp');
    world = await openWorld('full', { ...wide, ...mailboxes.environment });
    client = await seedWebClient(world.rooms, { firstParty: true });
  });
  afterAll(async () => {
    await world?.close();
    await mailboxes?.close();
  });

  test('A7 no link, no prompt, no form, no hidden address', async () => {
    const agent = createAgent(world.issuer);
    const page = await agent.follow(await agent.get(authorizeQuery(client)));
    expect(page.text).not.toContain('Create an account');
    const { action, fields } = formTo(page, '/sign-in');
    const base = action.replace(/\/sign-in$/, '');
    expect((await agent.get(`${base}?account=new`)).text).toContain('Sign in');
    for (const step of ['sign-up', 'sign-up-code', 'sign-up-account']) {
      const answer = await agent.post(`${base}/${step}`, {
        ...fields,
        email: stranger(),
        code: '1',
        password,
      });
      expect(answer.status).toBe(404);
    }
    const created = await agent.follow(await agent.get(authorizeQuery(client, { prompt: 'create' })));
    expect(new URL(created.location ?? 'about:blank').searchParams.get('error')).toBe('invalid_request');
    const discovery = await (await fetch(`${world.issuer}/.well-known/openid-configuration`)).json();
    expect((discovery as { prompt_values_supported: string[] }).prompt_values_supported).not.toContain(
      'create',
    );
    expect(await mailboxes.count(world)).toBe(0);
  });

  test('A6 an invitation makes one account with its roles, by link or by code; a forged role is nothing', async () => {
    for (const way of ['link', 'code'] as const) {
      const email = stranger();
      const roles = [{ role: 'administrator', audience: 'cardea' }];
      await world.rooms.invitations.create({ email, roles }, operator);
      const letter = await mailboxes.next(world, email);
      const agent = createAgent(world.issuer);
      let page = await agent.follow(await agent.get(letter.link));
      if (way === 'code') {
        const ask = formTo(await agent.get('/invitation'), '/invitation');
        const wrong = await agent.post(ask.action, { ...ask.fields, email: stranger(), code: letter.code });
        expect(wrong.status).toBe(422);
        page = await agent.follow(await agent.post(ask.action, { ...ask.fields, email, code: letter.code }));
      }
      expect(page.text).toContain(email);
      const form = formTo(page, '/link');
      const extra = { role: 'emperor', email: 'root@example.com', name: 'Clerk', password };
      const done = await agent.follow(await agent.post(form.action, { ...form.fields, ...extra }));
      expect(done.text).toContain('Your account is ready');
      const account = await world.rooms.accounts.findByEmail(email);
      expect(await world.rooms.roles.ofAccount(account?.id ?? '')).toEqual(roles);
      const again = await agent.post(form.action, { ...form.fields, ...extra });
      expect([again.status, again.text.includes('no longer works')]).toEqual([403, true]);
    }
  });

  test('A6 an invited person makes a passkey: the roles are the account’s, and nobody is signed in', async () => {
    const email = stranger();
    const roles = [{ role: 'administrator', audience: 'cardea' }];
    await world.rooms.invitations.create({ email, roles }, operator);
    const agent = createAgent(world.issuer);
    const page = await agent.follow(await agent.get((await mailboxes.next(world, email)).link));
    const { response } = createAuthenticator(world.issuer).create(askOn(page));
    const form = formTo(page, '/link');
    const filled = { ...form.fields, name: 'Clerk', credential: response };
    const all = await Promise.all(Array.from({ length: 5 }, () => agent.clone().post(form.action, filled)));
    expect(all.filter(({ status }) => status === 303)).toHaveLength(1);
    const account = await world.rooms.accounts.findByEmail(email);
    expect(await world.rooms.roles.ofAccount(account?.id ?? '')).toEqual(roles);
    expect(await world.rooms.passkeys?.list(account?.id ?? '')).toHaveLength(1);
    const silent = await agent.get(authorizeQuery(client, { prompt: 'none' }));
    expect(silent.location).toContain('login_required');
  });

  test('S11 the link’s form empty, from another site, without its token: nothing is made', async () => {
    const email = stranger();
    await world.rooms.invitations.create({ email }, operator);
    const { link } = await mailboxes.next(world, email);
    const agent = createAgent(world.issuer);
    const form = formTo(await agent.follow(await agent.get(link)), '/link');
    const filled = { ...form.fields, name: '', password };
    const other = createAgent(world.issuer);
    const refused = [
      await agent.post(form.action, {}),
      await agent.post(form.action, filled, { origin: 'https://evil.example' }),
      await other.post(form.action, filled),
      await agent.post(form.action, { ...filled, csrf: 'x' }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    expect(await world.rooms.accounts.findByEmail(email)).toBeUndefined();
    expect((await agent.post(form.action, form.fields)).status).toBe(422);
    const all = await Promise.all(Array.from({ length: 5 }, () => agent.clone().post(form.action, filled)));
    expect(all.filter(({ status }) => status === 303)).toHaveLength(1);
    expect(formsOf(await agent.get(link)).length).toBe(0);
  });
});
