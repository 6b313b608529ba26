/** Every rule explains itself: a command that mends it, what the app must send, or honestly nothing. */
import { errors } from 'oidc-provider';
import { describe, expect, test } from 'vitest';
import { maskUri, sentParameters } from '../../src/audit/sent.ts';
import { parseCommandLine } from '../../src/cli/arguments.ts';
import { commands } from '../../src/cli/commands.ts';
import type { Client } from '../../src/clients/client.ts';
import type { ResourceServer } from '../../src/clients/resource-server.ts';
import { caretLines, differenceOf } from '../../src/protocol/difference.ts';
import { explain } from '../../src/protocol/explanation.ts';
import { mends } from '../../src/protocol/mends.ts';
import { allRules, rulesByCode } from '../../src/protocol/refusal-rules.ts';
import { cardea } from '../../src/protocol/shell-words.ts';

const refusal = {
  reference: 'K7QF-2M9D',
  at: 0,
  expiresAt: 1,
  kind: 'authorize',
  rule: 'RFC 6749 section 5.2',
  error: 'invalid_request',
  network: '192.0.2.1',
};
const client = {
  clientId: 'shop',
  name: 'Shop',
  type: 'web',
  status: 'active',
  firstParty: false,
  pkceRequired: true,
  redirectUris: ['https://shop.example.com/callback', 'https://shop.example.com/other?tenant=acme'],
  postLogoutRedirectUris: ['https://shop.example.com/'],
  grantTypes: ['authorization_code', 'refresh_token'],
  responseTypes: ['code'],
  scopes: [],
  authMethod: 'client_secret_basic',
  resources: [],
  idTokenAlg: 'RS256',
  createdAt: 0,
  updatedAt: 0,
  secretsVersion: 1,
} as const satisfies Client;
const orders: ResourceServer = {
  audience: 'https://api.example.com',
  name: 'Orders',
  scopes: [{ name: 'orders:read', description: "Read the shop's orders" }],
  tokenFormat: 'jwt',
  signingAlg: 'ES256',
  createdAt: 0,
  updatedAt: 0,
};
const about = { client, servers: [orders] };

/** A shell word list of a command as it is printed. */
function wordsOf(line: string): string[] {
  const words = [...line.matchAll(/(?:'([^']*)'|\\(.)|([^\s'\\]+))(\s|$)?/g)];
  const out = [''];
  for (const [, quoted, escaped, plain, gap] of words) {
    out[out.length - 1] += quoted ?? escaped ?? plain ?? '';
    if (gap !== undefined && gap !== '') out.push('');
  }
  return out.filter((word) => word !== '');
}

describe('every rule', () => {
  test.each(allRules.map((rule) => [rule.rule, rule.mend, rule] as const))(
    '%s (%s) says what mends it, for a known client and without one',
    (_rule, mend, rule) => {
      for (const known of [client, undefined, { ...client, status: 'disabled' as const }]) {
        const sent = {
          client_id: 'shop',
          grant_type: 'implicit',
          scope: 'openid nope',
          origin: 'https://a.example',
        };
        const told = mends[mend]({
          refusal: { ...refusal, sent },
          client: known,
          servers: [orders],
          expected: rule.expected,
        });
        expect(told.text.length).toBeGreaterThan(30);
        expect(told.kind === 'command').toBe(told.commands.length > 0);
        if (told.kind === 'nothing') expect(told.text).toMatch(/nothing to change on the client/i);
        for (const line of told.commands) {
          expect(line).toMatch(/^npx cardea /);
          expect(parseCommandLine(wordsOf(line).slice(2), commands).kind).toBe('command');
        }
      }
    },
  );

  test('every error code of the engine that can be raised comes to one of them', () => {
    for (const Kind of Object.values(errors)) expect(typeof Kind).toBe('function');
    for (const error of Object.keys(rulesByCode)) {
      const told = explain({ ...refusal, error }, client, [orders]);
      expect(told.mend.text).not.toBe('');
      expect(told.where).toBe('an authorization request');
    }
  });

  test('a page that was refused is no matter of a client', () => {
    expect(explain({ ...refusal, kind: 'page', error: 'not_found' }, undefined, []).mend.kind).toBe(
      'nothing',
    );
  });
});

const redirect = (sent: string) =>
  explain({ ...refusal, error: 'invalid_redirect_uri', sent: { redirect_uri: sent } }, client, [orders]);

describe('redirect URIs, to the character', () => {
  test.each([
    ['https://shop.example.com/callback/', 33, 'goes on with "/"'],
    ['https://shop.example.com/Callback', 25, 'has "C" where the registered one has "c"'],
    ['http://shop.example.com/callback', 4, 'has ":" where the registered one has "s"'],
    ['https://shop.example.com/callbac', 32, 'ends where "k" should follow'],
    ['https://shop.example.com:8443/callback', 24, 'has ":" where the registered one has "/"'],
  ])('%s differs at %i: %s', (sent, at, words) => {
    const { difference, accepted } = redirect(sent);
    expect(difference).toMatchObject({ at, nearest: 'https://shop.example.com/callback' });
    expect(difference?.words).toContain(words);
    expect(accepted).toEqual(client.redirectUris);
    const [sentLine = '', registered = '', caret = ''] = caretLines(difference as never).split('\n');
    const place = caret.indexOf('^');
    expect(sentLine[place]).toBe(sent[at]);
    expect(registered[place]).toBe('https://shop.example.com/callback'[at]);
  });

  test('the command registers it beside the others; what no rule accepts is not offered', () => {
    const { mend } = redirect('https://shop.example.com/callback2');
    expect(mend.commands).toEqual([
      "npx cardea client update shop --redirect-uri https://shop.example.com/callback --redirect-uri 'https://shop.example.com/other?tenant=acme' --redirect-uri https://shop.example.com/callback2",
    ]);
    expect(mend.text).toMatch(/only if it is yours/);
    expect(redirect('http://shop.example.com/callback').mend).toMatchObject({
      kind: 'request',
      commands: [],
    });
    expect(redirect('http://shop.example.com/callback').mend.text).toContain('must use https');
    expect(redirect('https://shop.example.com/other?x=****').mend.commands[0]).toMatch(/ URI$/);
    expect(redirect(client.redirectUris[0]).mend.text).toContain('registered by now');
  });

  test('a long one keeps its caret under the difference', () => {
    const long = `https://shop.example.com/${'a'.repeat(300)}`;
    const difference = differenceOf('redirect_uri', `${long}X${'y'.repeat(90)}`, [`${long}Z`]);
    const [sent = '', registered = '', caret = ''] = caretLines(difference as never).split('\n');
    expect([sent[caret.indexOf('^')], registered[caret.indexOf('^')]]).toEqual(['X', 'Z']);
    expect(sent.length).toBeLessThan(180);
  });
});

describe('what is kept of a URI', () => {
  test.each([
    ['https://a.example/cb?code=SECRET&x=1#token', 'https://a.example/cb?code=******&x=*#*****'],
    ['https://user:pass@a.example/cb', 'https://*********@a.example/cb'],
    [`https://a.example/${'s'.repeat(43)}`, `https://a.example/${'*'.repeat(43)}`],
    ['https://shop.example.com/other?tenant=acme2', 'https://shop.example.com/other?tenant=acme*'],
    ['https://a.example/\u001b[2J', 'https://a.example/\\u{1b}[2J'],
  ])('%s', (sent, kept) => {
    expect(maskUri(sent, client.redirectUris)).toBe(kept);
  });

  test('bounded, and only harmless parameters', () => {
    expect(maskUri(`https://a.example/${'a/'.repeat(1e5)}`).length).toBeLessThanOrEqual(400);
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`p${n}`, 'x']));
    const sent = sentParameters({
      ...many,
      code: 'c',
      client_secret: 's',
      refresh_token: 't',
      scope: 'a b',
      state: 'z',
    });
    expect(sent).toEqual({ scope: 'a b' });
  });
});

describe('scopes, resources and clients', () => {
  const told = (error: string, more: object, by: Client | undefined = client) =>
    explain({ ...refusal, error, ...more }, by, about.servers);

  test('a scope that nobody has: the nearest, and the whole list of its API with its words', () => {
    const { difference, mend } = told('invalid_scope', { sent: { scope: 'openid orders:raed' } });
    expect(difference).toMatchObject({ sent: 'orders:raed', nearest: 'orders:read', at: 8 });
    expect(mend.commands).toEqual([
      "npx cardea resource update https://api.example.com --scope 'orders:read Read the shop'\\''s orders' --scope orders:raed",
    ]);
  });

  test('a scope that the client may not ask for is added to its own', () => {
    const limited: Client = { ...client, scopes: ['openid'] };
    const { mend } = told('invalid_scope', { sent: { scope: 'openid orders:read' } }, limited);
    expect(mend.commands).toEqual(['npx cardea client update shop --scope openid --scope orders:read']);
  });

  test('an audience with a slash too many; one that the client may not have', () => {
    const { difference } = told('invalid_target', { sent: { resource: 'https://api.example.com/' } });
    expect(difference).toMatchObject({ at: 23, words: 'what was sent goes on with "/"' });
    const service: Client = { ...client, type: 'service', resources: ['https://other.example.com'] };
    const barred = told('invalid_target', { sent: { resource: 'https://api.example.com' } }, service);
    expect(barred.mend.commands).toEqual([
      'npx cardea client update shop --resource https://other.example.com --resource https://api.example.com',
    ]);
  });

  test('a client that is unknown, disabled, or has the wrong secret', () => {
    const unknown = explain(
      { ...refusal, error: 'invalid_client', cause: 'client not found', sent: { client_id: 'sohp' } },
      undefined,
      [],
    );
    expect(unknown.mend.commands).toContain('npx cardea client create --id sohp --name NAME --type TYPE');
    const disabled = told('invalid_client', { cause: 'client not found' }, { ...client, status: 'disabled' });
    expect(disabled.mend.commands).toEqual(['npx cardea client enable shop']);
    const wrong = told('invalid_client', { cause: 'invalid secret provided' });
    expect(wrong.mend.commands).toEqual(['npx cardea client rotate-secret shop']);
  });

  test('words that a shell would take apart are quoted', () => {
    expect(cardea('client', 'show', "a'b; rm -rf $HOME")).toBe(
      "npx cardea client show 'a'\\''b; rm -rf $HOME'",
    );
  });
});
