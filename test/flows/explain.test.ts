/** `npx cardea explain REFERENCE` on real refusals: what is told is what was sent, to the character, and nothing secret. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseCommandLine } from '../../src/cli/arguments.ts';
import { commands } from '../../src/cli/commands.ts';
import { execute } from '../../src/cli/execute.ts';
import { redeemForm } from '../harness/codes.ts';
import { redirectUri, type SeededClient, seedApi, seedClient, seedWebClient } from '../harness/seed.ts';
import { authorizeQuery, openWorld, type Reply, type World } from './world.ts';

const canary = `canary-${randomBytes(24).toString('base64url')}`;
let world: World;
let client: SeededClient;
let service: SeededClient;
let api: string;

beforeAll(async () => {
  world = await openWorld('full');
  api = await seedApi(world.rooms);
  client = await seedWebClient(world.rooms, { postLogoutRedirectUris: ['https://app.example.com/bye'] });
  service = await seedClient(world.rooms, { name: 'S', type: 'service', resources: [api] });
});
afterAll(() => world?.close());

async function cli(words: readonly string[]) {
  const parsed = parseCommandLine(words, commands);
  if (parsed.kind !== 'command') throw new Error(JSON.stringify(parsed));
  return execute(parsed, { files: {} }, world.rooms);
}

/** The reference on a page, in a redirect or in JSON, explained in both forms. */
async function explained({ headers, text }: Reply) {
  const at = headers.location ? decodeURIComponent(String(headers.location)) : text;
  const reference = /\b[0-9A-Z]{4}-[0-9A-Z]{4}\b/.exec(at)?.[0] ?? '';
  await world.rooms.refusals.flush();
  const inJson = await cli(['explain', reference.toLowerCase(), '--json']);
  const forPeople = (await cli(['explain', reference])).stdout;
  expect(inJson.exit).toBe(0);
  expect(inJson.stdout + forPeople).not.toContain(canary);
  return { json: JSON.parse(inJson.stdout), forPeople };
}

const mended = async (line: string) => {
  const words = line.split(' ').slice(2);
  expect((await cli(words)).exit).toBe(0);
  await world.rooms.lease.renew();
};

test('a redirect URI: when, who, from where, the first difference under a caret, and a command that mends it', async () => {
  const sent = `${redirectUri}/`;
  const ask = () => world.ask(authorizeQuery(client, { redirect_uri: sent, state: canary }));
  const { json, forPeople } = await explained(await ask());
  expect(json).toMatchObject({
    kind: 'authorize',
    error: 'invalid_redirect_uri',
    rule: 'RFC 9700 section 2.1',
    client_id: client.clientId,
    client_name: 'Orders',
    network: '127.0.0.1',
    registered: [redirectUri],
    sent: { redirect_uri: sent },
    difference: { sent, nearest: redirectUri, position: redirectUri.length },
    mend: { kind: 'command' },
  });
  expect(Math.abs(Date.parse(json.at) - Date.now())).toBeLessThan(60_000);
  const lines = forPeople.split('\n');
  const caret = lines.findIndex((line) => /^ +\^/.test(line));
  expect(lines[caret - 2]?.[lines[caret]?.indexOf('^') ?? 0]).toBe('/');
  expect(lines[caret - 1]).toMatch(/^registered {2}https:/);
  await mended(json.mend.commands[0]);
  expect((await ask()).status).toBe(303);
});

test('a secret in a redirect URI is hidden to the character, and its difference still pointed at', async () => {
  const { json } = await explained(
    await world.ask(authorizeQuery(client, { redirect_uri: `${redirectUri}?token=${canary}` })),
  );
  expect(json.sent.redirect_uri).toBe(`${redirectUri}?token=${'*'.repeat(canary.length)}`);
  expect(json.difference.position).toBe(redirectUri.length);
});

test('an unknown client, a wrong secret, a disabled client', async () => {
  const unknown = await explained(await world.ask(authorizeQuery({ clientId: 'nobody' })));
  expect(unknown.json).toMatchObject({ client_id: null, sent: { client_id: 'nobody' } });
  expect(unknown.json.mend.commands).toContain(
    'npx cardea client create --id nobody --name NAME --type TYPE',
  );
  const grant = { grant_type: 'client_credentials' };
  const wrong = await explained(await world.token(grant, { ...service, secret: canary }));
  expect(wrong.json).toMatchObject({
    kind: 'token',
    client_id: service.clientId,
    cause: 'invalid secret provided',
  });
  expect(wrong.json.mend.commands).toEqual([`npx cardea client rotate-secret ${service.clientId}`]);

  await cli(['client', 'disable', service.clientId]);
  await world.rooms.lease.renew();
  const form = { ...grant, client_id: service.clientId, client_secret: service.secret };
  const disabled = await explained(await world.ask('/oauth2/token', { form }));
  expect(disabled.json.mend.commands).toEqual([`npx cardea client enable ${service.clientId}`]);
  await mended(disabled.json.mend.commands[0]);
  const answer = await world.ask('/oauth2/introspect', {
    form: { token: canary, client_id: 'nobody', client_secret: canary },
  });
  expect((await explained(answer)).json.kind).toBe('introspect');
});

test('a scope and a resource that are almost right', async () => {
  const { json } = await explained(await world.ask(authorizeQuery(client, { scope: 'openid orders:raed' })));
  expect(json.difference).toMatchObject({ parameter: 'scope', sent: 'orders:raed', nearest: 'orders:read' });
  const target = await explained(
    await world.token({ grant_type: 'client_credentials', resource: `${api}/` }, service),
  );
  expect(target.json).toMatchObject({
    error: 'invalid_target',
    registered: [api],
    difference: { parameter: 'resource', sent: `${api}/`, nearest: api, position: api.length },
  });
});

test('a code that is worth nothing, and a grant that is not registered', async () => {
  const dead = await explained(await world.token(redeemForm({ code: canary, verifier: canary }), client));
  expect(dead.json).toMatchObject({
    kind: 'token',
    error: 'invalid_grant',
    mend: { kind: 'request', commands: [] },
  });
  const barred = await explained(await world.token({ grant_type: 'client_credentials' }, client));
  expect(barred.json.mend.commands[0]).toBe(
    `npx cardea client update ${client.clientId} --grant authorization_code --grant refresh_token --grant client_credentials`,
  );
});

test('a sign-out to somewhere that is not registered', async () => {
  const query = new URLSearchParams({
    client_id: client.clientId,
    post_logout_redirect_uri: 'https://app.example.com/Bye',
  });
  const { json, forPeople } = await explained(await world.ask(`/oauth2/logout?${query}`));
  expect(json).toMatchObject({
    kind: 'logout',
    rule: 'OpenID Connect RP-Initiated Logout section 3',
    difference: { parameter: 'post_logout_redirect_uri', position: 24 },
  });
  expect(forPeople).toContain('has "B" where the registered one has "b"');
});

test('what the sender made up does nothing at a terminal', async () => {
  const evil = `https://app.example.com/\u001b[2J\u202egnp`;
  const { forPeople } = await explained(await world.ask(authorizeQuery(client, { redirect_uri: evil })));
  expect(['\u001b', '\u202e'].filter((one) => forPeople.includes(one))).toEqual([]);
  expect(forPeople).toContain('\\u{1b}[2J');
});

test('one too many of its network is told to be a sample, on another process too', async () => {
  const few = await openWorld('plain', { CARDEA_LIMIT_REFUSALS_PER_NETWORK: '1/1m' });
  try {
    const references: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const { json } = await few.token({ grant_type: 'nonsense' });
      references.push(json.reference);
    }
    const kinds = await Promise.all(references.map(async (one) => (await few.rooms.refusals.look(one)).kind));
    expect(kinds.slice(1)).toEqual(['sampled', 'sampled']);
    await few.rooms.refusals.flush();
    const { rooms } = await few.second();
    expect((await rooms.refusals.look(references[0] ?? '')).kind).toBe('found');
  } finally {
    await few.close();
  }
});
