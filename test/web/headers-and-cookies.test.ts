import type Koa from 'koa';
import { afterEach, describe, expect, test } from 'vitest';
import { createCookieSignatures } from '../../src/web/cookie-signatures.ts';
import { createCookies } from '../../src/web/cookies.ts';
import { cameFromHere, createCsrf } from '../../src/web/csrf.ts';
import { contentSecurityPolicy, createSecurityHeaders, formSource } from '../../src/web/security-headers.ts';
import { type ServedDoors, serveDoors } from './serve-doors.ts';

let served: ServedDoors | undefined;
afterEach(() => served?.close());

async function headersOf(issuer: string, path: string, ...doors: Koa.Middleware[]): Promise<string> {
  served = await serveDoors(issuer, doors);
  const text = await served.raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  return text.slice(0, text.indexOf('\r\n\r\n'));
}

describe('P1 headers', () => {
  const answers: [string, Koa.Middleware][] = [
    [
      'a page',
      (ctx) => {
        ctx.body = 'x';
      },
    ],
    [
      'an error',
      () => {
        throw new Error('inside');
      },
    ],
    ['nothing', () => undefined],
    ['a redirect', (ctx) => ctx.redirect('/y')],
    [
      'what a browser may show',
      (ctx) => void Object.assign(ctx, { body: '<x/>', type: 'application/xhtml+xml' }),
    ],
  ];
  const ofAnswer = (answer: Koa.Middleware) =>
    headersOf('https://id.example', '/x', createSecurityHeaders({ publicUrl: { secure: true } }), answer);

  test.each(answers)('%s has them all', async (_, answer) => {
    const headers = await ofAnswer(answer);
    for (const line of [
      "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      'X-Content-Type-Options: nosniff',
      'X-Frame-Options: DENY',
      'Referrer-Policy: no-referrer',
      'Cross-Origin-Opener-Policy: same-origin',
      'Cross-Origin-Resource-Policy: same-origin',
      'publickey-credentials-get=(self)',
      'Strict-Transport-Security: max-age=63072000',
    ]) {
      expect(headers).toContain(line);
    }
    expect(headers).not.toMatch(/X-Powered-By|^Server:/im);
  });

  test.each([
    ['an answer for programs', (ctx: Koa.Context) => void Object.assign(ctx, { body: { active: true } })],
    ['a token', (ctx: Koa.Context) => void Object.assign(ctx, { body: 'x.y.z', type: 'application/jwt' })],
    [
      'signed introspection',
      (ctx: Koa.Context) =>
        void Object.assign(ctx, { body: 'x.y.z', type: 'application/token-introspection+jwt' }),
    ],
  ])('%s goes without what only pages need, and still is no page anywhere', async (_, answer) => {
    const headers = await ofAnswer(answer);
    for (const line of [
      "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
      'X-Content-Type-Options: nosniff',
      'Referrer-Policy: no-referrer',
      'Cross-Origin-Resource-Policy: same-origin',
      'Strict-Transport-Security: max-age=63072000',
    ]) {
      expect(headers).toContain(line);
    }
    expect(headers).not.toMatch(/^(?:X-Frame-Options|Permissions-Policy|Cross-Origin-Opener-Policy|X-DNS)/im);
  });

  test('HSTS is for https only', async () => {
    const headers = await headersOf(
      'http://localhost',
      '/',
      createSecurityHeaders({ publicUrl: { secure: false } }),
    );
    expect(headers).not.toContain('Strict-Transport-Security');
  });

  test.each(['/oauth2/authorize', '/oauth2/authorize/abc', '/interaction/abc', '/oauth2/logout'])(
    '%s keeps the tie to an app that opened it in a popup',
    async (path) => {
      const headers = await headersOf(
        'http://localhost',
        path,
        createSecurityHeaders({ publicUrl: { secure: false } }),
      );
      expect(headers).toContain('Cross-Origin-Opener-Policy: unsafe-none');
    },
  );

  test.each([
    ['https://app.example/cb?x=1', 'https://app.example'],
    ['http://127.0.0.1:51000/cb', 'http://127.0.0.1:51000'],
    ['http://[::1]:51000/cb', 'http:'],
    ['com.example.app:/cb', 'com.example.app:'],
    ['javascript:alert(1)', undefined],
    ['data:text/html,x', undefined],
    ["https://app.example;script-src 'unsafe-inline'", undefined],
    ['not a URL', undefined],
  ])('a form may end at %s as %s', (address, source) => expect(formSource(address)).toBe(source));

  test('nothing that a client registered can add a directive', () => {
    const policy = contentSecurityPolicy({
      formTargets: ['https://a.example/;script-src *', 'https://b.example/, default-src *'],
      images: [
        "https://c.example/x;script-src 'unsafe-inline'.png",
        'http://d.example/x.png',
        'data:image/svg+xml,x',
      ],
    });
    expect(policy.split('; ').map((part) => part.split(' ')[0])).toEqual([
      'default-src',
      'script-src',
      'style-src',
      'img-src',
      'form-action',
      'base-uri',
      'frame-ancestors',
    ]);
    expect(policy).not.toMatch(/'unsafe|http:|data:|,/);
  });
});

describe('S6 cookies', () => {
  const cookieLines = async (issuer: string, act: (ctx: Koa.Context) => void) =>
    (
      await headersOf(issuer, '/', (ctx) => {
        act(ctx);
        ctx.body = 'x';
      })
    )
      .split('\r\n')
      .filter((line) => line.startsWith('Set-Cookie'));

  test('https: __Host- for the host, __Secure- for a path, Secure, HttpOnly, Lax, no Domain', async () => {
    const cookies = createCookies({ secure: true });
    const [host, bound] = await cookieLines('https://id.example', (ctx) => {
      cookies.set(ctx, 'device', 'v', { maxAgeSeconds: 60 });
      cookies.set(ctx, 'again', 'v', { path: '/interaction/x' });
    });
    expect(host).toMatch(
      /^Set-Cookie: __Host-cardea\.device=v; path=\/; expires=[^;]+; samesite=lax; secure; httponly$/i,
    );
    expect(bound).toMatch(
      /^Set-Cookie: __Secure-cardea\.again=v; path=\/interaction\/x; samesite=lax; secure; httponly$/i,
    );
  });

  test('http on a loopback host: plain names, not Secure', async () => {
    const cookies = createCookies({ secure: false });
    const [line] = await cookieLines('http://localhost', (ctx) => cookies.set(ctx, 'device', 'v'));
    expect(line).toMatch(/^Set-Cookie: cardea\.device=v; path=\/; samesite=lax; httponly$/i);
  });

  test('path-bound cookies live below the issuer’s path', async () => {
    const cookies = createCookies({ secure: true, base: '/id' });
    const [line] = await cookieLines('https://id.example/id', (ctx) =>
      cookies.set(ctx, 'again', 'v', { path: '/interaction/x' }),
    );
    expect(line).toContain('path=/id/interaction/x');
  });

  test('a cookie that browsers would drop is a bug, said at once', () => {
    const cookies = createCookies({ secure: false });
    expect(() => cookies.set({} as Koa.Context, 'x', 'v'.repeat(4_000))).toThrow(RangeError);
  });
});

describe('S2 form tokens', () => {
  const origin = 'https://id.example';
  const browser = (value: string | undefined) =>
    ({
      state: {},
      get: () => '',
      cookies: { get: () => value, set: () => undefined },
    }) as unknown as Koa.Context;
  const cookies = createCookies({ secure: true });
  const csrf = (...keys: string[]) => createCsrf({ keys, cookies, origin });
  const mine = browser('AAAAAAAAAAAAAAAAAAAAAA');

  test('a token fits its purpose, its browser and its key alone', () => {
    const token = csrf('k').issue(mine, 'a');
    expect(csrf('k').check(mine, 'a', token)).toEqual({ kind: 'ok' });
    expect(csrf('k').check(mine, 'b', token)).toEqual({ kind: 'stale' });
    expect(csrf('k').check(browser('BBBBBBBBBBBBBBBBBBBBBB'), 'a', token)).toEqual({ kind: 'stale' });
    expect(csrf('k').check(browser(undefined), 'a', token)).toEqual({ kind: 'stale' });
    expect(csrf('other').check(mine, 'a', token)).toEqual({ kind: 'stale' });
    expect(csrf('k').check(mine, 'a', `${token}x`)).toEqual({ kind: 'stale' });
    expect(csrf('k').check(mine, 'a', undefined)).toEqual({ kind: 'stale' });
  });

  test('an older key still verifies after a rotation', () => {
    const token = csrf('old').issue(mine, 'a');
    expect(csrf('new', 'old').check(mine, 'a', token)).toEqual({ kind: 'ok' });
  });

  test('a planted cookie of another shape is replaced', () => {
    const written: string[] = [];
    const planted = {
      state: {},
      cookies: { get: () => 'a\nb', set: (_: string, value: string) => written.push(value) },
    } as unknown as Koa.Context;
    csrf('k').issue(planted, 'a');
    csrf('k').issue(planted, 'b');
    expect(written).toHaveLength(1);
    expect(written[0]).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  test.each([
    ['same-origin', origin, true],
    ['same-origin', '', true],
    ['none', '', true],
    ['', origin, true],
    ['', '', true],
    ['', 'null', false],
    ['same-origin', 'null', false],
    ['same-site', origin, false],
    ['cross-site', origin, false],
    ['cross-site', '', false],
    ['', 'https://evil.example', false],
    ['', 'http://id.example', false],
    ['', 'https://id.example.evil.example', false],
    ['unheard-of', origin, false],
  ])('Sec-Fetch-Site "%s" with Origin "%s": from here %s', (site, said, here) => {
    const get = (name: string) => (name === 'Origin' ? said : site);
    expect(cameFromHere({ get } as Koa.Context, origin)).toBe(here);
  });
});

describe('signatures of cookies', () => {
  const [newer, older, foreign] = ['a newer key', 'an older key', 'a foreign key'];
  const both = createCookieSignatures([newer, older]);

  test('the first key signs, every key verifies and says which it was', () => {
    expect(both.index('a=b', both.sign('a=b'))).toBe(0);
    expect(both.index('a=b', createCookieSignatures([older]).sign('a=b'))).toBe(1);
    expect(both.index('a=b', createCookieSignatures([foreign]).sign('a=b'))).toBe(-1);
    expect(both.verify('a=b', both.sign('a=b'))).toBe(true);
    expect(() => createCookieSignatures([])).toThrow('a key');
  });

  test("a changed value, name or signature is nobody's", () => {
    const signature = both.sign('a=b');
    for (const [data, presented] of [
      ['a=c', signature],
      ['b=b', signature],
      ['a=b', `${signature}A`],
      ['a=b', signature.slice(1)],
      ['a=b', `é${signature.slice(1)}`],
      ['a=b', ''],
    ] as const)
      expect(both.verify(data, presented)).toBe(false);
  });
});
