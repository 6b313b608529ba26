/** Rich authorization requests (RFC 9396) from the request to the API: checked, shown, allowed as they are, never widened. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Agent, formTo, type Page } from '../harness/agent.ts';
import { redeemForm } from '../harness/codes.ts';
import { allow, type SeededClient, seedApi, seedClient, seedWebClient, signIn } from '../harness/seed.ts';
import { authorizeQuery, freshAgent, openWorld, payloadOf, type World } from './world.ts';

const bank = 'https://bank.example.com';
const files = 'https://files.example.com';
const paymentType = {
  type: 'payment',
  description: 'Pay {amount.value} {amount.currency} to {to}',
  sensitive: ['account.iban'],
  schema: {
    type: 'object',
    required: ['amount', 'to'],
    properties: {
      amount: {
        type: 'object',
        required: ['value', 'currency'],
        additionalProperties: false,
        properties: { value: { type: 'string', maxLength: 12 }, currency: { enum: ['EUR'] } },
      },
      to: { type: 'string', maxLength: 70 },
      account: {
        type: 'object',
        additionalProperties: false,
        properties: { iban: { type: 'string', maxLength: 34 } },
      },
      actions: { type: 'array', items: { enum: ['initiate', 'status', 'cancel'] }, maxItems: 3 },
    },
  },
} as const;
const folderType = {
  type: 'folder',
  description: 'Read the folder {name}',
  sensitive: [],
  schema: { type: 'object', required: ['name'], properties: { name: { type: 'string', maxLength: 50 } } },
} as const;
const payment = {
  type: 'payment',
  amount: { value: '12.50', currency: 'EUR' },
  to: 'Grace <b>Hopper</b>',
  account: { iban: 'DE02120300000000202051' },
  actions: ['initiate', 'status'],
};
const folder = { type: 'folder', name: 'Tax' };

let world: World;
let client: SeededClient;
let api: SeededClient;

beforeAll(async () => {
  world = await openWorld('full');
  api = await seedClient(world.rooms, { name: 'Bank API', type: 'service' });
  const more = { introspectionClientId: api.clientId };
  await seedApi(world.rooms, bank, {
    ...more,
    name: 'Bank',
    scopes: ['pay'],
    authorizationTypes: [paymentType],
  });
  await seedApi(world.rooms, files, {
    ...more,
    name: 'Files',
    scopes: ['read'],
    tokenFormat: 'opaque',
    authorizationTypes: [folderType],
  });
  client = await seedWebClient(world.rooms);
});
afterAll(() => world?.close());

const json = (...details: readonly object[]) => JSON.stringify(details);
const answerOf = ({ location, status, text }: Page) => {
  if (!location) throw new Error(`no answer: ${status} ${text}`);
  return new URL(location).searchParams;
};
const verifier = 'v'.repeat(43);
const challengeOf = (value: string) => createHash('sha256').update(value).digest('base64url');

/** To the consent page, in a fresh browser or in one that is signed in. */
async function arrive(change: Record<string, string>, agent?: Agent): Promise<{ agent: Agent; page: Page }> {
  const by = agent ?? freshAgent(world);
  const query = authorizeQuery(client, { code_challenge: challengeOf(verifier), ...change });
  const page = await by.follow(await by.get(query));
  return { agent: by, page: page.text.includes('/sign-in"') ? await signIn(by, page, world.person) : page };
}

async function tokensFor(change: Record<string, string>, redeemed: Record<string, string> = {}) {
  const { agent, page } = await arrive(change);
  const back = page.location ? page : await allow(agent, page);
  const code = answerOf(back).get('code') ?? '';
  return world.token({ ...redeemForm({ code, verifier }), ...redeemed }, client);
}

describe('from the request to the API', () => {
  test('shown in plain words, escaped; in the token response, the JWT and its introspection', async () => {
    client = await seedWebClient(world.rooms);
    const { agent, page } = await arrive({ authorization_details: json(payment), scope: 'openid' });
    const words = page.text.replace(/[\u2068\u2069]/g, '');
    expect(words).toContain('Pay 12.50 EUR to Grace &#60;b&#62;Hopper&#60;/b&#62;');
    expect(words).toContain('DE02120300000000202051');
    expect(words).toContain('initiate, status');
    expect(words).toContain('Sensitive');
    const code = answerOf(await allow(agent, page)).get('code') ?? '';
    const { status, text } = await world.token(redeemForm({ code, verifier }), client);
    expect(status).toBe(200);
    const answer = JSON.parse(text) as { access_token: string; authorization_details: unknown };
    expect(answer.authorization_details).toEqual([payment]);
    expect(payloadOf(answer.access_token)).toMatchObject({ aud: bank, authorization_details: [payment] });
    const seen = JSON.parse((await world.introspect(answer.access_token, api)).text) as object;
    expect(seen).toMatchObject({ active: true, authorization_details: [payment] });
    await world.rooms.audit.flush();
    const { events } = await world.rooms.audit.search({ type: 'consent.granted', clientId: client.clientId });
    expect(events[0]?.detail).toMatchObject({ detailTypes: ['payment'] });
    expect(JSON.stringify(events)).not.toContain('DE0212');
  });

  test('pushed (RFC 9126), and opaque', async () => {
    client = await seedWebClient(world.rooms);
    const form = {
      ...Object.fromEntries(
        new URLSearchParams(
          authorizeQuery(client, {
            authorization_details: json(folder),
            scope: 'openid',
            code_challenge: challengeOf(verifier),
          }).split('?')[1],
        ),
      ),
    };
    const pushed = JSON.parse((await world.ask('/oauth2/par', { form, client })).text) as {
      request_uri: string;
    };
    const agent = freshAgent(world);
    const first = await agent.follow(
      await agent.get(
        `/oauth2/authorize?${new URLSearchParams({ client_id: client.clientId, request_uri: pushed.request_uri })}`,
      ),
    );
    const page = await signIn(agent, first, world.person);
    expect(page.text.replace(/[\u2068\u2069]/g, '')).toContain('Read the folder Tax');
    const code = answerOf(await allow(agent, page)).get('code') ?? '';
    const { json: got } = await world.token(redeemForm({ code, verifier }), client);
    const seen = JSON.parse((await world.introspect(got.access_token, api)).text) as object;
    expect(seen).toMatchObject({ active: true, aud: files, authorization_details: [folder] });
  });

  test('each API sees its own alone, also by refresh; userinfo sees none', async () => {
    client = await seedWebClient(world.rooms);
    const both = { authorization_details: json(payment, folder), scope: 'openid offline_access pay read' };
    const first = await tokensFor(both, { resource: bank });
    expect(payloadOf(first.json.access_token).authorization_details).toEqual([payment]);
    const second = await world.refresh(first.json.refresh_token, client, { resource: files });
    expect(JSON.parse(second.text)).toMatchObject({ authorization_details: [folder] });
    const third = await world.refresh(second.json.refresh_token, client, { scope: 'openid' });
    expect([third.status, JSON.parse(third.text).authorization_details]).toEqual([200, undefined]);
  });

  test('discovery names the types there are, and those that come', async () => {
    const types = async () =>
      (
        JSON.parse((await world.ask('/.well-known/openid-configuration')).text) as {
          authorization_details_types_supported?: string[];
        }
      ).authorization_details_types_supported;
    expect(await types()).toEqual(['folder', 'payment']);
    await seedApi(world.rooms, 'https://late.example.com', {
      authorizationTypes: [{ ...folderType, type: 'late' }],
    });
    await world.rooms.lease.renew();
    await expect.poll(types).toEqual(['folder', 'late', 'payment']);
    await world.rooms.resources.delete('https://late.example.com', { kind: 'operator' });
    await world.rooms.lease.renew();
    await expect.poll(types).toEqual(['folder', 'payment']);
  });
});

describe('a consent covers what was shown and nothing else', () => {
  test('the same is not asked twice; anything that differs is, silently never', async () => {
    client = await seedWebClient(world.rooms);
    const { agent, page } = await arrive({ authorization_details: json(payment) });
    await allow(agent, page);
    const { to, ...others } = payment;
    const reordered = { to, ...others };
    const again = await arrive({ authorization_details: json(reordered), prompt: 'none' }, agent);
    expect(answerOf(again.page).get('code')).toBeTruthy();
    for (const other of [
      { ...payment, to: 'Mallory' },
      { ...payment, amount: { value: '1250', currency: 'EUR' } },
      { ...payment, actions: ['initiate', 'status', 'cancel'] },
      { ...payment, actions: ['initiate'] },
      { ...payment, locations: [bank] },
    ]) {
      const silent = await arrive({ authorization_details: json(other), prompt: 'none' }, agent);
      expect(answerOf(silent.page).get('error'), JSON.stringify(other)).toBe('consent_required');
      expect((await arrive({ authorization_details: json(other) }, agent)).page.text).toContain('/consent"');
    }
    // Two at once, of which one is known, are asked for the new one alone.
    const two = await arrive({ authorization_details: json(payment, { ...payment, to: 'Mallory' }) }, agent);
    expect(two.page.text).toContain('Mallory');
    expect(two.page.text).not.toContain('Grace &#60;');
  });

  test('S5 what the form adds to the details is not granted', async () => {
    client = await seedWebClient(world.rooms);
    const { agent, page } = await arrive({ authorization_details: json(payment) });
    const form = formTo(page, '/consent');
    const evil = json({ ...payment, to: 'Mallory' });
    const back = await agent.follow(
      await agent.post(form.action, {
        ...form.fields,
        authorization_details: evil,
        rar: '{"type":"folder"}',
      }),
    );
    const code = answerOf(back).get('code') ?? '';
    const { text } = await world.token(redeemForm({ code, verifier }), client);
    expect(JSON.parse(text)).toMatchObject({ authorization_details: [payment] });
    const silent = await arrive({ authorization_details: evil, prompt: 'none' }, agent);
    expect(answerOf(silent.page).get('error')).toBe('consent_required');
  });

  test('our own app is asked too: for the details, not for the rest', async () => {
    client = await seedWebClient(world.rooms, { firstParty: true });
    const { agent, page } = await arrive({ authorization_details: json(payment), scope: 'openid profile' });
    expect(page.text).toContain('/consent"');
    expect(page.text).not.toContain('name and profile');
    expect(answerOf(await allow(agent, page)).get('code')).toBeTruthy();
  });

  test('turned down: access_denied; withdrawn: asked again', async () => {
    client = await seedWebClient(world.rooms);
    const { agent, page } = await arrive({ authorization_details: json(payment) });
    const cancel = formTo(page, '/cancel');
    expect(
      answerOf(await agent.follow(await agent.post(cancel.action, { ...cancel.fields }))).get('error'),
    ).toBe('access_denied');
    await allow(agent, (await arrive({ authorization_details: json(payment) }, agent)).page);
    await world.rooms.consents.withdraw(world.person.id, client.clientId, { actor: { kind: 'operator' } });
    await world.rooms.lease.renew();
    expect((await arrive({ authorization_details: json(payment) }, agent)).page.text).toContain('/consent"');
  });

  test('a type that is gone while the person reads is not granted', async () => {
    client = await seedWebClient(world.rooms);
    await seedApi(world.rooms, 'https://gone.example.com', {
      authorizationTypes: [{ ...folderType, type: 'gone' }],
    });
    await world.rooms.lease.renew();
    const { agent, page } = await arrive({ authorization_details: json({ type: 'gone', name: 'x' }) });
    await world.rooms.resources.update(
      'https://gone.example.com',
      { authorizationTypes: [] },
      { kind: 'operator' },
    );
    await world.rooms.lease.renew();
    const back = await allow(agent, page);
    expect(answerOf(back).get('code')).toBeNull();
    expect(answerOf(back).get('error')).toBe('invalid_authorization_details');
  });
});

describe('refused with invalid_authorization_details, naming the member', () => {
  test.each([
    ['no JSON', '{', 'could not parse'],
    ['no list', '{"type":"payment"}', 'JSON array'],
    ['an unknown type', json({ type: 'nonsense' }), 'unsupported'],
    ['a prototype', '[{"type":"__proto__"}]', 'unsupported'],
    ['a missing member', json({ type: 'payment', amount: payment.amount }), 'to is missing'],
    ['an unknown member', json({ ...payment, 'evil"': 1 }), 'evil? is not known'],
    [
      'a wrong value',
      json({ ...payment, amount: { value: 1, currency: 'EUR' } }),
      'amount.value must be string',
    ],
    ['a foreign location', json({ ...payment, locations: [files] }), 'no API that this client may use'],
    ['too many', json(...Array.from({ length: 11 }, () => folder)), 'more than 10'],
  ])('%s', async (_, details, said) => {
    client = await seedWebClient(world.rooms);
    const { headers } = await world.ask(authorizeQuery(client, { authorization_details: details }));
    const answer = new URL(String(headers.location)).searchParams;
    expect(answer.get('error')).toBe('invalid_authorization_details');
    expect(answer.get('error_description')).toContain(said);
    expect(answer.get('iss')).toBe(world.issuer);
    await world.rooms.refusals.flush();
    const found = await world.rooms.refusals.find(answer.get('reference') ?? '');
    expect(found?.rule).toBe('RFC 9396 section 5');
    expect(JSON.stringify(found)).not.toMatch(/DE0212|Hopper/);
  });

  test('an API of the request that does not know it, and one that the client may not have', async () => {
    const { headers } = await world.ask(
      authorizeQuery(client, { authorization_details: json(payment), resource: files }),
    );
    expect(String(headers.location)).toContain('error=invalid_authorization_details');
    const limited = await seedWebClient(world.rooms, { resources: [files] });
    const barred = await world.ask(authorizeQuery(limited, { authorization_details: json(payment) }));
    expect(String(barred.headers.location)).toContain('error=invalid_authorization_details');
  });

  test('at the token endpoint: fewer yes, more never, and a service not at all', async () => {
    client = await seedWebClient(world.rooms);
    const asked = { authorization_details: json(payment), scope: 'openid offline_access' };
    const first = await tokensFor(asked, {
      authorization_details: json({ ...payment, actions: ['status'] }),
    });
    expect(payloadOf(first.json.access_token).authorization_details).toEqual([
      { ...payment, actions: ['status'] },
    ]);
    let refreshToken = first.json.refresh_token;
    for (const wider of [
      { ...payment, actions: ['initiate', 'status', 'cancel'] },
      { ...payment, actions: [] },
      { ...payment, actions: undefined },
      { ...payment, to: 'Mallory' },
      folder,
    ]) {
      const refused = await world.refresh(refreshToken, client, {
        authorization_details: json(wider),
        resource: bank,
      });
      expect([refused.status, refused.json.error], JSON.stringify(wider)).toEqual([
        400,
        'invalid_authorization_details',
      ]);
    }
    // A refusal burned nothing, and what was granted is still whole.
    const next = await world.refresh(refreshToken, client, {
      authorization_details: json(payment),
      resource: bank,
    });
    expect(payloadOf(next.json.access_token).authorization_details).toEqual([payment]);
    refreshToken = next.json.refresh_token;

    const service = await seedClient(world.rooms, { name: 'S', type: 'service', resources: [bank] });
    const form = { grant_type: 'client_credentials', authorization_details: json(payment) };
    expect((await world.token(form, service)).json.error).toBe('invalid_authorization_details');
  });
});
