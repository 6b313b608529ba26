/** Clients named by the address of their metadata document (OAuth Client ID Metadata Document draft 02). Row D9. */
import { generateKeyPairSync } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { formTo, goesOnTo } from '../harness/agent.ts';
import { makeAuthority } from '../harness/certificates.ts';
import { type RemoteServer, startRemote } from '../harness/https-server.ts';
import { until } from '../harness/ports.ts';
import { seedApi, seedPerson, signIn } from '../harness/seed.ts';
import { authorizeQuery, freshAgent, openWorld, type World } from './world.ts';

const authority = makeAuthority();
const resource = 'https://mcp.example.com/mcp';
let site: RemoteServer;
let world: World;

type Respond = (req: IncomingMessage, res: ServerResponse) => void;
const served = new Map<string, Respond>();

const json =
  (body: unknown, headers: Record<string, string> = {}): Respond =>
  (_req, res) => {
    res.writeHead(200, { 'content-type': 'application/json', ...headers });
    res.end(typeof body === 'string' ? body : JSON.stringify(body));
  };

/** The engine takes no https address of this machine for an app on a device; with a key it is an app on a server. */
const local = 'http://127.0.0.1/callback';
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: '1' }] };
const onServer = () => ({
  redirect_uris: [`${site.origin}/callback`],
  token_endpoint_auth_method: 'private_key_jwt',
  jwks,
});

let count = 0;

/** Puts a document on the site under an address of its own. */
function publish(more: Record<string, unknown> = {}, headers?: Record<string, string>): string {
  count += 1;
  const path = `/apps/${count}`;
  const id = `${site.origin}${path}`;
  served.set(
    path,
    json(
      {
        client_id: id,
        client_name: 'Research Agent',
        redirect_uris: [local],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'none',
        software_version: { unknown: ['members', 'are', 'ignored'] },
        ...more,
      },
      headers,
    ),
  );
  return id;
}

const asked = (id: string) => site.asked.filter((path) => `${site.origin}${path}` === id).length;

function start(id: string, change: Record<string, string | undefined> = {}) {
  return authorizeQuery({ clientId: id }, { redirect_uri: local, ...change });
}

/** The first answer to an authorization request of a browser that nobody knows. */
async function authorize(id: string, change: Record<string, string | undefined> = {}) {
  const agent = freshAgent(world);
  const first = await agent.get(`${world.issuer}${start(id, change)}`);
  return first.location?.startsWith(`${world.issuer}/interaction`) ? agent.follow(first) : first;
}

/** The record of the newest refusal. */
async function recorded(): Promise<string> {
  await world.rooms.refusals.flush();
  const { rows } = await sql<{ all: string }>`
    select row_to_json(r)::text as all from refusals r order by at desc limit 1`.execute(
    world.rooms.database.db,
  );
  return rows[0]?.all ?? '';
}

beforeAll(async () => {
  site = await startRemote(authority.server(), (req, res) => {
    const respond = served.get(req.url ?? '');
    if (respond) respond(req, res);
    else res.writeHead(404).end();
  });
  world = await openWorld('full', {
    CARDEA_CLIENT_DOCUMENTS: 'on',
    CARDEA_CLIENT_DOCUMENTS_DENY: 'denied.example',
    CARDEA_REGISTRATION_RESOURCES: resource,
    CARDEA_OUTBOUND_ALLOW: `localhost:${site.port}`,
    CARDEA_OUTBOUND_CA_FILE: authority.caFile,
  });
  await seedApi(world.rooms, resource, { name: 'Tools', scopes: ['tools:call'] });
});
afterAll(async () => {
  await world?.close();
  await site?.close();
  authority.remove();
});
beforeEach(() => world.rooms.lease.renew());

test('both documents say so, and `none` is among the methods', async () => {
  for (const name of ['openid-configuration', 'oauth-authorization-server']) {
    const { json: document } = await world.ask(`/.well-known/${name}`);
    expect(document).toMatchObject({
      client_id_metadata_document_supported: true,
      authorization_response_iss_parameter_supported: true,
      token_endpoint_auth_methods_supported: expect.arrayContaining(['none', 'private_key_jwt']),
    });
    expect(document).not.toHaveProperty('registration_endpoint');
  }
});

describe('D9 documents that are refused', () => {
  const at = (path: string, respond: Respond) => {
    served.set(path, respond);
    return `${site.origin}${path}`;
  };
  const secretless = {
    client_name: 'A',
    redirect_uris: ['http://127.0.0.1/cb'],
    token_endpoint_auth_method: 'none',
  };

  test.each<[string, () => string, RegExp]>([
    [
      'a redirect URI of another origin',
      () => publish({ redirect_uris: ['https://evil.example/cb'] }),
      /own origin/,
    ],
    [
      'one such among good ones',
      () => publish({ redirect_uris: [`${site.origin}/callback`, 'https://evil.example/cb'] }),
      /own origin/,
    ],
    [
      'a redirect URI of another port',
      () => publish({ redirect_uris: ['https://localhost/cb'] }),
      /own origin/,
    ],
    ['a scheme of its own', () => publish({ redirect_uris: ['com.example.agent:/cb'] }), /own origin/],
    ['http to the world', () => publish({ redirect_uris: ['http://agent.example/cb'] }), /must use https/],
    ['another client_id', () => publish({ client_id: 'https://other.example/app' }), /not its address/],
    [
      'its client_id in another spelling',
      () => publish({ client_id: `${site.origin}/apps/x/../${count}` }),
      /not its address/,
    ],
    ['no client_id', () => publish({ client_id: undefined }), /not its address/],
    ['a secret', () => publish({ client_secret: 'x' }), /client_secret/],
    ['the expiry of a secret', () => publish({ client_secret_expires_at: 0 }), /client_secret/],
    [
      'a method with a secret',
      () => publish({ token_endpoint_auth_method: 'client_secret_post' }),
      /must be one of/,
    ],
    ['no grant for people', () => publish({ grant_types: ['client_credentials'] }), /authorization_code/],
    ['a name that turns text around', () => publish({ client_name: 'Goo\u202egle' }), /client_name/],
    ['a long name', () => publish({ client_name: 'A'.repeat(101) }), /client_name/],
    ['a private key', () => publish({ jwks: { keys: [{ kty: 'oct', k: 'AA' }] } }), /private or secret/],
    ['a logo by javascript:', () => publish({ logo_uri: 'javascript:alert(1)' }), /logo_uri/],
    ['an array', () => at('/array', json('[]')), /JSON object|cannot be used/],
    ['no JSON', () => at('/text', json('{')), /JSON|cannot be used/],
    ['HTML', () => at('/html', json(secretless, { 'content-type': 'text/html' })), /not marked as JSON/],
    ['404', () => `${site.origin}/nothing`, /status 404/],
    [
      'a redirect',
      () => at('/moved', (_req, res) => res.writeHead(302, { location: publish() }).end()),
      /status 302/,
    ],
    ['5 MB', () => at('/huge', json({ ...secretless, filler: 'x'.repeat(5_000_000) })), /too-large/],
    ['a cut connection', () => at('/cut', (req) => req.socket.destroy()), /outbound request failed/],
  ])('D9 %s', async (_what, make, why) => {
    const id = make();
    const answer = await authorize(id);
    expect(answer.status).toBe(400);
    expect(answer.location).toBeUndefined();
    // What an outbound request met is for the operator, not for whoever sent us there.
    expect(answer.text).not.toMatch(why);
    expect(await recorded()).toMatch(why);
  });

  test.each([
    ['userinfo', (id: string) => id.replace('https://', 'https://user@')],
    ['an empty userinfo', (id: string) => id.replace('https://', 'https://@')],
    ['a fragment', (id: string) => `${id}#x`],
    ['an empty fragment', (id: string) => `${id}#`],
    ['a query', (id: string) => `${id}?x=1`],
    ['an empty query', (id: string) => `${id}?`],
    ['a dot segment', (id: string) => id.replace('/apps/', '/x/../apps/')],
    ['an encoded dot segment', (id: string) => id.replace('/apps/', '/x/%2e%2e/apps/')],
    ['a backslash', (id: string) => id.replace('/apps/', '\\apps\\')],
    ['an encoded slash', (id: string) => id.replace('/apps/', '/apps%2f')],
    ['capitals', (id: string) => id.replace('localhost', 'LOCALHOST')],
    ['http', (id: string) => id.replace('https:', 'http:')],
    ['a dot after the host', (id: string) => id.replace('localhost', 'localhost.')],
    ['an address for a domain', (id: string) => id.replace('localhost', '127.0.0.1')],
    ['an address as a number', (id: string) => id.replace('localhost', '2130706433')],
    ['no path', (id: string) => new URL(id).origin],
    ['the root', (id: string) => `${new URL(id).origin}/`],
    ['600 characters', (id: string) => `${id}${'x'.repeat(600)}`],
    ['a denied site', () => 'https://denied.example/app'],
    ['a site below a denied one', () => 'https://www.denied.example/app'],
    ['a port that nobody listed', () => 'https://agent.example:6379/app'],
    ['an address of ours', () => 'https://169.254.169.254/app'],
    ['a local name', () => 'https://localhost/app'],
  ])('D9 an id with %s: nobody is asked', async (_what, change) => {
    const id = publish();
    const before = site.connections();
    const answer = await authorize(change(id));
    expect(answer.status).toBe(400);
    expect(answer.location).toBeUndefined();
    expect(site.connections()).toBe(before);
  });

  test('D9 a document that fails is not asked for again at once, however many come', async () => {
    const id = publish({ client_secret: 'x' });
    await Promise.all(Array.from({ length: 20 }, () => authorize(id)));
    await authorize(id);
    expect(asked(id)).toBe(1);
  });

  test('D9 a good one is asked for once, and names no row before somebody allows it', async () => {
    const id = publish();
    const all = await Promise.all(Array.from({ length: 20 }, () => authorize(id)));
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200]));
    expect(asked(id)).toBe(1);
    expect(await world.rooms.clients.find(id)).toBeUndefined();
  });
});

/** From sign-in to tokens, on pages that were looked at on the way. */
async function allowAndRedeem(id: string, more: Record<string, string> = {}, callback = local) {
  const client = { clientId: id, secret: '' };
  const browser = world.browser(client, await seedPerson(world.rooms), callback);
  const code = await browser.code('openid offline_access tools:call', {
    resource,
    prompt: 'consent',
    ...more,
  });
  const { json: tokens } = await world.redeem(code, client, callback);
  return { client, browser, tokens };
}

describe('a client that people allow', () => {
  test('becomes one row that the operator sees, and can end within a second, everywhere', async () => {
    const other = await world.second();
    const id = publish();
    const { client, tokens } = await allowAndRedeem(id);
    expect(tokens.access_token).toBeTruthy();
    await allowAndRedeem(id);
    const rows = (await world.rooms.clients.list({ limit: 200 })).clients.filter(
      ({ clientId }) => clientId === id,
    );
    expect(rows).toMatchObject([
      {
        name: 'Research Agent',
        type: 'native',
        registered: 'metadata-document',
        firstParty: false,
        status: 'active',
      },
    ]);
    const audit = await sql<{ detail: object }>`
      select * from audit_events where client_id = ${id} and type = 'client.created'`.execute(
      world.rooms.database.db,
    );
    expect(audit.rows).toMatchObject([{ detail: { registered: 'metadata-document' } }]);

    const again = await other.refresh(tokens.refresh_token, client, { resource });
    expect(again.status).toBe(200);
    await world.rooms.clients.disable(id, { kind: 'operator' });
    await until('the other process to refuse it', async () => {
      const answer = await other.refresh(again.json.refresh_token, client, { resource });
      if (answer.status === 200) throw new Error('still refreshed');
    });
    await world.rooms.lease.renew();
    expect((await authorize(id)).status).toBe(400);
    await world.rooms.clients.enable(id, { kind: 'operator' });
    await world.rooms.lease.renew();
    expect((await world.refresh(again.json.refresh_token, client, { resource })).json.error).toBe(
      'invalid_grant',
    );
  });

  test('after it was deleted nothing of it lives, and it starts anew', async () => {
    const id = publish();
    const { client, browser, tokens } = await allowAndRedeem(id);
    await world.rooms.clients.delete(id, { kind: 'operator' });
    await world.rooms.lease.renew();
    expect((await world.refresh(tokens.refresh_token, client, { resource })).json.error).toBe(
      'invalid_grant',
    );
    const page = await browser.agent.follow(
      await browser.agent.get(`${world.issuer}${start(id, { scope: 'openid' })}`),
    );
    expect(page.text).toContain('/consent"');
  });

  test('is not changed by an operator, whose word would not last, nor made by one', async () => {
    const id = publish();
    await allowAndRedeem(id);
    for (const patch of [{ name: 'X' }, { firstParty: true }]) {
      expect((await world.rooms.clients.update(id, patch, { kind: 'operator' })).kind).toBe('faults');
    }
    const made = await world.rooms.clients.create(
      {
        clientId: 'https://agent.example/app',
        name: 'X',
        type: 'native',
        redirectUris: ['http://127.0.0.1/'],
      },
      { kind: 'operator' },
    );
    expect(made.kind).toBe('faults');
  });

  test('follows its document: a changed one becomes the row, a lost one leaves it', async () => {
    const id = publish();
    await allowAndRedeem(id);
    const path = new URL(id).pathname;
    served.set(path, (_req, res) => res.writeHead(500).end());
    const { rooms } = world;
    const other = await world.second();
    // A process that has never seen the document takes the row.
    expect((await other.ask(start(id))).status).toBe(303);
    served.set(
      path,
      json({ client_id: id, client_name: 'New name', redirect_uris: [local, 'http://[::1]/new'] }),
    );
    const third = await world.second();
    expect((await third.ask(start(id))).status).toBe(303);
    await until('the row to follow', async () => {
      if ((await rooms.clients.get(id)).name !== 'New name') throw new Error('not yet');
    });
    expect((await rooms.clients.get(id)).redirectUris).toEqual([local, 'http://[::1]/new']);
  });

  test('may sign its requests with the keys of its document', async () => {
    const id = publish(onServer());
    expect((await authorize(id, { redirect_uri: `${site.origin}/callback` })).status).toBe(200);
    const refused = await world.token({ grant_type: 'authorization_code', code: 'x', client_id: id });
    expect(refused.json.error).toBe('invalid_client');
    expect((await authorize(publish({ token_endpoint_auth_method: 'private_key_jwt' }))).status).toBe(400);
  });

  test('names the API: without `resource` its scopes are refused', async () => {
    const id = publish();
    const errorOf = async (change: Record<string, string>) =>
      goesOnTo(await authorize(id, change)).searchParams.get('error');
    expect(await errorOf({ scope: 'openid tools:call' })).toBe('invalid_target');
    expect(await errorOf({ scope: 'tools:call', resource: 'https://other.example' })).toBe('invalid_target');
  });
});

describe('consent', () => {
  async function consentPage(id: string, change: Record<string, string | undefined> = {}) {
    const agent = freshAgent(world);
    const page = await agent.follow(await agent.get(`${world.issuer}${start(id, change)}`));
    return { agent, page: await signIn(agent, page, world.person) };
  }

  test('shows the site that vouches, whatever the name says', async () => {
    const { page } = await consentPage(publish({ client_name: 'Google', ...onServer() }), {
      redirect_uri: `${site.origin}/callback`,
    });
    expect(page.text).toContain(`<bdi>localhost:${site.port}</bdi>`);
    expect(page.text).toContain(`Google is described by localhost:${site.port}.`);
  });

  test.each([
    ['127.0.0.1', 'http://127.0.0.1:51234/callback'],
    ['[::1]', 'http://[::1]:3000/callback'],
  ])('is asked each time of an app at %s, on any port', async (_host, callback) => {
    const id = publish({ redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback'] });
    const query = { redirect_uri: callback, scope: 'openid' };
    const { agent, page } = await consentPage(id, query);
    expect(page.text).toContain('Continue only if you have just started it yourself.');
    const form = formTo(page, '/consent');
    const done = await agent.follow(await agent.post(form.action, { ...form.fields }));
    expect(done.location?.startsWith(`${callback}?code=`)).toBe(true);
    expect(new URL(done.location ?? '').searchParams.get('iss')).toBe(world.issuer);
    const second = await agent.follow(await agent.get(`${world.issuer}${start(id, query)}`));
    expect(second.text).toContain('/consent"');
    const silent = await agent.get(`${world.issuer}${start(id, { ...query, prompt: 'none' })}`);
    expect(new URL(silent.location ?? '').searchParams.get('error')).toMatch(
      /^(interaction|consent)_required$/,
    );
  });

  test('is asked even when nothing in particular is asked for', async () => {
    const { page } = await consentPage(publish(onServer()), {
      redirect_uri: `${site.origin}/callback`,
      scope: undefined,
      resource,
    });
    expect(page.text).toContain('/consent"');
    expect(page.text).toContain('Act for you in Tools');
  });
});
