/**
 * The main job with nothing but the command line and a browser without scripting, while the server runs: an account, a
 * web client, a service client and a resource server are made; a person signs in and consents; a service gets its
 * token; a restart keeps everything.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, createBrowser, redeemForm } from '../harness/codes.ts';
import { redirectUri } from '../harness/seed.ts';
import { freshStores, type Setup, type Stores } from '../harness/server.ts';
import { basic, type Spawned, spawnServer } from '../harness/two.ts';

const bin = fileURLToPath(new URL('../../bin/cardea.js', import.meta.url));
const setups: readonly (readonly [Setup, string])[] = [
  ['embedded', 'on embedded'],
  ['plain', 'on postgres'],
  ['full', 'on postgres and redis'],
];
const audience = 'https://api.example.com/orders';
const password = 'quiet-otter-paints-9-fences';

describe.each(setups)('first light with %s: %s', (setup) => {
  let stores: Stores;
  let server: Spawned & { readonly issuer: string };
  let web: { clientId: string; secret: string };
  let service: { clientId: string; secret: string };
  let browser: Browser;
  let refreshToken: string;

  async function cardea(args: readonly string[], input = ''): Promise<Record<string, unknown>> {
    const child = spawn(process.execPath, [bin, ...args, '--json'], {
      env: {
        PATH: process.env.PATH ?? '',
        ...stores.environment,
        CARDEA_ISSUER: server.issuer,
        PORT: String(server.port),
      },
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.stdin.end(input);
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`cardea ${args.join(' ')}: ${code}\n${err}${out}`);
    return JSON.parse(out) as Record<string, unknown>;
  }

  beforeAll(async () => {
    stores = await freshStores(setup);
    server = await spawnServer(stores);
  });
  afterAll(async () => {
    await server?.stop();
    await stores?.drop();
  });

  test('everything is made by the command line while the server runs', async () => {
    const who = ['--email', 'Ada@Example.com', '--name', 'Ada Lovelace', '--verified', '--password-stdin'];
    expect(await cardea(['user', 'create', ...who], `${password}\n`)).toMatchObject({
      email: 'Ada@Example.com',
    });
    await cardea([
      'resource',
      'create',
      '--audience',
      audience,
      '--name',
      'Orders API',
      '--scope',
      'orders:read',
    ]);
    const made = await cardea([
      'client',
      'create',
      '--id',
      'shop',
      '--name',
      'Shop',
      '--type',
      'web',
      '--redirect-uri',
      redirectUri,
    ]);
    web = { clientId: 'shop', secret: String(made.client_secret) };
    const asked = ['--type', 'service', '--resource', audience, '--scope', 'orders:read'];
    const worker = await cardea(['client', 'create', '--id', 'worker', '--name', 'Worker', ...asked]);
    service = { clientId: 'worker', secret: String(worker.client_secret) };
  });

  test('a person signs in, consents, and the client gets its tokens', async () => {
    const person = { id: '', email: 'ada@example.com', password };
    browser = createBrowser(server.issuer, web, person);
    const code = await browser.code('openid profile offline_access orders:read');
    const answer = await server.ask('/oauth2/token', { form: redeemForm(code), headers: basic(web) });
    expect(answer.status).toBe(200);
    const tokens = JSON.parse(answer.text);
    expect(tokens).toMatchObject({ token_type: 'Bearer', scope: 'orders:read', expires_in: 900 });
    refreshToken = tokens.refresh_token;
  });

  test('the service gets a token for the audience', async () => {
    const form = { grant_type: 'client_credentials', scope: 'orders:read' };
    const answer = await server.ask('/oauth2/token', { form, headers: basic(service) });
    const { access_token: token } = JSON.parse(answer.text);
    const payload = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
    expect(payload).toMatchObject({
      aud: audience,
      client_id: 'worker',
      sub: 'worker',
      scope: 'orders:read',
    });
  });

  test('a restart keeps the account, the clients, the session, the consent and the refresh token', async () => {
    const keysBefore = (await server.ask('/oauth2/jwks')).text;
    expect(await server.stop()).toBe(0);
    server = await spawnServer(stores, { port: server.port });
    expect((await server.ask('/oauth2/jwks')).text).toBe(keysBefore);
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken };
    expect((await server.ask('/oauth2/token', { form, headers: basic(web) })).status).toBe(200);
    // Neither signed in nor asked again: the first answer to the request is the redirect with the code.
    const silent = await browser.code('openid profile orders:read', { prompt: 'none' });
    expect(
      (await server.ask('/oauth2/token', { form: redeemForm(silent), headers: basic(web) })).status,
    ).toBe(200);
  });
});
