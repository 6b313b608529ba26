/** Every HTML page of the real server, each reached as a person reaches it: what its headers say, and what it leaves out. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { enter } from '../flows/portal-world.ts';
import { authorizeQuery, bearer, freshAgent, openWorld, type World } from '../flows/world.ts';
import { type Agent, formTo, type Page } from '../harness/agent.ts';
import {
  redirectUri,
  type SeededClient,
  seedClient,
  seedPerson,
  seedWebClient,
  signIn,
} from '../harness/seed.ts';
import { askPort } from '../harness/two.ts';
import { meant } from './page-titles.ts';

let world: World;
let web: SeededClient;
let tv: SeededClient;
const pages = new Map<string, Page>();

beforeAll(async () => {
  world = await openWorld('full', { CARDEA_LIMIT_SIGN_IN_PER_ACCOUNT_AND_NETWORK: '2/15m' });
  web = await seedWebClient(world.rooms, { name: 'Orders', clientUri: 'https://orders.example/' });
  tv = await seedClient(world.rooms, { name: 'Orders TV', type: 'device', firstParty: true });
  for (const [name, open] of Object.entries(ways)) pages.set(name, await open());
});
afterAll(() => world?.close());

const authorize = async (agent: Agent, change = {}): Promise<Page> =>
  agent.follow(await agent.get(authorizeQuery(web, change)));
const submit = async (agent: Agent, page: Page, ending: string, more: Record<string, string> = {}) => {
  const form = formTo(page, ending);
  return agent.post(form.action, { ...form.fields, ...more });
};
const signedIn = async (): Promise<Agent> => {
  const agent = freshAgent(world);
  await signIn(agent, await authorize(agent), world.person);
  return agent;
};
/** A page of the portal, as somebody who is signed in sees it. */
const portal = async (path: string): Promise<Page> => (await enter(world, world.person, path)).page;
const wrong = { email: 'nobody@example.com', password: 'not the password' };
const home = () => `${world.issuer}/`;

/** A code of a device, and the page that entering it leads to. */
const userCode = async (): Promise<string> => {
  const form = { scope: 'openid' };
  const { text } = await world.ask('/oauth2/device_authorization', { form, client: tv });
  return JSON.parse(text).user_code;
};
const device = async (agent: Agent, code: string): Promise<Page> =>
  submit(agent, await agent.get('/device'), '/device', { user_code: code });

/** A page of each kind, and how one gets there. */
const ways: Readonly<Record<string, () => Promise<Page>>> = {
  front: () => freshAgent(world).get('/'),
  account: async () => (await signedIn()).get('/'),
  'portal, overview': () => portal('/account'),
  'portal, profile': () => portal('/account/profile'),
  'portal, activity': () => portal('/account/activity'),
  'portal, deletion': () => portal('/account/delete'),
  'portal, old form': async () => {
    const { agent, page } = await enter(world, world.person, '/account/profile');
    return submit(agent, page, '/account/profile', { csrf: 'old' });
  },
  'portal, from another site': async () => {
    const { agent, page } = await enter(world, world.person, '/account/profile');
    const form = formTo(page, '/account/profile');
    return agent.post(form.action, { ...form.fields }, { origin: 'https://evil.example' });
  },
  'portal, not there': async () => (await enter(world)).agent.get('/account/nothing'),
  'signed out here': () => freshAgent(world).get('/signed-out'),
  'sign-in': () => authorize(freshAgent(world)),
  'sign-in, rejected': async () => {
    const agent = freshAgent(world);
    return submit(agent, await authorize(agent), '/sign-in', wrong);
  },
  'sign-in, locked': async () => {
    const agent = freshAgent(world);
    let page = await authorize(agent);
    for (let tries = 0; tries < 3; tries += 1) page = await submit(agent, page, '/sign-in', wrong);
    return page;
  },
  'sign-in, incomplete': async () => {
    const agent = freshAgent(world);
    return submit(agent, await authorize(agent), '/sign-in');
  },
  'sign-in, old form': async () => {
    const agent = freshAgent(world);
    return submit(agent, await authorize(agent), '/sign-in', { csrf: 'old' });
  },
  'sign-in, from another site': async () => {
    const agent = freshAgent(world);
    const form = formTo(await authorize(agent), '/sign-in');
    return agent.post(form.action, { ...form.fields, ...wrong }, { origin: 'https://evil.example' });
  },
  consent: async () => {
    const agent = freshAgent(world);
    return signIn(agent, await authorize(agent, { scope: 'openid email' }), world.person);
  },
  stale: () => freshAgent(world).get('/interaction/0123456789abcdefghij'),
  form_post: async () => {
    const agent = freshAgent(world);
    const asked = await signIn(agent, await authorize(agent, { response_mode: 'form_post' }), world.person);
    return agent.follow(await submit(agent, asked, '/consent'));
  },
  'logout, confirm': async () => (await signedIn()).get('/oauth2/logout'),
  'logout, nobody signed in': () => freshAgent(world).get('/oauth2/logout'),
  'logout, refused': () => freshAgent(world).get('/oauth2/logout?id_token_hint=rubbish'),
  'signed out': async () => {
    const agent = await signedIn();
    const page = await submit(agent, await agent.get('/oauth2/logout'), '/confirm', { logout: 'yes' });
    return agent.follow(page);
  },
  'another account': async () => {
    const agent = await signedIn();
    const other = await seedPerson(world.rooms);
    return signIn(agent, await authorize(agent, { prompt: 'login' }), other);
  },
  'device, code': () => freshAgent(world).get('/device'),
  'device, no code': () => device(freshAgent(world), ''),
  'device, unknown code': () => device(freshAgent(world), 'BBBB-BBBB'),
  'device, confirm': async () => device(freshAgent(world), await userCode()),
  'device, declined': async () => {
    const agent = freshAgent(world);
    return submit(agent, await device(agent, await userCode()), '/device', { abort: 'yes' });
  },
  'device, connected': async () => {
    const agent = await signedIn();
    const confirm = await device(agent, await userCode());
    return agent.follow(await submit(agent, confirm, '/device', { confirm: 'yes' }));
  },
  'device, old form': async () => {
    const agent = freshAgent(world);
    const page = await device(agent, await userCode());
    return submit(agent, page, '/device', { confirm: 'yes', xsrf: 'old' });
  },
  'device, stale sign-in': () => freshAgent(world).get('/device/0123456789abcdefghij'),
  'error, unknown client': () => freshAgent(world).get('/oauth2/authorize?client_id=nobody'),
  'error, redirect URI': () =>
    freshAgent(world).get(authorizeQuery(web, { redirect_uri: 'https://evil.example/' })),
  'setup, gone': () => freshAgent(world).get(`/setup/${'x'.repeat(43)}`),
  setup: async () => freshAgent(world).get(`/setup/${await world.rooms.setupLink.offer()}`),
  'setup done': () => freshAgent(world).get('/setup-done'),
  404: () => freshAgent(world).get('/nowhere'),
  405: () => freshAgent(world).post('/', {}),
  413: () => freshAgent(world).post('/sign-out', { csrf: 'x'.repeat(20_000) }),
  421: () =>
    at(askPort(world.server.settings.port, 'evil.example', '/', { headers: { accept: 'text/html' } })),
  500: async () => {
    const agent = await signedIn();
    breakOnce();
    return agent.get('/');
  },
  'engine, 500': async () => {
    const agent = await signedIn();
    breakOnce();
    return agent.get(authorizeQuery(web));
  },
};

/** A bug, as if: the next look at an account throws what no page may show. */
const breakOnce = () =>
  vi
    .spyOn(world.rooms.standings, 'get')
    .mockRejectedValueOnce(new Error('select secret from accounts at /srv/cardea/src/x.ts'));

async function at(asked: ReturnType<typeof askPort>): Promise<Page> {
  const { status, headers, text } = await asked;
  const flat = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  return { status, text, headers: new Headers(flat), url: home(), location: undefined };
}

describe('every page', () => {
  test.each(Object.keys(ways))('P1, S3 %s: a page under the strict headers', (name) => {
    const { headers, text } = shown(name);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(text).toMatch(/^<!doctype html>/);
    const policy = Object.fromEntries(
      String(headers.get('content-security-policy'))
        .split('; ')
        .map((part) => [part.split(' ', 1)[0], part.slice(part.indexOf(' ') + 1)]),
    );
    expect(policy).toMatchObject({
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': "'self'",
      'base-uri': "'none'",
      'frame-ancestors': "'none'",
    });
    expect(policy['form-action']).toMatch(/^'self'/);
    expect(policy['form-action']).not.toMatch(/\*|https?:(?: |$)/);
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': expect.stringContaining('no-store'),
      'permissions-policy': expect.stringContaining('publickey-credentials-get=(self)'),
      'cross-origin-opener-policy': expect.stringMatching(/^(?:same-origin|unsafe-none)$/),
    });
    expect(headers.get('server') ?? headers.get('x-powered-by')).toBeNull();
    // Two policies would both apply; one only is meant.
    expect(headers.get('content-security-policy')).not.toContain(',');
  });

  test.each(Object.keys(ways))('P1 %s: nothing inline, nothing from elsewhere', (name) => {
    const { text } = shown(name);
    expect(text).not.toMatch(/<script(?![^>]*\bsrc="\/assets\/)/);
    expect(text).not.toMatch(/<style|\bstyle=|\son[a-z]+=|javascript:/i);
    for (const [, address] of text.matchAll(/<(?:link|script|img|iframe)\b[^>]*?(?:src|href)="([^"]*)"/g)) {
      expect(address).toMatch(/^\/assets\//);
    }
  });

  test('S2, S3 every form of ours carries a token, and goes by POST', () => {
    for (const [name, { text }] of pages) {
      for (const [form] of text.matchAll(/<form\b[\s\S]*?<\/form>/g)) {
        expect(form, name).toContain('method="post"');
        // A preference stands on pages that give the browser no cookie: that it came from here is enough for it.
        if (form.includes('action="/language"')) continue;
        if (!form.includes(redirectUri)) expect(form, name).toMatch(/name="(?:csrf|xsrf)" value="[^"]{20,}"/);
      }
    }
  });

  test('each is what it is meant to be', () => {
    const seen = [...pages].map(([name, { status, text }]) => [
      name,
      `${status} ${/<h1>(.*?)<\/h1>/s.exec(text)?.[1]?.replace(/<[^>]+>/g, '')}`,
    ]);
    expect(Object.fromEntries(seen)).toEqual(meant);
  });

  test.each(['500', 'engine, 500'])('P2 %s: nothing of the inside, and a reference', (name) => {
    const { text } = shown(name);
    expect(text).not.toMatch(/select|accounts|srv|\.ts|Error:/);
    expect(text).toMatch(/Reference [0-9A-Z-]{9,14}</);
  });
});

function shown(name: string): Page {
  const page = pages.get(name);
  if (!page) throw new Error(`no page ${name}`);
  return page;
}

test('P2 a bug behind userinfo keeps the OAuth shape', async () => {
  const { access_token: token } = await world.signIn(web, 'openid');
  breakOnce();
  const answer = await world.ask('/oauth2/userinfo', { headers: bearer(token) });
  expect([answer.status, answer.json.error]).toEqual([500, 'server_error']);
  expect(answer.json.reference).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}/);
  expect(answer.text).not.toMatch(/select|srv|\.ts/);
});

test.each(['/oauth2/jwks', '/oauth2/token', '/oauth2/userinfo', '/assets/nothing.css'])(
  'P1 %s: what is no page has the headers too',
  async (path) => {
    const { headers } = await world.ask(path);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
  },
);
