/** The examples and the demo as a newcomer runs them: own processes, the command line, a browser without scripting. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as oidc from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  cardea,
  freePort,
  type Places,
  type Registered,
  type Running,
  register,
  startExamples,
  startProvider,
} from '../../scripts/demo-parts.ts';
import { formTo, type Page } from '../harness/agent.ts';

/** A browser without scripting: cookies by host (ports share them), redirects followed one by one. */
function openBrowser() {
  const cookies = new Map<string, string>();

  async function visit(url: string, form?: Record<string, string>, from?: string): Promise<Page> {
    let next = { url, form };
    for (let hops = 0; hops < 20; hops += 1) {
      const response: Response = await fetch(next.url, {
        redirect: 'manual',
        headers: {
          cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
          ...(next.form && from ? { origin: new URL(from).origin } : {}),
        },
        ...(next.form ? { method: 'POST', body: new URLSearchParams(next.form) } : {}),
      });
      for (const line of response.headers.getSetCookie()) {
        const [pair = ''] = line.split(';');
        const [name = '', ...value] = pair.split('=');
        if (value.join('=') === '' || /expires=Thu, 01 Jan 1970|max-age=0/i.test(line)) cookies.delete(name);
        else cookies.set(name, value.join('='));
      }
      const location = response.headers.get('location');
      if (!location) {
        const { status, headers } = response;
        return { status, url: next.url, headers, text: await response.text(), location: undefined };
      }
      next = { url: new URL(location, next.url).href, form: undefined };
    }
    throw new Error('redirected without end');
  }

  return {
    go: (url: string) => visit(url),
    /** Sends the form of the page whose action ends so, with its hidden fields and the given ones. */
    send(page: Page, actionEnd: string, values: Record<string, string> = {}) {
      const { action, fields } = formTo(page, actionEnd);
      return visit(action, { ...fields, ...values }, page.url);
    },
  };
}

let dataDir = '';
let places: Places;
let registered: Registered;
const running: Running[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'cardea-examples-'));
  // Below what a system gives to whoever asks for any port: the examples start seconds after theirs were chosen, and other
  // tests' servers must not have taken them meanwhile.
  let port = 24_100;
  const url = async () => {
    port += 1;
    return `http://localhost:${await freePort(port)}`;
  };
  places = {
    dataDir,
    issuer: await url(),
    webUrl: await url(),
    apiUrl: await url(),
    reportsUrl: await url(),
  };
  running.push(await startProvider(places));
  registered = await register(places);
  running.push(...(await startExamples(places, registered)));
}, 60_000);

afterAll(async () => {
  for (const program of running.toReversed()) await program.stop();
  await rm(dataDir, { recursive: true, force: true });
}, 30_000);

describe('the web app', () => {
  test('signs in, refreshes and signs out; consent is asked once', async () => {
    const browser = openBrowser();
    const signIn = await browser.go(`${places.webUrl}/sign-in`);
    expect(signIn.text).toContain('Orders');
    const consent = await browser.send(signIn, '/sign-in', {
      email: registered.email,
      password: registered.password,
    });
    expect(consent.url).toMatch(/\/interaction\//);
    const app = await browser.send(consent, '/consent');
    expect(app.url).toBe(`${places.webUrl}/`);
    expect(app.text).toContain('Hello, Ada Lovelace');
    expect(app.text).toContain('clerk');
    expect(app.text).toContain('Oak desk');

    const refreshed = await browser.send(app, '/refresh');
    expect(refreshed.text).toContain('1 times');
    expect(refreshed.text).toContain('Oak desk');

    const leave = await browser.send(refreshed, '/sign-out');
    expect(leave.url).toContain('/oauth2/logout');
    const button = /<button class="main"[^>]*name="([^"]*)" value="([^"]*)"/.exec(leave.text);
    const out = await browser.send(leave, '/logout/confirm', { [button?.[1] ?? '']: button?.[2] ?? '' });
    expect(out.url).toMatch(new RegExp(`^${places.webUrl}/(\\?.*)?$`));
    expect(out.text).toContain('Sign in with Cardea');

    const again = await browser.go(`${places.webUrl}/sign-in`);
    const back = await browser.send(again, '/sign-in', {
      email: registered.email,
      password: registered.password,
    });
    expect(back.url).toBe(`${places.webUrl}/`);
  });

  test('tells of a sign-in that was given up, and offers the way back', async () => {
    const browser = openBrowser();
    const page = await browser.send(await browser.go(`${places.webUrl}/sign-in`), '/cancel');
    expect(page.status).toBe(400);
    expect(page.text).toContain('Back to the start');
  });

  test('takes no form of another site, and no callback of another browser', async () => {
    const foreign = await fetch(`${places.webUrl}/sign-out`, {
      method: 'POST',
      headers: { origin: 'https://example.org' },
    });
    expect(foreign.status).toBe(403);
    const stray = await fetch(`${places.webUrl}/callback?code=x&state=y`, { redirect: 'manual' });
    expect(stray.headers.get('location')).toBe('/');
  });
});

describe('the microservice and the API', () => {
  test('the microservice calls the API with a token of its own', async () => {
    const answer = await fetch(places.reportsUrl);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ count: 3, sum: '754.50', askedBy: 'reports' });
  });

  test('the API refuses no token, garbage, and a token for another API', async () => {
    expect((await fetch(`${places.apiUrl}/orders`)).status).toBe(401);
    expect(await statusWith('x.y.z')).toBe(401);

    const other = 'http://localhost:9/other';
    const name = ['--name', 'Another API', '--scope', 'other:read'];
    await cardea(places, ['resource', 'create', '--audience', other, ...name]);
    const client = ['--id', 'another', '--name', 'Another', '--type', 'service', '--resource', other];
    const created = await cardea(places, ['client', 'create', ...client]);
    const provider = await oidc.discovery(
      new URL(places.issuer),
      'another',
      {},
      oidc.ClientSecretBasic(String(created.client_secret)),
      { execute: [oidc.allowInsecureRequests] },
    );
    const { access_token: token } = await oidc.clientCredentialsGrant(provider, { scope: 'other:read' });
    expect(await statusWith(token)).toBe(401);
    await expect(oidc.clientCredentialsGrant(provider, { resource: places.apiUrl })).rejects.toMatchObject({
      error: 'invalid_target',
    });
  });
});

async function statusWith(token: string): Promise<number> {
  const answer = await fetch(`${places.apiUrl}/orders`, { headers: { authorization: `Bearer ${token}` } });
  return answer.status;
}
