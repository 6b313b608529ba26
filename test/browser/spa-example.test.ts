/** The single-page example in a real browser: discovery, code exchange and userinfo from another origin (CORS). */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cardea, freePort, type Running, startProgram, startProvider } from '../../scripts/demo-parts.ts';
import { openChromium } from '../harness/chromium.ts';

const email = 'ada@example.com';
const password = 'correct horse battery';
const running: Running[] = [];
let dataDir = '';
let spaUrl = '';
let browser: Browser;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'cardea-spa-'));
  const issuer = `http://localhost:${await freePort()}`;
  spaUrl = `http://localhost:${await freePort()}`;
  running.push(await startProvider({ issuer, dataDir }));
  const back = ['--redirect-uri', `${spaUrl}/`, '--post-logout-redirect-uri', `${spaUrl}/`];
  await cardea({ dataDir }, [
    'client',
    'create',
    '--id',
    'orders-spa',
    '--name',
    'Orders',
    '--type',
    'spa',
    ...back,
  ]);
  await cardea(
    { dataDir },
    ['user', 'create', '--email', email, '--name', 'Ada', '--password-stdin'],
    `${password}\n`,
  );
  const env = { ISSUER: issuer, PORT: new URL(spaUrl).port };
  running.push(await startProgram('examples/spa/server.ts', [], env, spaUrl));
  browser = await openChromium();
}, 60_000);

afterAll(async () => {
  await browser?.close();
  for (const program of running.toReversed()) await program.stop();
  await rm(dataDir, { recursive: true, force: true });
}, 30_000);

test('signs in, stays signed in over a reload, and signs out', async () => {
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  const verb = (text: string) => page.waitForSelector(`#act:has-text("${text}")`, { timeout: 15_000 });

  await page.goto(spaUrl);
  await (await verb('Sign in')).click();
  await page.fill('#email', email);
  await page.fill('#password', password);
  await page.click('button.main');
  await page.click('button.main:has-text("Allow")');
  await verb('Sign out');
  expect(await page.textContent('#status')).toBe('Hello, Ada');
  expect(page.url()).toBe(`${spaUrl}/`);

  await page.reload();
  await (await verb('Sign out')).click();
  await page.click('button.main');
  await verb('Sign in');
  expect(await page.textContent('#status')).toBe('You are not signed in.');
  expect(faults).toEqual([]);
  await page.close();
}, 60_000);
