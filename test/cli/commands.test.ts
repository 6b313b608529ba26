import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { issuer, openTestRooms, type TestRooms } from './rooms.ts';

let t: TestRooms;
beforeAll(async () => {
  t = await openTestRooms();
});
afterAll(() => t?.close());

const password = 'a long enough pass phrase';
const audience = 'https://api.example.com';

async function aResource(name: string): Promise<string> {
  const uri = `https://${name}.example.com`;
  await t.cli(['resource', 'create', '--audience', uri, '--name', name, '--scope', `${name}:read`]);
  return uri;
}

describe('accounts', () => {
  test('are made, found by any spelling or by id, and listed page by page', async () => {
    const made = await t.cli(
      [
        'user',
        'create',
        '--email',
        'Ada@Example.com',
        '--name',
        'Ada',
        '--verified',
        '--role',
        'administrator',
      ],
      { password },
    );
    expect(made).toMatchObject({ exit: 0, stderr: '' });
    expect(made.json).toMatchObject({
      email: 'Ada@Example.com',
      email_verified: true,
      name: 'Ada',
      status: 'active',
      roles: ['administrator'],
      roles_by_resource: { cardea: ['administrator'] },
    });
    expect((await t.cli(['user', 'show', 'ada@example.com'])).json.id).toBe(made.json.id);
    expect((await t.cli(['user', 'show', made.json.id])).json.email).toBe('Ada@Example.com');

    await t.cli(['user', 'create', '--email', 'second@example.com'], { password });
    const first = await t.cli(['user', 'list', '--limit', '1']);
    expect(first.json.accounts).toHaveLength(1);
    const rest = await t.cli(['user', 'list', '--after', first.json.next]);
    expect(rest.json.accounts.map((one: { email: string }) => one.email)).toContain('second@example.com');
    expect((await t.text(['user', 'list'])).stdout).toMatch(/^E-MAIL .*\nAda@Example.com {2,}Ada {2,}active/);
  });

  test('name every fault at once, and an address that is taken', async () => {
    const bad = await t.cli(['user', 'create', '--email', 'nobody'], { password: 'short' });
    expect(bad.exit).toBe(1);
    expect(bad.json.error).toBe('invalid');
    expect(bad.json.message).toMatch(/--email .*\n.*the password /s);
    await t.cli(['user', 'create', '--email', 'taken@example.com'], { password });
    const again = await t.cli(['user', 'create', '--email', 'TAKEN@example.com'], { password });
    expect(again).toMatchObject({ exit: 1, json: { error: 'exists' } });
  });

  test('are disabled, enabled, given a password and deleted', async () => {
    const { json } = await t.cli(['user', 'create', '--email', 'bob@example.com'], { password });
    expect((await t.cli(['user', 'disable', 'bob@example.com', '--reason', 'left'])).json.status).toBe(
      'disabled',
    );
    expect((await t.cli(['user', 'enable', json.id])).json.status).toBe('active');
    const set = await t.text(['user', 'set-password', 'bob@example.com'], {
      password: 'another long pass phrase',
    });
    expect(set.stdout).toContain('Its sessions and tokens have ended');
    const outcome = await t.rooms.authenticate({
      email: 'bob@example.com',
      password: 'another long pass phrase',
      network: '192.0.2.1',
    });
    expect(outcome.kind).toBe('signed-in');
    expect((await t.cli(['user', 'delete', json.id])).json).toEqual({
      deleted: true,
      id: json.id,
      email: 'bob@example.com',
    });
    expect(await t.cli(['user', 'show', json.id])).toMatchObject({ exit: 1, json: { error: 'not_found' } });
  });

  test('are unlocked, which the audit knows', async () => {
    const { json } = await t.cli(['user', 'create', '--email', 'locked@example.com'], { password });
    const attempt = { account: 'locked@example.com', network: '192.0.2.9' };
    for (let tries = 0; tries < 12; tries += 1) await t.rooms.throttle.check(attempt);
    expect((await t.rooms.throttle.check(attempt)).kind).toBe('wait');
    expect((await t.cli(['user', 'unlock', 'locked@example.com'])).exit).toBe(0);
    expect((await t.rooms.throttle.check(attempt)).kind).toBe('go');
    const row = await t.rooms.database.db
      .selectFrom('audit_events')
      .selectAll()
      .where('type', '=', 'account.unlocked')
      .executeTakeFirst();
    expect(JSON.stringify(row)).toContain(json.id);
  });

  test('are signed out, in one browser or everywhere', async () => {
    const { id } = (await t.cli(['user', 'create', '--email', 'away@example.com'], { password })).json;
    const signIn = async (uid: string) => {
      const browser = {
        at: Date.now(),
        amr: ['pwd'],
        remembered: true,
        network: '203.0.113.7',
        userAgent: '',
      };
      await t.rooms.browserSessions.signedIn({ uid, accountId: id, ...browser });
    };
    for (const letter of ['a', 'b', 'c']) await signIn(letter.repeat(43));
    const listed = async () =>
      (await t.cli(['user', 'sessions', 'away@example.com'])).json.sessions as {
        id: string;
        network: string;
      }[];
    const [one, ...others] = await listed();
    expect(one?.network).toBe('203.0.113.7');
    const signOut = (...more: string[]) => t.cli(['user', 'sign-out', 'away@example.com', ...more]);
    expect((await signOut('--id', one?.id ?? '')).exit).toBe(0);
    expect((await listed()).map((left) => left.id).sort()).toEqual(others.map((left) => left.id).sort());
    // It is over, and it is nobody else's either.
    expect(await signOut('--id', one?.id ?? '')).toMatchObject({ exit: 1, json: { error: 'not_found' } });
    await t.cli(['user', 'create', '--email', 'eve@example.com'], { password });
    const foreign = await t.cli(['user', 'sign-out', 'eve@example.com', '--id', others[0]?.id ?? '']);
    expect(foreign).toMatchObject({ exit: 1, json: { error: 'not_found' } });
    await signOut();
    expect(await listed()).toEqual([]);
    expect((await t.text(['user', 'sessions', 'away@example.com'])).stdout).toContain('signed in nowhere');
  });

  test('are given roles and lose them', async () => {
    const uri = await aResource('orders');
    await t.cli(['role', 'create', '--name', 'clerk', '--resource', uri, '--permission', 'orders:write']);
    await t.cli(['user', 'create', '--email', 'clerk@example.com'], { password });
    const granted = await t.cli(['user', 'grant-role', 'clerk@example.com', 'clerk']);
    expect(granted.json.roles_by_resource).toEqual({ [uri]: ['clerk'] });
    expect((await t.text(['user', 'grant-role', 'clerk@example.com', 'clerk'])).stdout).toContain('already');
    expect(
      (await t.cli(['user', 'revoke-role', 'clerk@example.com', 'clerk', '--resource', uri])).json.roles,
    ).toEqual([]);
    const unknown = await t.cli(['user', 'grant-role', 'clerk@example.com', 'nothing']);
    expect(unknown).toMatchObject({ exit: 1, json: { error: 'invalid' } });
  });
});

describe('clients', () => {
  test('come with their secret once, under wire names', async () => {
    const made = await t.cli([
      ...['client', 'create', '--id', 'shop', '--name', 'Shop', '--type', 'web'],
      ...[
        '--redirect-uri',
        'https://shop.example.com/cb',
        '--post-logout-redirect-uri',
        'https://shop.example.com/',
      ],
      ...['--scope', 'openid', '--scope', 'email profile', '--first-party'],
    ]);
    expect(made.json).toMatchObject({
      client_id: 'shop',
      client_name: 'Shop',
      redirect_uris: ['https://shop.example.com/cb'],
      post_logout_redirect_uris: ['https://shop.example.com/'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      scope: 'openid email profile',
      token_endpoint_auth_method: 'client_secret_basic',
      first_party: true,
    });
    const secret: string = made.json.client_secret;
    expect(secret).toMatch(/^cardea_secret_/);
    const shown = await t.cli(['client', 'show', 'shop']);
    expect(shown.json).not.toHaveProperty('client_secret');
    expect(shown.stdout).not.toContain(secret);
    expect(shown.json.secrets).toHaveLength(1);
    expect((await t.cli(['client', 'list'])).stdout).not.toContain(secret);
  });

  test('tell people what to do next, without the secret in the command to copy', async () => {
    const made = await t.text([
      'client',
      'create',
      '--id',
      'cron',
      '--name',
      'Cron',
      '--type',
      'service',
      '--resource',
      audience,
    ]);
    expect(made.stdout.match(/cardea_secret_/g)).toHaveLength(1);
    expect(made.stdout).toContain('shown this once');
    expect(made.stderr).toContain(`curl -u "cron:$CLIENT_SECRET" ${issuer}/oauth2/token`);
    expect(made.stderr).toMatch(/^Warning: .*https:\/\/api\.example\.com/);
    expect(made.stderr).not.toContain('cardea_secret_');
    const web = await t.text([
      'client',
      'create',
      '--id',
      'web2',
      '--name',
      'W',
      '--type',
      'web',
      '--redirect-uri',
      'https://w.example.com/cb',
    ]);
    expect(web.stderr).toContain('openid-client');
    expect(web.stderr).toContain(`${issuer}/.well-known/openid-configuration`);
  });

  test('name every fault by its option', async () => {
    const made = await t.cli([
      ...['client', 'create', '--id', 'b c', '--name', 'Bad', '--type', 'web'],
      ...['--redirect-uri', 'http://example.com/*#x', '--grant', 'password'],
    ]);
    expect(made).toMatchObject({ exit: 1, json: { error: 'invalid' } });
    expect(made.json.message).toContain('--id ');
    expect(made.json.message).toContain('--redirect-uri ');
    expect(made.json.message).toContain('--grant "password" is not accepted');
    const unknownType = await t.cli(['client', 'create', '--name', 'X', '--type', 'app']);
    expect(unknownType.json.message).toContain('must be one of web, spa, native, service, device');
  });

  test('are updated by what is given alone, and go back to defaults by an empty value', async () => {
    await t.cli([
      'client',
      'create',
      '--id',
      'up',
      '--name',
      'Up',
      '--type',
      'spa',
      '--redirect-uri',
      'https://up.example.com/a',
      '--scope',
      'openid',
    ]);
    const changed = await t.cli([
      'client',
      'update',
      'up',
      '--redirect-uri',
      'https://up.example.com/b',
      '--scope',
      '',
    ]);
    expect(changed.json).toMatchObject({
      client_name: 'Up',
      redirect_uris: ['https://up.example.com/b'],
      scope: '',
    });
    expect((await t.cli(['client', 'update', 'up', '--type', 'web'])).json).toMatchObject({
      error: 'invalid',
    });
    expect((await t.cli(['client', 'update', 'none', '--name', 'N'])).json).toMatchObject({
      error: 'not_found',
    });
  });

  test('rotate their secret: the old one goes on for a day, or stops with --now', async () => {
    await t.cli(['client', 'create', '--id', 'rot', '--name', 'Rot', '--type', 'service']);
    const soft = await t.cli(['client', 'rotate-secret', 'rot']);
    const overlap = Date.parse(soft.json.others_expire_at) - Date.now();
    expect(overlap).toBeGreaterThan(86_000_000);
    const hard = await t.cli(['client', 'rotate-secret', 'rot', '--now']);
    const client = await t.rooms.directory.find('rot');
    expect(t.rooms.directory.verifySecret(client, hard.json.client_secret)).toBe(true);
    expect(t.rooms.directory.verifySecret(client, soft.json.client_secret)).toBe(false);
    await t.cli([
      'client',
      'create',
      '--id',
      'pub',
      '--name',
      'Pub',
      '--type',
      'native',
      '--redirect-uri',
      'com.example.pub:/cb',
    ]);
    expect((await t.cli(['client', 'rotate-secret', 'pub'])).json.error).toBe('no_secret');
  });

  test('hold roles; a client of the same id that comes later has none of them', async () => {
    const uri = await aResource('stock');
    await t.cli(['role', 'create', '--name', 'counter', '--resource', uri, '--permission', 'stock:write']);
    const create = [
      'client',
      'create',
      '--id',
      'robot',
      '--name',
      'Robot',
      '--type',
      'service',
      '--resource',
      uri,
    ];
    expect((await t.cli([...create, '--role', 'counter'])).json.roles_by_resource).toEqual({
      [uri]: ['counter'],
    });
    expect((await t.cli(['client', 'delete', 'robot'])).json).toEqual({ deleted: true, client_id: 'robot' });
    expect((await t.cli(create)).json.roles).toEqual([]);
    expect((await t.cli(['client', 'update', 'robot', '--role', 'counter'])).json.roles).toEqual(['counter']);
    expect((await t.cli(['client', 'update', 'robot', '--name', 'R'])).json.roles).toEqual(['counter']);
    expect((await t.cli(['client', 'update', 'robot', '--role', ''])).json.roles).toEqual([]);
    const unknown = await t.cli([
      'client',
      'create',
      '--id',
      'r2',
      '--name',
      'R',
      '--type',
      'service',
      '--role',
      'nope',
    ]);
    expect(unknown.json.error).toBe('not_found');
    expect((await t.cli(['client', 'show', 'r2'])).json.error).toBe('not_found');
  });

  test('are disabled and enabled; a key set comes from a file', async () => {
    await t.cli(['client', 'create', '--id', 'off', '--name', 'Off', '--type', 'service']);
    expect((await t.cli(['client', 'disable', 'off'])).json.status).toBe('disabled');
    expect((await t.cli(['client', 'enable', 'off'])).json.status).toBe('active');
    const create = [
      'client',
      'create',
      '--id',
      'jwt',
      '--name',
      'J',
      '--type',
      'service',
      '--auth-method',
      'private_key_jwt',
    ];
    const file = [...create, '--jwks-file', 'keys.json'];
    const garbage = await t.cli(file, { files: { 'jwks-file': '-----BEGIN PRIVATE KEY----- abc' } });
    expect(garbage.json.error).toBe('invalid');
    expect(garbage.stdout + garbage.stderr).not.toContain('BEGIN');
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    };
    const made = await t.cli(file, { files: { 'jwks-file': JSON.stringify({ keys: [jwk] }) } });
    expect(made.json).toMatchObject({ token_endpoint_auth_method: 'private_key_jwt' });
    expect(made.json).not.toHaveProperty('client_secret');
  });
});

describe('resource servers and roles', () => {
  test('are made, seen at once, changed and deleted with their roles', async () => {
    const uri = 'https://bills.example.com';
    const made = await t.cli([
      ...[
        'resource',
        'create',
        '--audience',
        uri,
        '--name',
        'Bills',
        '--token-format',
        'opaque',
        '--token-ttl',
        '600',
      ],
      ...['--scope', 'bills:read See your bills', '--scope', 'bills:pay'],
    ]);
    expect(made.json).toMatchObject({
      audience: uri,
      scopes: ['bills:read', 'bills:pay'],
      scope_descriptions: { 'bills:read': 'See your bills' },
      token_format: 'opaque',
      access_token_ttl_seconds: 600,
    });
    await t.cli(['role', 'create', '--name', 'payer', '--resource', uri, '--permission', 'pay']);
    expect((await t.cli(['resource', 'show', uri])).json.roles).toEqual(['payer']);
    expect((await t.cli(['resource', 'list'])).stdout).toContain(uri);
    expect(
      (await t.cli(['resource', 'update', uri, '--token-ttl', '', '--scope', 'bills:read'])).json,
    ).toMatchObject({
      scopes: ['bills:read'],
      name: 'Bills',
    });
    expect((await t.cli(['resource', 'delete', uri])).json).toEqual({ deleted: true, audience: uri });
    expect((await t.cli(['role', 'show', 'payer'])).json.error).toBe('not_found');
    expect((await t.cli(['resource', 'delete', 'cardea'])).json.error).toBe('kept');
    const ttl = await t.cli(['resource', 'create', '--audience', uri, '--name', 'B', '--token-ttl', 'soon']);
    expect(ttl.json.message).toContain('--token-ttl must be a whole number');
  });

  test('a role needs its resource server, and is told apart by it', async () => {
    const none = await t.cli(['role', 'create', '--name', 'x', '--resource', 'https://none.example.com']);
    expect(none.json.error).toBe('not_found');
    const [one, two] = [await aResource('one'), await aResource('two')];
    for (const uri of [one, two]) await t.cli(['role', 'create', '--name', 'editor', '--resource', uri]);
    expect((await t.cli(['role', 'show', 'editor'])).json).toMatchObject({ error: 'ambiguous' });
    expect((await t.cli(['role', 'show', 'editor', '--resource', two])).json.resource).toBe(two);
    expect((await t.cli(['role', 'delete', 'editor', '--resource', two])).json.deleted).toBe(true);
    expect((await t.cli(['role', 'list', '--resource', two])).json.roles).toEqual([]);
    expect((await t.cli(['role', 'delete', 'administrator'])).json.error).toBe('kept');
  });
});

describe('keys, refusals, migrations', () => {
  test('keys are listed and rotated, with --now at once', async () => {
    const before = (await t.cli(['keys', 'list'])).json.keys;
    expect(before.map((key: { alg: string }) => key.alg).sort()).toEqual(['ES256', 'RS256']);
    expect(JSON.stringify(before)).not.toContain('"d"');
    const states = async (words: string[]) =>
      (await t.cli(words)).json.keys.map((key: { state: string }) => key.state).sort();
    expect(await states(['keys', 'rotate'])).toEqual(['published', 'published', 'signing', 'signing']);
    expect(await states(['keys', 'rotate', '--now'])).toEqual(['retired', 'retired', 'signing', 'signing']);
  });

  test('a reference is explained, as it is typed', async () => {
    const reference = t.rooms.refusals.record({
      kind: 'token',
      rule: 'RFC 6749 section 5.2',
      error: 'invalid_client',
      expected: 'a secret of the client',
      received: 'another',
      clientId: 'shop',
      network: '192.0.2.1',
    });
    const found = await t.cli(['explain', reference.toLowerCase().replace('-', '')]);
    expect(found.json).toMatchObject({
      reference,
      rule: 'RFC 6749 section 5.2',
      client_id: 'shop',
      received: 'another',
    });
    expect((await t.text(['explain', reference])).stdout).toContain('a secret of the client');
    expect((await t.cli(['explain', 'AAAA-AAAA'])).json.error).toBe('not_found');
    expect((await t.cli(['explain', 'AAAA-AAAB'])).json.error).toBe('not_recorded');
    expect((await t.cli(['explain', 'nonsense!'])).json.error).toBe('invalid');
  });

  test('migrate says that nothing is pending', async () => {
    expect((await t.cli(['migrate', '--status'])).json).toEqual({ pending: [] });
    expect((await t.cli(['migrate'])).json).toEqual({ applied: [] });
  });
});
