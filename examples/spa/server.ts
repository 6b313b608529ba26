/**
 * Serves the single-page app: three files, and the library as it comes. Any web server can do this; the app itself is
 * app.js. ISSUER is required; CLIENT_ID (orders-spa) and PORT (4001) may be set. Register it with
 *
 *     npx cardea client create --id orders-spa --name "Orders in the browser" --type spa \
 *       --redirect-uri http://localhost:4001/ --post-logout-redirect-uri http://localhost:4001/
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const { PORT = '4001', ISSUER, CLIENT_ID = 'orders-spa' } = process.env;
if (!ISSUER) throw new Error('ISSUER must be set');

const libraries = new Map([
  ['openid-client', '/vendor/openid-client/index.js'],
  ['oauth4webapi', '/vendor/oauth4webapi/index.js'],
  ['jose/errors', '/vendor/jose/util/errors.js'],
  ['jose/jwe/compact/decrypt', '/vendor/jose/jwe/compact/decrypt.js'],
]);
const folders: Readonly<Record<string, string>> = {
  'openid-client': 'openid-client/build',
  oauth4webapi: 'oauth4webapi/build',
  jose: 'jose/dist/webapi',
};
const importMap = JSON.stringify({ imports: Object.fromEntries(libraries) });
const mapHash = createHash('sha256').update(importMap).digest('base64');
// A script of another origin would have the tokens: none is let in.
const policy = `default-src 'none'; script-src 'self' 'sha256-${mapHash}'; connect-src ${ISSUER}; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Orders in the browser</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="issuer" content="${ISSUER}"><meta name="client-id" content="${CLIENT_ID}">
<link rel="stylesheet" href="/app.css"><script type="importmap">${importMap}</script>
<script type="module" src="/app.js"></script></head>
<body><h1>Orders in the browser</h1><p id="status">…</p><button id="act"></button><pre id="claims"></pre></body></html>`;

async function contentOf(path: string): Promise<[string, string | Buffer] | undefined> {
  if (path === '/') return ['text/html; charset=utf-8', page];
  const own = /^\/(app\.(?:js|css))$/.exec(path)?.[1];
  const [, name = '', file = ''] = /^\/vendor\/([a-z0-9-]+)\/([\w/]+\.js)$/.exec(path) ?? [];
  const folder = folders[name];
  const place = own ?? (folder ? `../../node_modules/${folder}/${file}` : undefined);
  if (!place) return undefined;
  const content = await readFile(fileURLToPath(new URL(place, import.meta.url))).catch(() => undefined);
  return content && [place.endsWith('.css') ? 'text/css' : 'text/javascript', content];
}

const server = createServer(async (request, response) => {
  const found = await contentOf(new URL(request.url ?? '/', 'http://spa').pathname);
  const type = found?.[0] ?? 'text/plain';
  const headers = {
    'content-type': type,
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
  };
  response.writeHead(found ? 200 : 404, headers).end(found?.[1] ?? 'There is nothing here.');
});
server.listen(Number(PORT), 'localhost', () => console.log(`The app listens on http://localhost:${PORT}`));
