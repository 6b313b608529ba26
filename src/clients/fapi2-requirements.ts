/**
 * Each requirement of the FAPI 2.0 Security Profile (Final) for authorization servers, how it is met, and the tests that
 * hold it. docs/profiles.md is made from this; test/clients/fapi2-requirements.test.ts holds that every test named here
 * is there.
 */

export interface FapiRequirement {
  /** Section and, where there is one, item. */
  readonly item: string;
  /** What it asks, in short. */
  readonly asks: string;
  readonly how: string;
  /** `departs`: not met to the letter, and `how` says why. `operator`: what a reverse proxy or a file must give. */
  readonly state: 'held' | 'departs' | 'operator';
  /** File below test/, and the beginning of the test's name. */
  readonly tests: readonly (readonly [file: string, name: string])[];
}

const profiles = 'flows/profiles.test.ts';
const rules = 'clients/profile-rules.test.ts';
const requests = 'flows/authorization-requests.test.ts';

function held(
  item: string,
  asks: string,
  how: string,
  ...tests: readonly (readonly [string, string])[]
): FapiRequirement {
  return { item, asks, how, state: 'held', tests };
}

export const fapiRequirements: readonly FapiRequirement[] = [
  {
    item: '5.2.1',
    asks: 'TLS 1.2 or newer with the recommended ciphers',
    how: 'Node’s own defaults, or the reverse proxy’s; an issuer without https is refused except on loopback',
    state: 'operator',
    tests: [['config/settings.test.ts', 'an issuer']],
  },
  {
    item: '5.2.3 item 1',
    asks: 'no downgrade to plain http',
    how: 'HSTS for two years on every answer; adding the domain to a preload list is the operator’s',
    state: 'operator',
    tests: [['web/headers-and-cookies.test.ts', 'HSTS is for https only']],
  },
  held('5.2.3 item 3', 'no CORS at the authorization endpoint', 'no header of CORS there, for any origin', [
    profiles,
    '5.2.3-3 ',
  ]),
  held('5.3.2.1 item 1', 'metadata by discovery', 'both well-known documents', [
    'flows/discovery.test.ts',
    'says what there is, and only that',
  ]),
  held('5.3.2.1 item 2', 'no password grant', 'there is none', [requests, 'R12 grant_type=%s: unsupported']),
  held(
    '5.3.2.1 item 3',
    'confidential clients only',
    'a public client cannot be registered with the profile',
    [rules, '%s with %o'],
    [profiles, '5.3.2.1-3 '],
  ),
  held(
    '5.3.2.1 items 4 and 5',
    'sender-constrained tokens only, by mutual TLS or DPoP',
    'a token request without proof gets nothing',
    [rules, '%s with %o'],
    ['flows/mutual-tls.test.ts', '5.3.2.1-5 '],
    [profiles, '5.3.2.1-4 '],
  ),
  held(
    '5.3.2.1 item 6',
    'clients authenticate by mutual TLS or private_key_jwt',
    'any other method cannot be registered, and is refused',
    [rules, '%s with %o'],
    [profiles, '5.3.2.1-3 '],
  ),
  held(
    '5.3.2.1 item 7',
    'no open redirector',
    'redirects go to registered URIs only, compared as exact strings',
    [
      'flows/redirect-uris.test.ts',
      'the registered URI itself is accepted: everything below differs from it alone',
    ],
    ['flows/redirect-uris.test.ts', 'R5, R9 neither wildcards nor scripts can be registered'],
  ),
  held(
    '5.3.2.1 item 8',
    'the audience of a client assertion is the issuer, as one string',
    'for every client',
    [profiles, '5.3.2.1-8 '],
    ['flows/client-assertions.test.ts', 'T12 aud is the issuer as one string'],
  ),
  {
    item: '5.3.2.1 item 9',
    asks: 'refresh tokens are not rotated, except in extraordinary circumstances and with a way to retry',
    how: 'they are rotated for every client. The reason for the rule, a client that loses the answer and is signed out, does not arise: the same token again gets the same answer, byte for byte, for 30 seconds and until its successor is used (decision 3)',
    state: 'departs',
    tests: [[profiles, '5.3.2.1-9 ']],
  },
  held(
    '5.3.2.1 item 10',
    'nonces of the server for DPoP (may)',
    'required in the profiles high and fapi2',
    [profiles, 'T20 missing or made up: use_dpop_nonce with the one to use'],
    [profiles, 'T20 an old nonce: a new one is asked for'],
  ),
  held('5.3.2.1 item 11', 'codes live 60 seconds at most', 'whatever is set', [profiles, '5.3.2.1-11 ']),
  held('5.3.2.1 item 12', 'codes can be bound to a DPoP key', 'by dpop_jkt, or a proof at PAR', [
    profiles,
    '5.3.2.1-12 ',
  ]),
  held(
    '5.3.2.1 item 13',
    'times up to 10 seconds ahead are accepted, more than 60 are not',
    'in assertions, request objects and proofs (at userinfo a proof without a nonce may be 5 minutes ahead)',
    [profiles, '5.3.2.1-13 '],
  ),
  held(
    '5.3.2.1 item 14',
    'least privilege (should)',
    'one audience a token, scopes no wider than client, consent and API allow',
    ['flows/consent.test.ts', 'S5 what the form adds is not granted'],
    ['flows/token-confusion.test.ts', 'T17 tokens say what they are: typ at+jwt, one audience each'],
  ),
  held(
    '5.3.2.2 item 1',
    'the response type is code',
    'no other can be registered or asked',
    [rules, '%s with %o'],
    [profiles, '5.3.2.2-1 '],
  ),
  held('5.3.2.2 item 2', 'authenticated PAR', '/oauth2/par', [profiles, '5.3.2.2-2 ']),
  held('5.3.2.2 item 3', 'requests without PAR are refused', 'at the authorization endpoint', [
    profiles,
    '5.3.2.2-1 ',
  ]),
  held('5.3.2.2 item 4', 'PAR without authentication is refused', 'invalid_client', [profiles, '5.3.2.2-2 ']),
  held('5.3.2.2 item 5', 'PKCE with S256', 'required; plain is refused', [profiles, '5.3.2.2-5 ']),
  held('5.3.2.2 item 6', 'redirect_uri in PAR', 'required', [profiles, '5.3.2.2-6 ']),
  held('5.3.2.2 item 7', 'iss in the response', 'in every response', [profiles, '5.3.2.2-7 ']),
  held('5.3.2.2 item 8', 'no http redirect URIs', 'cannot be registered with the profile', [
    rules,
    '%s with %o',
  ]),
  held(
    '5.3.2.2 item 9',
    'a used code is refused',
    'and what came of it is ended',
    [profiles, '5.3.2.2-9 '],
    [
      'flows/authorization-codes.test.ts',
      'T1 a code again: refused, and what the first redemption gave is dead',
    ],
  ),
  held('5.3.2.2 item 10', 'no redirect with 307', 'credentials are answered by 303', [
    profiles,
    '5.3.2.2-10 ',
  ]),
  held('5.3.2.2 item 11', 'redirects with 303 (should)', 'everywhere', [profiles, '5.3.2.2-7 ']),
  held('5.3.2.2 item 12', 'request_uri lives less than 600 seconds', 'one minute; the setting ends at 599', [
    profiles,
    '5.3.2.2-12 ',
  ]),
  held('5.3.2.2 item 13', 'people see who asks for what (should)', 'the consent page', [
    'flows/consent.test.ts',
    'asked once, then silent, in another browser too; the page names what is asked',
  ]),
  held('5.3.2.2 item 14', 'nonces of 64 characters', 'come back as they were', [profiles, '5.3.2.2-14 ']),
  held(
    '5.3.4 items 1 to 5',
    'resource servers (here: userinfo) take tokens in the header only, check them whole, and the sender’s key',
    'introspection and the API examples give other APIs the same',
    ['flows/token-confusion.test.ts', 'T19 a token in the query is not looked at'],
    ['flows/token-confusion.test.ts', 'T17 only an access token for userinfo opens userinfo'],
    [profiles, 'T20 at userinfo: wrong ath, another key, or the token as Bearer: refused'],
  ),
  held(
    '5.4.1 item 1',
    'JWTs with PS256, ES256 or EdDSA, never none',
    'what signs otherwise is refused, what we sign is judged at registration',
    [profiles, '5.4.1-1 RS256'],
    [profiles, '5.4.1-1 alg none'],
    ['flows/request-objects.test.ts', 'R17 refused at the authorization endpoint and at PAR'],
  ),
  held('5.4.1 items 2 and 3', 'RSA keys of 2048 bits, curves of 224', 'judged where keys are registered', [
    'clients/client-rules.test.ts',
    'refuses private, weak and broken keys',
  ]),
  held('5.4.1 item 4', 'secrets of 128 bits at least', 'codes and tokens have 186 random bits', [
    'storage/ids.test.ts',
    'an id says its kind and its family, and nothing else in it repeats',
  ]),
];
