/** Signing in by a mailed code: bound to the browser and the page that asked, one factor, equal for everybody. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Agent, createAgent, formTo, type Page } from '../harness/agent.ts';
import { type Mailboxes, openMailboxes } from '../harness/mail-scanner.ts';
import { redirectUri, type SeededClient, seedPerson, seedWebClient, signIn } from '../harness/seed.ts';
import { authorizeQuery, openWorld, payloadOf, type World } from './world.ts';

const operator = { actor: { kind: 'operator' } } as const;

async function begin(world: World, client: SeededClient, query: Record<string, string> = {}) {
  const agent = createAgent(world.issuer);
  return { agent, page: await agent.follow(await agent.get(authorizeQuery(client, query))) };
}

async function sendCode(agent: Agent, page: Page, email: string): Promise<Page> {
  const form = formTo(page, '/sign-in');
  const action = form.action.replace(/\/sign-in$/, '/send-code');
  return agent.follow(await agent.post(action, { ...form.fields, email, remember: 'yes' }));
}

async function typeCode(agent: Agent, page: Page, code: string): Promise<Page> {
  const form = formTo(page, '/code');
  return agent.follow(await agent.post(form.action, { ...form.fields, code }));
}

describe.each([
  ['full', 'smtp'],
  ['embedded', 'box'],
] as const)('signing in by a mailed code on %s', (setup, kind) => {
  let world: World;
  let mailboxes: Mailboxes;
  let client: SeededClient;
  beforeAll(async () => {
    mailboxes = await openMailboxes(kind);
    world = await openWorld(setup, mailboxes.environment);
    client = await seedWebClient(world.rooms, { firstParty: true });
  });
  afterAll(async () => {
    await world?.close();
    await mailboxes?.close();
  });

  test('the mail is in the language of the page that asked, where the account has chosen none', async () => {
    const person = await seedPerson(world.rooms);
    const { agent, page } = await begin(world, client, { ui_locales: 'fr' });
    await sendCode(agent, page, person.email);
    expect((await mailboxes.next(world, person.email)).html).toContain('lang="fr"');
  });

  test('the code, in the browser that asked, once; tokens say what was proved', async () => {
    const person = await seedPerson(world.rooms);
    const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
    const { agent, page } = await begin(world, client, {
      code_challenge: challenge,
      claims: JSON.stringify({ id_token: { acr: null, amr: null } }),
    });
    const waiting = await sendCode(agent, page, person.email.toUpperCase());
    expect(waiting.text).toContain('If there is an account for');
    const letter = await mailboxes.next(world, person.email);
    expect(letter.link).toBe('');
    expect(letter.text).toContain('Orders');
    // The page is the same after a reload, and the other way is a link away.
    expect((await agent.get(waiting.url)).text).toContain('one-time-code');
    expect((await agent.get(`${waiting.url}?way=other`)).text).toContain('current-password');
    const wrong = await typeCode(agent, waiting, letter.code === '1111 1111' ? '2222 2222' : '1111 1111');
    expect(wrong.status).toBe(422);
    const done = await typeCode(agent, wrong, letter.code.replace(' ', ''));
    expect(done.location).toContain(`${redirectUri}?code=`);
    const answer = await world.token(
      {
        grant_type: 'authorization_code',
        code: new URL(done.location ?? '').searchParams.get('code') ?? '',
        redirect_uri: redirectUri,
        code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
      },
      client,
    );
    expect(payloadOf(answer.json.id_token)).toMatchObject({
      sub: person.id,
      amr: ['email'],
      acr: 'urn:cardea:acr:1',
    });
  });
});

describe('what a mailed code to sign in withstands, on two processes', () => {
  let world: World;
  let other: World;
  let mailboxes: Mailboxes;
  let client: SeededClient;
  beforeAll(async () => {
    mailboxes = await openMailboxes('smtp');
    world = await openWorld('full', {
      ...mailboxes.environment,
      CARDEA_LIMIT_ASKED_MAIL_PER_ADDRESS: '1000/1m',
    });
    other = await world.second();
    client = await seedWebClient(world.rooms, { firstParty: true });
  });
  afterAll(async () => {
    await world?.close();
    await mailboxes?.close();
  });

  test('S11 out of order, empty, replayed, from another browser or page: the same 403, or wrong', async () => {
    const person = await seedPerson(world.rooms);
    const asked = await begin(world, client);
    const fresh = await begin(world, client);
    const waiting = await sendCode(asked.agent, asked.page, person.email);
    const { code } = await mailboxes.next(world, person.email);
    const form = formTo(waiting, '/code');
    const own = formTo(fresh.page, '/sign-in');
    const at = (action: string) => own.action.replace(/\/sign-in$/, action);
    // A page that has asked for nothing takes no code; nor does a stranger's browser that has the whole form.
    expect((await fresh.agent.post(at('/code'), { ...own.fields, code })).status).toBe(403);
    expect((await fresh.agent.post(form.action, { ...form.fields, code })).status).toBe(403);
    for (const path of ['/code', '/send-code', '/consent', '/second-factor']) {
      expect((await fresh.agent.post(at(path), {})).status, path).toBe(403);
    }
    // Forwarded, it is wrong on a page that waits for another one, even for the same address.
    const theirs = await sendCode(fresh.agent, fresh.page, person.email);
    expect((await typeCode(fresh.agent, theirs, code)).status).toBe(422);
    const done = await typeCode(asked.agent, waiting, code);
    expect(done.location).toContain(`${redirectUri}?code=`);
    expect((await asked.agent.post(form.action, { ...form.fields, code })).status).toBe(403);
  });

  test('twenty at once on two processes, one gets in; a newer code voids the older; five wrong ones are all', async () => {
    const person = await seedPerson(world.rooms);
    const { agent, page } = await begin(world, client);
    const first = await sendCode(agent, page, person.email);
    const older = await mailboxes.next(world, person.email);
    const resend = formTo(first, '/code');
    await agent.post(resend.action.replace(/\/code$/, '/send-code'), { ...resend.fields, remember: 'yes' });
    const newer = await mailboxes.next(world, person.email);
    const form = formTo(first, '/code');
    const { pathname } = new URL(form.action);
    const cookie = agent.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    const all = (code: string, times: number) =>
      Promise.all(
        Array.from({ length: times }, (_, n) =>
          (n % 2 ? world : other).ask(pathname, {
            form: { ...form.fields, code },
            headers: { cookie, origin: world.issuer },
          }),
        ),
      );
    expect((await all(older.code, 1)).map(({ status }) => status)).toEqual([422]);
    const won = (await all(newer.code, 20)).filter(({ headers }) =>
      /\/authorize\//.test(String(headers.location)),
    );
    expect(won).toHaveLength(1);

    const again = await begin(world, client);
    const waiting = await sendCode(again.agent, again.page, person.email);
    const { code } = await mailboxes.next(world, person.email);
    for (let n = 0; n < 5; n += 1) {
      expect(
        (await typeCode(again.agent, waiting, code === '0000 0000' ? '1111 1111' : '0000 0000')).status,
      ).toBe(422);
    }
    expect((await typeCode(again.agent, waiting, code)).status).toBe(422);
  });

  test('S12 unknown and disabled: the same page and cookie, no mail; a password change voids the code', async () => {
    const [known, disabled] = [
      await seedPerson(world.rooms, 'eeeeeeee@example.com'),
      await seedPerson(world.rooms, 'ffffffff@example.com'),
    ];
    await world.rooms.accounts.disable(disabled.id, operator);
    const seen = async (email: string) => {
      const { agent, page } = await begin(world, client);
      const form = formTo(page, '/sign-in');
      const action = form.action.replace(/\/sign-in$/, '/send-code');
      const moved = await agent.post(action, { ...form.fields, email });
      const waiting = await agent.follow(moved);
      const refused = await typeCode(agent, waiting, '1234 5678');
      const uid = new URL(action).pathname.split('/')[2] ?? '';
      const own = [email, Buffer.from(email).toString('base64url'), uid, form.fields.csrf ?? ''];
      const blind = (text: string) =>
        own.reduce((rest, secret) => rest.replaceAll(secret, '*'), text).replace(/expires=[^;]+/g, 'expires');
      return [moved, waiting, refused].map(({ status, headers, text }) => {
        const kept = [...headers].filter(([name]) => !['date', 'x-request-id'].includes(name));
        return [status, blind(JSON.stringify(kept)), blind(text)];
      });
    };
    const wanted = await seen(known.email);
    expect(await seen(disabled.email)).toEqual(wanted);
    expect(await seen('gggggggg@example.com')).toEqual(wanted);
    expect(await mailboxes.all(world, disabled.email)).toEqual([]);

    const { agent, page } = await begin(world, client);
    const waiting = await sendCode(agent, page, known.email);
    const { code } = await mailboxes.next(world, known.email);
    await world.rooms.accounts.setPassword(known.id, 'meanwhile another password', operator);
    expect((await typeCode(agent, waiting, code)).status).toBe(422);
    // The password still signs in from that page.
    const form = await agent.get(`${waiting.url}?way=other`);
    const done = await signIn(agent, form, { ...known, password: 'meanwhile another password' });
    expect(done.location).toContain(`${redirectUri}?code=`);
  });
});
