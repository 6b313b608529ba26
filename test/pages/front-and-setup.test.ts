import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { passwordFault } from '../../src/accounts/password-rules.ts';
import { ask, fieldOf, PlainBrowser } from './browser.ts';
import { SESSION_COOKIE } from './fake-front-door.ts';
import { type ServedPages, servePages } from './serve-pages.ts';

let served: ServedPages;
beforeAll(async () => {
  served = await servePages();
});
afterAll(() => served.close());

function signedIn() {
  const browser = new PlainBrowser(served);
  browser.cookies.set(SESSION_COOKIE, 'ada-1');
  return browser;
}

describe('front page', () => {
  test('a stranger reads what this is and how to go on', async () => {
    const { status, text } = await new PlainBrowser(served).get('/');
    expect(status).toBe(200);
    expect(text).toContain(`localhost:${served.port}`);
    expect(text).not.toContain('Sign out');
  });

  test('a signed-in person sees the account; an administrator the next commands', async () => {
    const { text } = await signedIn().get('/');
    expect(text).toContain('ada@example.com');
    expect(text).not.toContain('npx cardea');
    served.front.people.set('root-1', {
      accountId: 'root-1',
      email: 'root@example.com',
      administrator: true,
    });
    const browser = signedIn();
    browser.cookies.set(SESSION_COOKIE, 'root-1');
    expect((await browser.get('/')).text).toContain('npx cardea client create');
  });

  test('S8 signing out takes a form with its token; a GET does nothing', async () => {
    const browser = signedIn();
    const csrf = fieldOf((await browser.get('/')).text, 'csrf');
    expect((await browser.get('/sign-out')).status).toBe(405);
    expect((await browser.post('/sign-out', {})).status).toBe(403);
    expect((await browser.post('/sign-out', { csrf }, { origin: 'https://evil.example' })).status).toBe(403);
    expect(served.front.told.signedOut).toBe(0);
    const answer = await browser.post('/sign-out', { csrf });
    expect([answer.status, answer.headers.location]).toEqual([303, '/signed-out']);
    expect(served.front.told.signedOut).toBe(1);
    expect((await browser.get('/signed-out')).text).toContain('signed out');
  });
});

describe('setup', () => {
  const TOKEN = 'setup-token-0123456789';
  const path = `/setup/${TOKEN}`;
  const typed = { email: 'root@example.com', name: 'Root', password: 'correct horse battery' };
  beforeEach(() => {
    served.front.setupToken = TOKEN;
    served.front.setupOutcome = { kind: 'created' };
    served.front.told.setups.length = 0;
  });

  test('looking uses nothing up; the form makes the administrator', async () => {
    const browser = new PlainBrowser(served);
    const shown = await browser.get(path);
    expect(shown.text).toContain('autocomplete="new-password"');
    expect(shown.text).toContain('At least 12 characters');
    await browser.get(path);
    expect(served.front.told.setups).toEqual([]);
    const answer = await browser.post(path, { csrf: fieldOf(shown.text, 'csrf'), ...typed });
    expect([answer.status, answer.headers.location]).toEqual([303, '/setup-done']);
    expect(served.front.told.setups).toEqual([{ token: TOKEN, ...typed }]);
    expect((await browser.get('/setup-done')).status).toBe(200);
  });

  test('a fault of the password stands beside its field; the password is not kept', async () => {
    const browser = new PlainBrowser(served);
    const csrf = fieldOf((await browser.get(path)).text, 'csrf');
    served.front.setupOutcome = {
      kind: 'fault',
      field: 'password',
      fault: passwordFault('common'),
    };
    const answer = await browser.post(path, { csrf, ...typed });
    expect(answer.status).toBe(422);
    expect(answer.text).toContain('This is one of the most common passwords.');
    expect(answer.text).toContain('value="Root"');
    expect(answer.text).not.toContain(typed.password);
  });

  test('a used, old or unknown link: 410 with the command that helps', async () => {
    served.front.setupToken = undefined;
    const answer = await new PlainBrowser(served).get(path);
    expect(answer.status).toBe(410);
    expect(answer.text).toContain('npx cardea user create');
  });

  test('another site cannot create the administrator', async () => {
    const browser = new PlainBrowser(served);
    const csrf = fieldOf((await browser.get(path)).text, 'csrf');
    expect((await browser.post(path, { csrf, ...typed }, { origin: 'https://evil.example' })).status).toBe(
      403,
    );
    expect((await browser.post(path, typed)).status).toBe(403);
    expect(served.front.told.setups).toEqual([]);
  });

  test.each(['x-forwarded-for', 'x-real-ip', 'via', 'cf-connecting-ip'])(
    'through a proxy (%s) the page is not there',
    async (header) =>
      expect((await ask(served.port, path, { headers: { [header]: '127.0.0.1' } })).status).toBe(404),
  );

  test('under a public issuer the page is not there', async () => {
    const elsewhere = await servePages({ issuer: 'https://id.example' });
    elsewhere.front.setupToken = TOKEN;
    expect((await ask(elsewhere.port, path, { headers: { host: 'id.example' } })).status).toBe(404);
    await elsewhere.close();
  });
});
