/**
 * Signing in with another Cardea in real Chromium: at `localhost` the one, at 127.0.0.1 over HTTPS the other, so that
 * they are different sites, and the answer comes by a cross-site POST, which brings no strict cookie.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSecondCardea, type SecondCardea } from '../flows/second-cardea.ts';
import { authorizeQuery, openWorld, type World } from '../flows/world.ts';
import { makeAuthority } from '../harness/certificates.ts';
import { openChromium } from '../harness/chromium.ts';
import { until } from '../harness/ports.ts';
import { type SeededClient, seedClient, seedPerson } from '../harness/seed.ts';
import { look, looks, startApp, withPage } from './journey.ts';

const authority = makeAuthority();
let there: SecondCardea;
let chrome: Browser;
let app: Awaited<ReturnType<typeof startApp>>;
beforeAll(async () => {
  [there, chrome, app] = await Promise.all([openSecondCardea(authority), openChromium(), startApp()]);
});
afterAll(async () => {
  await chrome?.close();
  app?.close();
  await there?.world.close();
  authority.remove();
});

// With scripting on the one set-up, without it on the other.
describe.each([
  ['full', true],
  ['embedded', false],
] as const)('on %s, JavaScript %s', (setup, javaScriptEnabled) => {
  let world: World;
  let client: SeededClient;
  beforeAll(async () => {
    world = await openWorld(setup, {
      CARDEA_OUTBOUND_ALLOW: `127.0.0.1:${there.port}`,
      CARDEA_OUTBOUND_CA_FILE: authority.caFile,
    });
    client = await seedClient(world.rooms, {
      name: 'Orders',
      type: 'web',
      redirectUris: [app.callback, `${app.home}/in`],
      firstParty: true,
    });
    const registered = await there.register([`${world.issuer}/upstream/callback/corp`]);
    const made = await world.rooms.providers.create(
      {
        providerId: 'corp',
        name: 'Corp',
        issuer: there.issuer,
        clientId: registered.clientId,
        responseMode: 'form_post',
      },
      registered.secret,
      { kind: 'operator' },
    );
    if (made.kind !== 'stored') throw new Error(JSON.stringify(made));
    await world.rooms.lease.renew();
  });
  afterAll(() => world?.close());

  const begin = async (page: Page) => {
    await page.goto(world.issuer + authorizeQuery(client, { redirect_uri: app.callback }));
    await page.getByRole('button', { name: 'Continue with Corp' }).click();
  };
  const signInThere = async (page: Page, email: string, password: string) => {
    await page.waitForURL(`${there.issuer}/interaction/**`);
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  };
  const arrived = async (page: Page) => {
    // Pages on the way send themselves on while they load, which `waitForURL` takes for a failed load.
    await until('the app', async () => expect(page.url()).toContain(`${app.home}/in?`));
    expect(new URL(page.url()).searchParams.get('code')).toBeTruthy();
  };
  const signOut = (page: Page) => page.context().clearCookies({ domain: 'localhost' });

  test('an account is linked by its password; the next time nobody is asked', {
    timeout: 90_000,
  }, async () => {
    const here = await seedPerson(world.rooms);
    const elsewhere = await seedPerson(there.world.rooms, here.email);
    const options = { ...looks[0], javaScriptEnabled, ignoreHTTPSErrors: true };
    const complaints = await withPage(chrome, options, async (page) => {
      const posted: string[] = [];
      page.on('request', (request) => {
        if (request.method() === 'POST' && request.url().includes('/upstream/callback/')) {
          posted.push(String(request.headers().cookie));
        }
      });
      // Its form sends itself, or is sent by its button.
      const answered = async () => {
        if (!javaScriptEnabled) await page.getByRole('button', { name: 'Continue', exact: true }).click();
      };
      await begin(page);
      await signInThere(page, elsewhere.email, elsewhere.password);
      await answered();
      await page.getByRole('heading', { name: 'Connect Corp' }).waitFor();
      expect(page.url()).toMatch(new RegExp(`^${world.issuer}/interaction/[^?]+$`));
      if (javaScriptEnabled) await look(page, 'upstream-prove-phone-light');
      await page.getByLabel('Password', { exact: true }).fill(here.password);
      await page.getByRole('button', { name: 'Connect and sign in' }).click();
      await arrived(page);
      expect(await world.rooms.upstream.list(here.id)).toHaveLength(1);

      await signOut(page);
      await begin(page);
      await answered();
      await arrived(page);
      expect(posted).toEqual(['undefined', 'undefined']);
    });
    expect(complaints).toEqual([]);
  });
});
