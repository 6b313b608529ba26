import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { StorageUnavailable } from '../../src/storage/unavailable.ts';
import { ask, fieldOf, PlainBrowser } from './browser.ts';
import { ada, NO_RIGHTS, visitOf } from './fake-front-door.ts';
import { type ServedPages, servePages } from './serve-pages.ts';

const UID = 'visit-aaaaaaaaaaaaaaaa';
const OTHER = 'visit-bbbbbbbbbbbbbbbb';
const page = `/interaction/${UID}`;

let served: ServedPages;
beforeAll(async () => {
  served = await servePages();
});
afterAll(() => served.close());
beforeEach(() => {
  const { front } = served;
  front.visits.clear();
  front.visits.set(UID, visitOf(UID));
  front.outcome = { kind: 'rejected' };
  front.fault = undefined;
  for (const list of [
    front.told.attempts,
    front.told.finishedSignIn,
    front.told.refused,
    front.told.finishedConsent,
  ]) {
    list.length = 0;
  }
});

async function opened(...uids: string[]) {
  const browser = new PlainBrowser(served).begin(...(uids.length > 0 ? uids : [UID]));
  const shown = await browser.get(page);
  return { browser, shown, csrf: fieldOf(shown.text, 'csrf') };
}

const good = { email: 'ada@example.com', password: 'a long password' };
const signedIn = {
  kind: 'signed-in',
  account: { id: 'ada-1', passwordVersion: 3 },
  amr: ['pwd'],
  at: 1_000,
} as const;

describe('sign-in', () => {
  test('the page names the client and has real autocomplete names', async () => {
    const { shown } = await opened();
    expect(shown.status).toBe(200);
    expect(shown.text).toContain('<strong><bdi>Orders</bdi></strong>');
    expect(shown.text).toContain('autocomplete="username webauthn"');
    expect(shown.text).toContain('autocomplete="current-password"');
    expect(shown.headers['cache-control']).toBe('no-store');
  });

  test('signed-in: hands the account to the protocol and makes the browser a known one', async () => {
    const { browser, csrf } = await opened();
    served.front.outcome = signedIn;
    const answer = await browser.post(`${page}/sign-in`, { csrf, ...good, remember: 'yes' });
    expect(answer.status).toBe(303);
    expect(served.front.told.finishedSignIn).toEqual([
      { uid: UID, accountId: 'ada-1', amr: ['pwd'], remember: true },
    ]);
    expect(browser.cookies.get('cardea.device')).toBe('device-of.ada-1.3');
    expect(served.front.told.attempts).toEqual([{ ...good, network: '127.0.0.1' }]);
  });

  test('who takes the tick away is not remembered, and finds it taken away after a mistake', async () => {
    const { browser, csrf, shown } = await opened();
    expect(shown.text).toMatch(/<input id="remember" type="checkbox" name="remember" value="yes" checked>/);
    served.front.outcome = { kind: 'rejected' };
    const again = await browser.post(`${page}/sign-in`, { csrf, ...good });
    expect(again.text).toMatch(/<input id="remember" type="checkbox" name="remember" value="yes">/);
    served.front.outcome = signedIn;
    await browser.post(`${page}/sign-in`, { csrf, ...good });
    expect(served.front.told.finishedSignIn.at(-1)).toMatchObject({ remember: false });
  });

  test('a known browser is handed on with its device', async () => {
    const { browser, csrf } = await opened();
    browser.cookies.set('cardea.device', 'device-of.ada-1.3');
    await browser.post(`${page}/sign-in`, { csrf, ...good });
    expect(served.front.told.attempts[0]?.device).toEqual({
      accountId: 'ada-1',
      passwordVersion: 3,
      deviceId: 'd1',
    });
  });

  test('S12 rejected: one sentence, e-mail kept, password never', async () => {
    const { browser, csrf } = await opened();
    const answer = await browser.post(`${page}/sign-in`, { csrf, ...good });
    expect(answer.status).toBe(422);
    expect(answer.text).toContain('don’t match');
    expect(answer.text).toContain('value="ada@example.com"');
    expect(answer.text).not.toContain(good.password);
    expect(answer.text).toMatch(/role="alert" tabindex="-1" autofocus/);
  });

  test('F9 refused for its work when none is asked any more: 429 that says when, as any other', async () => {
    const { browser, csrf } = await opened();
    served.front.outcome = { kind: 'unproved' };
    const answer = await browser.post(`${page}/sign-in`, { csrf, ...good });
    expect([answer.status, answer.headers['retry-after']]).toEqual([429, '1']);
  });

  test.each([
    ['locked', 429, 'too many tries', '600', 'in 10 minutes'],
    ['busy', 503, 'right now', '4', 'in 4 seconds'],
  ] as const)('S14 %s: %d with Retry-After in the same page', async (kind, status, words, seconds, when) => {
    const { browser, csrf } = await opened();
    served.front.outcome = { kind, retryAfterSeconds: Number(seconds) };
    const answer = await browser.post(`${page}/sign-in`, { csrf, ...good });
    expect(answer.status).toBe(status);
    expect(answer.headers['retry-after']).toBe(seconds);
    expect(answer.text).toContain(words);
    expect(answer.text).toContain(when);
    expect(answer.text).toContain('value="ada@example.com"');
  });

  test('missing fields are named beside the field and in the summary; nothing is tried', async () => {
    const { browser, csrf } = await opened();
    const answer = await browser.post(`${page}/sign-in`, { csrf, email: ' ', password: '' });
    expect(answer.status).toBe(422);
    expect(answer.text).toContain('href="#email"');
    expect(answer.text).toContain('aria-describedby="password-fault"');
    expect(served.front.told.attempts).toEqual([]);
  });

  test('R19 login_hint is escaped, and shown only when it looks like an address', async () => {
    const hint = (login_hint: string) =>
      served.front.visits.set(UID, visitOf(UID, { params: { client_id: 'orders', login_hint } }));
    hint('ada@example.com');
    expect((await opened()).shown.text).toContain('value="ada@example.com"');
    hint('"><script>alert(1)</script>@x');
    expect((await opened()).shown.text).not.toContain('alert(1)');
    hint('a&"@x.example');
    expect((await opened()).shown.text).not.toContain('a&"@x');
  });

  test('R19 a person who is signed in sees the account chip and a way to use another', async () => {
    served.front.visits.set(UID, visitOf(UID, { accountId: ada.accountId, reasons: ['max_age'] }));
    const { browser, shown } = await opened();
    expect(shown.text).toContain('Ada Lovelace');
    expect(shown.text).toContain('Confirm it');
    const other = await browser.get(`${page}?account=other`);
    expect(other.text).not.toContain('Ada Lovelace');
    expect(other.text).toContain('id="email" type="email" name="email" value=""');
  });

  test('D7 a hostile client name is text, one line, cut, and cannot turn the direction', async () => {
    const name = `<img src=x onerror=alert(1)>\u202Egnp\n${'x'.repeat(10_000)}`;
    served.front.visits.set(UID, visitOf(UID, { client: { clientId: 'evil', name } }));
    const { shown } = await opened();
    expect(shown.text).not.toContain('<img src=x');
    expect(shown.text).not.toContain('\u202E');
    expect(shown.text).not.toContain('x'.repeat(61));
  });

  test('D6 only https addresses of a client are linked or loaded, without referrer', async () => {
    const client = {
      clientId: 'evil',
      name: 'Evil',
      logoUri: "https://evil.example/a;b.svg?x'",
      policyUri: 'javascript:alert(1)',
      tosUri: 'https://evil.example/"onmouseover="x',
    };
    served.front.visits.set(UID, visitOf(UID, { client }));
    const { shown } = await opened();
    expect(shown.text).not.toContain('javascript:');
    expect(shown.text).not.toContain('"onmouseover');
    expect(shown.text).toContain('rel="noopener noreferrer"');
    expect(shown.headers['content-security-policy']).toContain(
      "img-src 'self' https://evil.example/a%3Bb.svg;",
    );
  });

  test('cancel goes back to the client with access_denied', async () => {
    const { browser, csrf } = await opened();
    expect((await browser.post(`${page}/cancel`, { csrf })).status).toBe(303);
    expect(served.front.told.refused).toEqual([{ uid: UID, error: 'access_denied' }]);
  });
});

describe('forms that are not ours', () => {
  test.each([
    ['S2 from another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['S2 Origin null', { origin: 'null' }],
    ['S2 Origin null from an old browser', { origin: 'null', 'sec-fetch-site': '' }],
    ['S2 from a sibling host', { 'sec-fetch-site': 'same-site' }],
    ['S2 another port', { origin: 'http://localhost:1' }],
  ])('%s: 403, nothing tried', async (_, headers) => {
    const { browser, csrf } = await opened();
    const answer = await browser.post(`${page}/sign-in`, { csrf, ...good }, headers);
    expect(answer.status).toBe(403);
    expect(served.front.told.attempts).toEqual([]);
  });

  test.each([
    ['without a token', () => undefined],
    ['with the token of another interaction', (tokens: { other: string }) => tokens.other],
    ['with a token of another browser', (tokens: { stranger: string }) => tokens.stranger],
    ['with rubbish', () => 'ÄÖ-rubbish'],
  ])('S2 %s: 403, and the page again with what was typed', async (_, pick) => {
    served.front.visits.set(OTHER, visitOf(OTHER));
    const { browser } = await opened(UID, OTHER);
    const other = fieldOf((await browser.get(`/interaction/${OTHER}`)).text, 'csrf');
    const stranger = (await opened()).csrf;
    const csrf = pick({ other, stranger });
    const answer = await browser.post(`${page}/sign-in`, { ...(csrf && { csrf }), ...good });
    expect(answer.status).toBe(403);
    expect(answer.text).toContain('open for too long');
    expect(answer.text).toContain('value="ada@example.com"');
    expect(served.front.told.attempts).toEqual([]);
  });

  test('S1 an interaction opened in another browser cannot be finished', async () => {
    const { csrf } = await opened();
    const thief = new PlainBrowser(served);
    expect((await thief.get(page)).status).toBe(410);
    expect((await thief.post(`${page}/sign-in`, { csrf, ...good })).status).toBe(403);
    expect(served.front.told.attempts).toEqual([]);
  });

  test('S11 only the stored step is taken; replayed, early, empty and unknown ones do nothing', async () => {
    const { browser, csrf } = await opened();
    expect((await browser.post(`${page}/consent`, { csrf })).status).toBe(403);
    expect((await browser.post(`${page}/sign-in`, {})).status).toBe(403);
    expect((await browser.post(`${page}/become-admin`, { csrf })).status).toBe(404);
    served.front.visits.set(UID, visitOf(UID, { prompt: 'consent', accountId: 'ada-1' }));
    const late = await browser.post(`${page}/sign-in`, { csrf, ...good });
    expect(late.status).toBe(403);
    expect(late.text).toContain(`href="${page}"`);
    expect(served.front.told).toMatchObject({ attempts: [], finishedConsent: [], finishedSignIn: [] });
  });

  test('S10 two tabs finish each their own visit, in any order', async () => {
    served.front.visits.set(OTHER, visitOf(OTHER, { client: { clientId: 'mail', name: 'Mail' } }));
    const { browser, csrf } = await opened(UID, OTHER);
    const second = fieldOf((await browser.get(`/interaction/${OTHER}`)).text, 'csrf');
    served.front.outcome = signedIn;
    expect((await browser.post(`/interaction/${OTHER}/sign-in`, { csrf: second, ...good })).status).toBe(303);
    expect((await browser.post(`${page}/sign-in`, { csrf, ...good })).status).toBe(303);
    expect(served.front.told.finishedSignIn.map(({ uid }) => uid)).toEqual([OTHER, UID]);
  });
});

describe('a page that is out of date', () => {
  test('a submitted sign-in starts the same authorization anew and keeps the e-mail', async () => {
    const { browser, csrf } = await opened();
    served.front.visits.clear();
    const answer = await browser.post(`${page}/sign-in`, { csrf, ...good });
    expect(answer.status).toBe(303);
    const location = new URL(String(answer.headers.location), served.origin);
    expect(location.origin + location.pathname).toBe(`${served.origin}/oauth2/authorize`);
    expect(Object.fromEntries(location.searchParams)).toMatchObject({
      state: 'st4te',
      login_hint: 'ada@example.com',
    });
  });

  test('a bookmarked page says so and leads on to the client', async () => {
    const { browser } = await opened();
    served.front.visits.clear();
    const answer = await browser.get(page);
    expect(answer.status).toBe(410);
    expect(answer.text).toContain('Continue to Orders');
    expect(answer.text).toContain('href="/oauth2/authorize?client_id=orders&#38;');
  });

  test('S7 whatever stands in the cookie leads to our own authorization endpoint', async () => {
    const browser = new PlainBrowser(served);
    browser.cookies.set('cardea.again', 'client_id=orders&//evil.example/=1');
    const answer = await browser.post(`${page}/sign-in`, good);
    expect(String(answer.headers.location)).toMatch(/^\/oauth2\/authorize\?client_id=orders&/);
  });

  test('without anything known it still ends on a way on', async () => {
    const answer = await new PlainBrowser(served).get(page);
    expect(answer.status).toBe(410);
    expect(answer.text).toContain('href="/"');
  });

  test('the address of an answered form leads back to the dispatcher', async () => {
    const answer = await new PlainBrowser(served).get(`${page}/sign-in`);
    expect([answer.status, answer.headers.location]).toEqual([303, page]);
  });

  test('requests that cannot be made twice are not kept', async () => {
    served.front.visits.set(UID, visitOf(UID, { params: { client_id: 'orders', request_uri: 'urn:x' } }));
    const { browser } = await opened();
    expect(browser.cookies.has('cardea.again')).toBe(false);
  });
});

describe('errors', () => {
  test('P2 a thrown error: a plain page with a reference and no inside', async () => {
    served.front.fault = new Error('select * from accounts at /srv/secret.ts');
    const { shown } = await opened();
    expect(shown.status).toBe(500);
    expect(shown.text).toMatch(/Reference [0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}/);
    expect(shown.text).not.toMatch(/select|secret|\.ts/);
    expect(served.logged.at(-1)?.message).toBe('request failed');
  });

  test('P2 a store that does not answer: 503 with Retry-After, as a page and as JSON', async () => {
    served.front.fault = new StorageUnavailable('redis: connect ECONNREFUSED', { retryAfterSeconds: 2 });
    const browser = new PlainBrowser(served).begin(UID);
    const html = await browser.get(page);
    expect([html.status, html.headers['retry-after']]).toEqual([503, '2']);
    expect(html.text).not.toContain('redis');
    const json = await browser.get(page, { accept: 'application/json' });
    expect([json.status, json.headers['content-type']]).toEqual([503, 'application/problem+json']);
    expect(JSON.parse(json.text)).toMatchObject({ status: 503, type: 'about:blank' });
  });

  test('404 and 405 are pages too, with the strict headers', async () => {
    const lost = await ask(served.port, '/nowhere');
    expect(lost.status).toBe(404);
    expect(lost.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    const wrong = await ask(served.port, '/', { method: 'DELETE' });
    expect([wrong.status, wrong.headers.allow]).toEqual([405, 'GET']);
  });

  test.each([
    '/.env',
    '/.git/config',
    '/assets/..%2f..%2fpackage.json',
    '/assets/cardea.css',
    '/metrics',
    '/debug',
  ])('P8 %s: 404', async (path) => expect((await ask(served.port, path)).status).toBe(404));
});

describe('consent', () => {
  const asked = {
    scopes: ['openid', 'email', 'offline_access'],
    claims: ['birthdate', 'email'],
    resources: { 'https://api.orders.example': ['orders:read'] },
  };
  const consentVisit = () =>
    visitOf(UID, { prompt: 'consent', accountId: 'ada-1', missing: asked, requested: asked });

  test('says who asks, for whom, for what, and where one goes next', async () => {
    served.front.visits.set(UID, consentVisit());
    const { text } = (await opened()).shown;
    for (const words of [
      'Orders',
      'Ada Lovelace',
      'See your e-mail address',
      'See your date of birth',
      'Read your orders',
      'in Orders API',
      'orders.example',
      'Sensitive',
    ]) {
      expect(text).toContain(words);
    }
    expect(text.match(/See your e-mail address/g)).toHaveLength(1);
    expect(text).toContain('prompt=login');
  });

  test('S5 what is granted is what is stored, whatever the form says', async () => {
    served.front.visits.set(UID, consentVisit());
    const { browser, csrf } = await opened();
    const more = { scopes: 'admin', 'resources.x': 'all', claims: 'everything' };
    expect((await browser.post(`${page}/consent`, { csrf, ...more })).status).toBe(303);
    expect(served.front.told.finishedConsent).toEqual([{ uid: UID, decision: asked }]);
  });

  test('S4 asked again with nothing missing, the page lists what was requested', async () => {
    served.front.visits.set(UID, visitOf(UID, { prompt: 'consent', missing: NO_RIGHTS, requested: asked }));
    expect((await opened()).shown.text).toContain('Read your orders');
  });

  test('S3 forged and framed: no frame, and a form without its token does nothing', async () => {
    served.front.visits.set(UID, consentVisit());
    const { browser, shown } = await opened();
    expect(shown.headers['x-frame-options']).toBe('DENY');
    expect(shown.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect((await browser.post(`${page}/consent`, {})).status).toBe(403);
    expect(served.front.told.finishedConsent).toEqual([]);
  });

  test('D7 a self-registered client is marked as unverified', async () => {
    served.front.visits.set(UID, {
      ...consentVisit(),
      client: { clientId: 'x', name: 'Google', registered: 'dynamic' },
    });
    expect((await opened()).shown.text).toContain('Unverified');
  });
});
