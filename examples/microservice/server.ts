/**
 * "Reports", a microservice that calls the Orders API in its own name: a client-credentials token (RFC 6749 section
 * 4.4), kept until shortly before it runs out.
 *
 * ISSUER, CLIENT_ID, CLIENT_SECRET and API_AUDIENCE are required. PORT (5001) and API_URL (the audience) may be set.
 * Register it with
 *
 *     npx cardea client create --id reports --name Reports --type service \
 *       --resource http://localhost:5000 --role clerk
 */
import { createServer } from 'node:http';
import * as oidc from 'openid-client';

const { PORT = '5001', ISSUER, CLIENT_ID, CLIENT_SECRET, API_AUDIENCE, API_URL = API_AUDIENCE } = process.env;
if (!ISSUER || !CLIENT_ID || !CLIENT_SECRET || !API_AUDIENCE) {
  throw new Error('ISSUER, CLIENT_ID, CLIENT_SECRET and API_AUDIENCE must be set');
}

const provider = await oidc.discovery(new URL(ISSUER), CLIENT_ID, {}, oidc.ClientSecretBasic(CLIENT_SECRET), {
  // For trying out on one machine; the library insists on https otherwise, and so should you.
  execute: ISSUER.startsWith('http://localhost') ? [oidc.allowInsecureRequests] : [],
});

/** Asked for again this long before the end, so that no call sets out with a token that dies on the way. */
const EARLY_MS = 30_000;

let kept: { promise: Promise<string>; until: number } | undefined;

/** The token in hand, or a new one; callers that come together share one request. */
function accessToken(): Promise<string> {
  if (kept && kept.until > Date.now()) return kept.promise;
  const asked = { promise: ask(), until: Number.POSITIVE_INFINITY };
  kept = asked;
  return asked.promise;

  async function ask(): Promise<string> {
    try {
      const resource = { resource: API_AUDIENCE ?? '', scope: 'orders:read' };
      const tokens = await oidc.clientCredentialsGrant(provider, resource);
      asked.until = Date.now() + (tokens.expiresIn() ?? 0) * 1000 - EARLY_MS;
      return tokens.access_token;
    } catch (error) {
      if (kept === asked) kept = undefined; // the next caller tries again
      throw error;
    }
  }
}

async function callApi(path: string): Promise<Response> {
  const call = async () => {
    const headers = { authorization: `Bearer ${await accessToken()}` };
    return fetch(`${API_URL}${path}`, { headers, signal: AbortSignal.timeout(5_000) });
  };
  const first = await call();
  if (first.status !== 401) return first;
  kept = undefined; // revoked, or signed by a key that is gone: once more with a new one
  return call();
}

const server = createServer(async (_request, response) => {
  response.setHeader('content-type', 'application/json');
  try {
    const answer = await callApi('/report');
    response.writeHead(answer.ok ? 200 : 502).end(await answer.text());
  } catch (error) {
    console.error('reports:', error);
    response.writeHead(502).end(JSON.stringify({ error: 'the API or the provider did not answer' }));
  }
});
server.listen(Number(PORT), 'localhost', () => console.log(`Reports listens on http://localhost:${PORT}`));
