/**
 * Signing in from a browser without a server: code and PKCE, no secret. Tokens live in the memory of the page; a reload
 * asks the provider again, which answers without a page while its own session lasts.
 */
import * as oidc from 'openid-client';

const about = (name) => document.querySelector(`meta[name="${name}"]`).content;
const issuer = about('issuer');
const redirectUri = `${location.origin}/`;
const provider = await oidc.discovery(new URL(issuer), about('client-id'), undefined, oidc.None(), {
  // For trying out on one machine; the library insists on https otherwise, and so should you.
  execute: issuer.startsWith('http://localhost') ? [oidc.allowInsecureRequests] : [],
});

/** @param {'none' | undefined} prompt none: an answer without a page, or an error */
async function signIn(prompt) {
  const begun = {
    verifier: oidc.randomPKCECodeVerifier(),
    state: oidc.randomState(),
    nonce: oidc.randomNonce(),
  };
  sessionStorage.setItem('begun', JSON.stringify({ ...begun, prompt }));
  const url = oidc.buildAuthorizationUrl(provider, {
    redirect_uri: redirectUri,
    scope: 'openid profile email',
    state: begun.state,
    nonce: begun.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(begun.verifier),
    code_challenge_method: 'S256',
    ...(prompt ? { prompt } : {}),
  });
  location.assign(url);
}

/** The answer in this page's address; undefined when there is none or the provider said no. */
async function answer() {
  const begun = JSON.parse(sessionStorage.getItem('begun') ?? 'null');
  const address = new URL(location.href);
  if (!begun || !address.searchParams.has('state')) return undefined;
  sessionStorage.removeItem('begun'); // serves once
  history.replaceState(null, '', '/'); // a reload must not send the code again
  try {
    const tokens = await oidc.authorizationCodeGrant(provider, address, {
      pkceCodeVerifier: begun.verifier,
      expectedState: begun.state,
      expectedNonce: begun.nonce,
      idTokenExpected: true,
    });
    const person = await oidc.fetchUserInfo(provider, tokens.access_token, tokens.claims().sub);
    return { person, idToken: tokens.id_token };
  } catch (error) {
    return { refused: error.error_description ?? error.message, silent: begun.prompt === 'none' };
  }
}

function show(text, verb, act, claims = '') {
  document.querySelector('#status').textContent = text;
  document.querySelector('#claims').textContent = claims && JSON.stringify(claims, null, 2);
  const button = document.querySelector('#act');
  button.textContent = verb;
  button.onclick = act;
}

const found = await answer();
if (found?.person) {
  sessionStorage.setItem('was-here', '1');
  const leave = { id_token_hint: found.idToken, post_logout_redirect_uri: redirectUri };
  const signOut = () => {
    sessionStorage.removeItem('was-here');
    location.assign(oidc.buildEndSessionUrl(provider, leave));
  };
  show(`Hello, ${found.person.name ?? found.person.email}`, 'Sign out', signOut, found.person);
} else if (!found && sessionStorage.getItem('was-here')) {
  await signIn('none'); // a reload
} else {
  sessionStorage.removeItem('was-here');
  const why =
    found?.refused && !found.silent ? `That did not work: ${found.refused}` : 'You are not signed in.';
  show(why, 'Sign in with Cardea', () => signIn());
}
