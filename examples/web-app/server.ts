/**
 * "Orders", a web application with "Sign in with Cardea": authorization code with PKCE, state and nonce, userinfo,
 * refresh, a call to an API, and sign-out at the provider. Tokens stay on this server; the browser holds one cookie.
 *
 * ISSUER, CLIENT_ID, CLIENT_SECRET, API_AUDIENCE are required. PORT (4000), BASE_URL (http://localhost:$PORT) and
 * API_URL (the audience) may be set. Register it with
 *
 *     npx cardea client create --id orders-web --name Orders --type web \
 *       --redirect-uri http://localhost:4000/callback --post-logout-redirect-uri http://localhost:4000/ \
 *       --resource http://localhost:5000
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import * as oidc from 'openid-client';
import { createAnswers } from './answers.ts';
import { faultPage, signedInPage, startPage, style } from './pages.ts';
import { createSessions, type Session } from './sessions.ts';

const {
  PORT = '4000',
  BASE_URL = `http://localhost:${PORT}`,
  ISSUER,
  CLIENT_ID,
  CLIENT_SECRET,
  API_AUDIENCE,
  API_URL,
} = process.env;
if (!ISSUER || !CLIENT_ID || !CLIENT_SECRET || !API_AUDIENCE) {
  throw new Error('ISSUER, CLIENT_ID, CLIENT_SECRET and API_AUDIENCE must be set');
}
const redirectUri = `${BASE_URL}/callback`;
const aboutThePerson = 'openid profile email roles';
const scope = `${aboutThePerson} offline_access orders:read`;

const provider = await oidc.discovery(new URL(ISSUER), CLIENT_ID, {}, oidc.ClientSecretBasic(CLIENT_SECRET), {
  // For trying out on one machine; the library insists on https otherwise, and so should you.
  execute: ISSUER.startsWith('http://localhost') ? [oidc.allowInsecureRequests] : [],
});
const { redirect, send } = createAnswers({ issuer: ISSUER });
const sessions = createSessions({ secure: BASE_URL.startsWith('https:') });

async function signIn(response: ServerResponse): Promise<void> {
  const verifier = oidc.randomPKCECodeVerifier();
  const pending = { verifier, state: oidc.randomState(), nonce: oidc.randomNonce() };
  sessions.start(response, { pending });
  const url = oidc.buildAuthorizationUrl(provider, {
    redirect_uri: redirectUri,
    scope,
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  redirect(response, url.href);
}

async function callback(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const pending = sessions.find(request)?.pending;
  sessions.end(request, response); // what was begun serves once
  if (!pending) return redirect(response, '/');
  const tokens = await oidc.authorizationCodeGrant(provider, new URL(request.url ?? '', BASE_URL), {
    pkceCodeVerifier: pending.verifier,
    expectedState: pending.state,
    expectedNonce: pending.nonce,
    idTokenExpected: true,
  });
  const session: Session = { claims: tokens.claims() ?? {}, idToken: tokens.id_token ?? '', refreshes: 0 };
  keep(session, tokens);
  await readPerson(session);
  sessions.start(response, session); // a new id for a new standing
  redirect(response, '/');
}

/**
 * A token is for one audience, and this one is for the API. A refresh that asks for OpenID Connect's scopes alone gives
 * one for userinfo, which says who the person is.
 */
async function readPerson(session: Session): Promise<void> {
  const tokens = await oidc.refreshTokenGrant(provider, session.refreshToken ?? '', {
    scope: aboutThePerson,
  });
  session.refreshToken = tokens.refresh_token ?? session.refreshToken;
  session.person = await oidc.fetchUserInfo(provider, tokens.access_token, String(session.claims?.sub));
}

/** The scopes of the API alone: the refresh token that comes along is a new one each time. */
async function refresh(session: Session): Promise<void> {
  keep(session, await oidc.refreshTokenGrant(provider, session.refreshToken ?? '', { scope }));
  await readPerson(session);
  session.refreshes = (session.refreshes ?? 0) + 1;
}

function keep(
  session: Session,
  tokens: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers,
): void {
  session.accessToken = tokens.access_token;
  session.refreshToken = tokens.refresh_token ?? session.refreshToken;
  session.scope = tokens.scope;
  session.expiresAt = Date.now() + (tokens.expiresIn() ?? 0) * 1000;
}

async function showOrders(session: Session, response: ServerResponse): Promise<void> {
  if ((session.expiresAt ?? 0) < Date.now() + 10_000) await refresh(session);
  const answer = await fetch(`${API_URL ?? API_AUDIENCE}/orders`, {
    headers: { authorization: `Bearer ${session.accessToken}` },
  });
  send(
    response,
    200,
    signedInPage(session, answer.ok ? await answer.json() : `The API answered ${answer.status}.`),
  );
}

function signOut(request: IncomingMessage, response: ServerResponse): void {
  const idToken = sessions.find(request)?.idToken;
  sessions.end(request, response);
  const back = { post_logout_redirect_uri: `${BASE_URL}/`, ...(idToken ? { id_token_hint: idToken } : {}) };
  redirect(response, oidc.buildEndSessionUrl(provider, back).href);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', BASE_URL);
  const session = sessions.find(request);
  // Browsers send Origin with every POST: forms of other sites end here.
  if (request.method === 'POST' && request.headers.origin !== new URL(BASE_URL).origin) {
    return send(response, 403, faultPage('That did not come from this app.'));
  }
  switch (`${request.method} ${pathname}`) {
    case 'GET /':
      return session?.accessToken ? await showOrders(session, response) : send(response, 200, startPage());
    case 'GET /sign-in':
      return await signIn(response);
    case 'GET /callback':
      return await callback(request, response);
    case 'POST /refresh':
      if (session?.refreshToken) await refresh(session);
      return redirect(response, '/');
    case 'POST /sign-out':
      return signOut(request, response);
    case 'GET /style.css':
      return send(response, 200, style, 'text/css; charset=utf-8');
    default:
      return send(response, 404, faultPage('There is nothing here.'));
  }
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    // Cancelled, expired, signed out elsewhere: the provider says which. A new sign-in is the way on.
    const { error: code, error_description: text } = error as { error?: string; error_description?: string };
    console.error('orders:', code ?? error, text ?? '');
    if (code === 'invalid_grant') sessions.end(request, response);
    send(response, code ? 400 : 502, faultPage(text ?? 'Something did not answer. Please try again.', code));
  });
});
server.listen(Number(PORT), 'localhost', () => console.log(`Orders listens on ${BASE_URL}`));
