import { join } from 'node:path';
import type Koa from 'koa';
import { afterEach, describe, expect, test } from 'vitest';
import { StorageUnavailable } from '../../src/storage/unavailable.ts';
import { createAccessLog, loggedPath } from '../../src/web/access-log.ts';
import { loadAssets } from '../../src/web/assets.ts';
import { escapeHtml } from '../../src/web/render.ts';
import { createLimitDoor } from '../../src/web/request-limits-door.ts';
import { processorMs } from '../harness/cost.ts';
import { type ServedDoors, serveDoors } from './serve-doors.ts';

let served: ServedDoors | undefined;
afterEach(() => served?.close());

async function send(request: string, ...doors: Koa.Middleware[]): Promise<string> {
  served = await serveDoors('http://localhost', doors);
  const [line, ...headers] = request.split('\n');
  return served.raw(
    `${line} HTTP/1.1\r\n${['Host: localhost', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`,
  );
}

describe('P2 the error door', () => {
  const boom: Koa.Middleware = () => {
    throw new Error('password=hunter2 at /srv/x.ts:1');
  };

  test('an error of ours is a bare 500 in the shape that the caller reads', async () => {
    expect(await send('GET /a\nAccept: text/html', boom)).toContain(
      '<p>500 Something went wrong on our side.',
    );
    expect(await send('GET /a\nAccept: */*', boom)).toContain('application/problem+json');
    const oauth = await send('POST /oauth2/token', boom);
    expect(oauth).toContain('"error":"server_error"');
    expect(oauth).toMatch(/"reference":"[0-9A-Z-]{14}"/);
    expect(oauth).not.toMatch(/hunter2|\.ts/);
  });

  test('a store that does not answer is 503 with Retry-After, in the OAuth shape for clients', async () => {
    const text = await send('POST /oauth2/token', () => {
      throw new StorageUnavailable('pg: 10.0.0.5 refused', { retryAfterSeconds: 3 });
    });
    expect(text).toContain('HTTP/1.1 503');
    expect(text).toContain('Retry-After: 3');
    expect(text).toContain('"error":"temporarily_unavailable"');
    expect(text).not.toContain('10.0.0.5');
  });

  test('headers that a page had set before it failed do not outlive it', async () => {
    const text = await send('GET /a', (ctx) => {
      ctx.set('ETag', '"x"');
      ctx.body = 'half a page';
      throw new Error('late');
    });
    expect(text).not.toMatch(/ETag|half a page/);
  });

  test('P5 hostile Accept headers cost no time', async () => {
    const cost = await processorMs(() => send(`GET /a\nAccept: ${'a/b;q=0.1,'.repeat(1_200)}`, boom));
    expect(cost).toBeLessThan(500);
  });
});

describe('P3 the access log', () => {
  test('no query value, no token of a path, no header', async () => {
    const lines: Record<string, unknown>[] = [];
    const log = { info: (_: string, fields?: Record<string, unknown>) => void lines.push(fields ?? {}) };
    const request =
      'GET /setup/s3cret-token?code=c0de&token=t0ken\nCookie: a=c00kie\nAuthorization: Bearer b3arer';
    await send(request, createAccessLog({ log, clock: { now: () => 5 } }));
    expect(lines).toEqual(
      [
        { requestId: '', method: 'GET', path: '/setup/…', status: 404, ms: 0, address: expect.any(String) },
      ].map((line) => ({ ...line, requestId: expect.stringMatching(/^[0-9A-Z-]{14}$/) })),
    );
    expect(JSON.stringify(lines)).not.toMatch(/s3cret|c0de|t0ken|c00kie|b3arer/);
  });

  test.each([
    ['/interaction/abc/sign-in', '/interaction/…/sign-in'],
    ['/oauth2/authorize/abc', '/oauth2/authorize/…'],
    ['/oauth2/token', '/oauth2/token'],
    [`/${'x'.repeat(500)}`, `/${'x'.repeat(199)}`],
  ])('%s is written as %s', (path, logged) => expect(loggedPath(path)).toBe(logged));
});

describe('assets', () => {
  const assets = loadAssets({ dir: join(import.meta.dirname, '../../views/assets') });

  test('named by content, kept for a year, answered again with 304', async () => {
    const url = assets.url('cardea.css');
    expect(url).toMatch(/^\/assets\/cardea-[A-Za-z0-9]{10}\.css$/);
    const text = await send(`GET ${url}`, assets.door);
    expect(text).toContain('Cache-Control: public, max-age=31536000, immutable');
    expect(text).toContain('Content-Type: text/css');
    const etag = /ETag: (\S+)/.exec(text)?.[1];
    const again = await send(`GET ${url}\nIf-None-Match: ${etag}`, assets.door);
    expect(again).toContain('HTTP/1.1 304');
  });

  test.each([
    '/assets/',
    '/assets/cardea.css',
    '/assets/../package.json',
    '/assets/%2e%2e/package.json',
    '/assets/__proto__',
  ])('P8 %s: 404', async (path) => expect(await send(`GET ${path}`, assets.door)).toContain('HTTP/1.1 404'));

  test('only read: 405', async () => {
    expect(await send(`POST ${assets.url('mark.svg')}`, assets.door)).toContain('HTTP/1.1 405');
  });

  test('no page, style or script names another origin or holds anything inline', async () => {
    const { readdirSync, readFileSync } = await import('node:fs');
    const views = join(import.meta.dirname, '../../views');
    for (const folder of ['layouts', 'pages', 'assets']) {
      for (const file of readdirSync(join(views, folder))) {
        const text = readFileSync(join(views, folder, file), 'utf8');
        expect(text.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(
          /(?:src|href)="(?:https?:)?\/\/|@import|url\(/,
        );
        if (file.endsWith('.eta'))
          expect(text).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]* src=)/);
      }
    }
  });
});

describe('S16 S17 the limit door', () => {
  const asked: string[] = [];
  const door = createLimitDoor({
    rules: [
      { path: '/interaction/', limit: 'pagesPerNetwork' },
      { path: '/$', limit: 'pagesPerNetwork' },
    ],
    take: (limit, key) => {
      asked.push(`${limit} ${key}`);
      return { kind: 'wait', retryAfterSeconds: 7 };
    },
    networkOf: (address) => `net(${address})`,
  });

  test('429 with Retry-After, counted by network', async () => {
    const text = await send('GET /interaction/x\nAccept: text/html', door);
    expect(text).toContain('HTTP/1.1 429');
    expect(text).toContain('Retry-After: 7');
    expect(asked).toEqual(['pagesPerNetwork net(127.0.0.1)']);
  });

  test('paths without a rule are not counted; a "$" ends a path', async () => {
    const answer: Koa.Middleware = (ctx) => {
      ctx.body = 'ok';
    };
    expect(await send('GET /elsewhere', door, answer)).toContain('200 OK');
  });
});

test('what is escaped is safe in text and in quoted attributes', () => {
  expect(escapeHtml(`<a b="c" d='e'>&\``)).toBe('&#60;a b=&#34;c&#34; d=&#39;e&#39;&#62;&#38;&#96;');
  expect(escapeHtml(undefined)).toBe('');
});
