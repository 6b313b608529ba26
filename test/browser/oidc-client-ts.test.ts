/** A single-page app on a library that is not ours (oidc-client-ts), in two tabs of a real browser. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWorld, type World } from '../flows/world.ts';
import { openChromium } from '../harness/chromium.ts';
import { freePort } from '../harness/ports.ts';
import { seedClient } from '../harness/seed.ts';

const library = readFileSync(
  new URL('../../node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js', import.meta.url),
);
const html =
  '<!doctype html><title>App</title><body><script src="/oidc.js"></script><script src="/app.js"></script>';
let world: World;
let app: Server;
let origin: string;
let browser: Browser;
let context: BrowserContext;

/** What runs in the page. `um` is the library's UserManager; the tabs share what it stores. */
const script = (issuer: string) => `
  const um = new oidc.UserManager({
    authority: ${JSON.stringify(issuer)}, client_id: 'two-tabs', redirect_uri: location.origin + '/',
    silent_redirect_uri: location.origin + '/', post_logout_redirect_uri: location.origin + '/bye',
    scope: 'openid profile offline_access', automaticSilentRenew: false, revokeTokensOnSignout: true,
    userStore: new oidc.WebStorageStateStore({ store: localStorage }),
  });
  window.um = um;
  window.ready = (async () => {
    if (!location.search.includes('state=')) return;
    if (window.parent !== window) return um.signinSilentCallback();
    if (location.pathname === '/bye') return um.signoutCallback();
    await um.signinCallback();
    history.replaceState(null, '', '/');
  })();
  window.renew = () => um.signinSilent().then((u) => u && u.access_token, (e) => 'refused: ' + (e.error || e.message));
  window.userinfo = (token) => fetch(${JSON.stringify(`${issuer}/oauth2/userinfo`)},
    { headers: { authorization: 'Bearer ' + token } }).then((r) => r.status);
  window.refresh = (token) => fetch(${JSON.stringify(`${issuer}/oauth2/token`)}, { method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'two-tabs', refresh_token: token }),
  }).then(async (r) => [r.status, (await r.json()).error]);
`;

beforeAll(async () => {
  world = await openWorld('embedded');
  const port = await freePort();
  origin = `http://localhost:${port}`;
  await seedClient(world.rooms, {
    clientId: 'two-tabs',
    name: 'Two tabs',
    type: 'spa',
    firstParty: true,
    redirectUris: [`${origin}/`],
    postLogoutRedirectUris: [`${origin}/bye`],
  });
  app = createServer((req, res) => {
    const [type, body] =
      req.url === '/oidc.js'
        ? ['text/javascript', library]
        : req.url === '/app.js'
          ? ['text/javascript', script(world.issuer)]
          : ['text/html', html];
    res.setHeader('content-type', type).end(body);
  });
  await new Promise<void>((resolve) => app.listen(port, '127.0.0.1', resolve));
  browser = await openChromium();
  context = await browser.newContext();
}, 60_000);

afterAll(async () => {
  await browser?.close();
  app?.closeAllConnections();
  app?.close();
  await world?.close();
}, 30_000);

const inPage = <T>(page: Page, code: string) => page.evaluate<T>(code);

test('two tabs renew at once for eight rounds and keep their family; sign-out in one ends the other', async () => {
  const [here, there] = [await context.newPage(), await context.newPage()];
  await here.goto(origin);
  await inPage(here, 'void um.signinRedirect()');
  await here.fill('#email', world.person.email);
  await here.fill('#password', world.person.password);
  await here.click('button.main');
  await here.waitForURL(`${origin}/`);
  await inPage(here, 'ready');
  await there.goto(origin);
  expect(await inPage(there, 'um.getUser().then((u) => u.profile.sub)')).toBe(world.person.id);

  const seen = new Set<string>();
  for (let round = 0; round < 8; round += 1) {
    const tokens = await Promise.all([here, there].map((page) => inPage<string>(page, 'renew()')));
    for (const token of tokens) {
      expect(token).not.toMatch(/^refused/);
      expect(await inPage(there, `userinfo(${JSON.stringify(token)})`)).toBe(200);
      seen.add(token);
    }
  }
  // Each round gave new tokens: nothing came from the library's memory.
  expect(seen.size).toBeGreaterThanOrEqual(8);

  const last = await inPage<{ access_token: string; refresh_token: string }>(
    there,
    'um.getUser().then(({ access_token, refresh_token }) => ({ access_token, refresh_token }))',
  );
  await inPage(here, 'void um.signoutRedirect()');
  await here.click('button.main');
  await here.waitForURL((url) => url.origin === origin && url.pathname === '/bye');

  expect(await inPage(there, 'um.getUser()')).toBeNull();
  expect(await inPage(there, `userinfo(${JSON.stringify(last.access_token)})`)).toBe(401);
  // What was refused can be read from the app's origin: errors carry CORS.
  expect(await inPage(there, `refresh(${JSON.stringify(last.refresh_token)})`)).toEqual([
    400,
    'invalid_grant',
  ]);
  expect(await inPage(there, 'renew()')).toBe('refused: login_required');
}, 60_000);
