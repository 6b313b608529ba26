/**
 * Which rule a refusal enforces and what was expected instead. Keyed by the error code on the wire, and finer where the
 * engine's cause tells more. test/protocol/refusal-rules.test.ts holds that every code that can be raised has a rule.
 */
import type { MendName } from './mends.ts';

export interface RefusalRule {
  /** RFC or specification, and section. */
  readonly rule: string;
  /** What would have been accepted, in one sentence. */
  readonly expected: string;
  /** What mends it (mends.ts): a command, a change of the request, or honestly nothing. */
  readonly mend: MendName;
}

/** By the wire's error code. */
export const rulesByCode: Readonly<Record<string, RefusalRule>> = {
  access_denied: r('RFC 6749 section 4.1.2.1', 'the person allows the request', 'person'),
  authorization_pending: r('RFC 8628 section 3.5', 'polling goes on until the person has decided', 'wait'),
  consent_required: r(
    'OpenID Connect Core section 3.1.2.6',
    'a consent that covers the request, or a request without prompt=none',
  ),
  expired_token: r('RFC 8628 section 3.5', 'a device code within its lifetime', 'again'),
  insufficient_scope: r('RFC 6750 section 3.1', 'a token with the scope that this address needs', 'scope'),
  interaction_required: r('OpenID Connect Core section 3.1.2.6', 'a request without prompt=none'),
  invalid_authorization_details: r(
    'RFC 9396 section 5',
    'authorization_details of a type that an API of the request has, to its schema',
  ),
  invalid_client: r(
    'RFC 6749 section 5.2',
    'the credentials of a registered, active client by its registered method',
    'client',
  ),
  invalid_client_metadata: r('RFC 7591 section 3.2.2', 'metadata that this server accepts'),
  invalid_dpop_proof: r('RFC 9449 section 4.3', 'a fresh DPoP proof for this method and address, used once'),
  invalid_grant: r(
    'RFC 6749 section 5.2',
    'a code or refresh token of this client that is alive and unused',
    'again',
  ),
  invalid_redirect_uri: r(
    'RFC 9700 section 2.1',
    'one of the redirect URIs of the client, to the character',
    'redirect-uri',
  ),
  invalid_request: r('RFC 6749 section 4.1.2.1', 'a well-formed request with every required parameter once'),
  invalid_request_object: r('RFC 9101 section 6.3', 'a request object signed by the client', 'keys'),
  invalid_request_uri: r('RFC 9126 section 4', 'a request_uri of this client that was not used before'),
  invalid_scope: r(
    'RFC 6749 section 3.3',
    'scopes of OpenID Connect or of an API that this client may use',
    'scope',
  ),
  invalid_target: r(
    'RFC 8707 section 2',
    'the audience of one registered API that this client may use',
    'resource',
  ),
  invalid_token: r(
    'RFC 6750 section 3.1',
    'an access token that is alive and meant for this address',
    'again',
  ),
  login_required: r(
    'OpenID Connect Core section 3.1.2.6',
    'a signed-in browser, or a request without prompt=none',
  ),
  registration_not_supported: r('OpenID Connect Core section 7.2.1', 'a registered client', 'client'),
  request_not_supported: r('OpenID Connect Core section 6.1', 'plain parameters instead of a request object'),
  request_uri_not_supported: r(
    'RFC 9126 section 4',
    'plain parameters, or a request_uri that the PAR endpoint gave to this client',
  ),
  server_error: r('RFC 6749 section 4.1.2.1', 'nothing: the fault is ours', 'ours'),
  slow_down: r('RFC 8628 section 3.5', 'a longer pause between polls', 'wait'),
  temporarily_unavailable: r(
    'RFC 6749 section 4.1.2.1',
    'the same request after the time in Retry-After',
    'wait',
  ),
  unauthorized_client: r(
    'RFC 6749 section 5.2',
    'a grant type that is registered for this client',
    'grant-type',
  ),
  unmet_authentication_requirements: r(
    'OpenID Connect Unmet Authentication Requirements section 2',
    'a sign-in that reaches what was asked',
  ),
  unsupported_grant_type: r(
    'RFC 6749 section 5.2',
    'one of the grant_types_supported of the discovery document',
  ),
  unsupported_response_mode: r(
    'OAuth 2.0 Multiple Response Types section 2.1',
    'query, fragment or form_post, or one of them with .jwt',
  ),
  unsupported_response_type: r('RFC 6749 section 4.1.2.1', 'response_type=code'),
  unsupported_token_type: r('RFC 7009 section 2.2.1', 'a token of this server'),
  use_dpop_nonce: r('RFC 9449 section 8', 'the nonce of the DPoP-Nonce header in the next proof'),
};

/** Finer rules by the engine's description or cause. The first that matches counts. */
const rulesByCause: readonly (readonly [RegExp, RefusalRule])[] = [
  [
    /is too large; its largest claim is/,
    r('RFC 9110 section 5.4', 'a token that fits into a header: below 8 KB', 'token-size'),
  ],
  [
    /iat is too far in the future for the profile/,
    r('FAPI 2.0 Security Profile section 5.3.2.1', 'a time that is at most 60 seconds ahead', 'profile'),
  ],
  [
    /in the profile fapi2|the profile fapi2 does not accept|of this profile/,
    r('FAPI 2.0 Security Profile section 5.4.1', 'signatures with ES256, PS256 or EdDSA', 'profile'),
  ],
  [
    /^client (?:not found|is invalid)/m,
    r('RFC 6749 section 5.2', 'the client_id of a registered, active client', 'client'),
  ],
  [/invalid secret provided/, r('RFC 6749 section 5.2', 'a secret of this client that is alive', 'secret')],
  [
    /client_assertion|client assertion|failed to validate assertion/i,
    r('RFC 7523 section 3', 'a fresh assertion signed by a registered key of the client', 'keys'),
  ],
  [
    /Pushed Authorization Request must be used/,
    r('RFC 9126 section 6', 'an authorization request that was pushed to the PAR endpoint', 'unpushed'),
  ],
  [
    /request_uri (is invalid|has expired)/,
    r('RFC 9126 section 4', 'a request_uri within its lifetime that has not led to an authorization yet'),
  ],
  [
    /Request Object must be used/,
    r('RFC 9101 section 10.5', 'the parameters in a request object that the client has signed'),
  ],
  [/Request Object was used before/, r('RFC 9101 section 10.3', 'a request object with an id of its own')],
  [
    /Request Object|signed request alg|request (client_id|response_type)/i,
    r(
      'RFC 9101 section 6.3',
      'a request object that this client signed for this server, within its lifetime',
      'keys',
    ),
  ],
  [
    /DPoP proof JWT not provided/,
    r('RFC 9449 section 5.2', 'a DPoP proof: the tokens of this client are bound to a key', 'unproved'),
  ],
  [
    /subject_token|actor_token|may_act|chain of actors|requested_token_type/,
    r(
      'RFC 8693 section 2.2.2',
      'a live access token of a person that this client may present, and an actor that it is',
    ),
  ],
  [
    /the assertion (?:is|was|does|must|has|speaks|comes|cannot)\b/,
    r(
      'RFC 7523 section 3',
      'an assertion of a trusted issuer for this server, about an active account, used once',
    ),
  ],
  [
    /exchange tokens for this resource/,
    r('RFC 8693 section 2.2.2', 'an API of the client’s exchange policy'),
  ],
  [
    /too many codes/,
    r('RFC 8628 section 5.1', 'fewer wrong codes from one network and browser; wait for Retry-After'),
  ],
  [/device code was used already/, r('RFC 8628 section 3.3', 'a code that nobody has decided about yet')],
  [/requires PKCE/, r('RFC 9700 section 2.1.1', 'code_challenge with code_challenge_method=S256', 'pkce')],
  [/code_challenge_method/, r('RFC 7636 section 4.3', 'code_challenge_method=S256', 'pkce')],
  [
    /PKCE verification|code_verifier/,
    r('RFC 7636 section 4.6', 'the code_verifier whose S256 digest is the challenge', 'again'),
  ],
  [/redirect_uri mismatch/, r('RFC 6749 section 4.1.3', 'the redirect_uri of the authorization request')],
  [
    /post_logout_redirect_uri/,
    r(
      'OpenID Connect RP-Initiated Logout section 3',
      'a registered post_logout_redirect_uri',
      'post-logout-redirect-uri',
    ),
  ],
  [
    /id_token_hint/,
    r('OpenID Connect Core section 3.1.2.1', 'an ID token that this server issued to this client'),
  ],
  [
    /origin .* not allowed/,
    r('Fetch Standard section 3.2', 'an origin that is registered for the client', 'origin'),
  ],
  [
    /replayed|already (used|consumed)/,
    r('RFC 9700 section 4.14.2', 'the newest refresh token, or a code used once', 'again'),
  ],
  [
    /client assertion: aud|audience \(aud\)/,
    r('FAPI 2.0 Security Profile section 5.3.2.1', 'an assertion whose aud is the issuer, as one string'),
  ],
  [
    /client assertion|client_assertion/,
    r('RFC 7523 section 3', 'an assertion of this client for this server: fresh, with a jti, used once'),
  ],
  [
    /client certificate|certificate subject|mutual TLS/,
    r(
      'RFC 8705 section 2',
      'a connection with the registered certificate, at an address of mutual TLS',
      'keys',
    ),
  ],
  [
    /federated token/,
    r('RFC 7523 section 3', 'a fresh token of the issuer and subject that the client is bound to', 'keys'),
  ],
  [
    /jwks_uri of the client/,
    r('RFC 7591 section 2', 'a jwks_uri that answers with the client’s keys', 'keys'),
  ],
  [
    /client mismatch|issued to another client/,
    r('RFC 6749 section 5.2', 'a code or token that was issued to this client', 'again'),
  ],
  [/expired/, r('RFC 6749 section 5.2', 'a code or token within its lifetime', 'again')],
  [
    /grant type is not allowed/,
    r('RFC 6749 section 5.2', 'a grant type that is registered for this client', 'grant-type'),
  ],
  [
    /authentication mechanism does not match/,
    r('RFC 7591 section 2', 'the registered token_endpoint_auth_method', 'auth-method'),
  ],
  [/must not be provided twice|is present more than once/, r('RFC 6749 section 3.1', 'each parameter once')],
  [
    /session not found|cookie|has expired/,
    r('RFC 9700 section 4.7', 'the browser that began this sign-in, in time', 'again'),
  ],
];

/** Every rule there is, for whoever must have a word on each. */
export const allRules: readonly RefusalRule[] = [
  ...Object.values(rulesByCode),
  ...rulesByCause.map(([, rule]) => rule),
];

/** The rule of a refusal; the code's own when the cause tells nothing finer. */
export function ruleOf(code: string, description = '', cause = ''): RefusalRule {
  const said = `${description}\n${cause}`;
  const finer = rulesByCause.find(([pattern]) => pattern.test(said))?.[1];
  return finer ?? rulesByCode[code] ?? r('RFC 6749 section 5.2', 'a request that this server supports');
}

/** The code that the RFC names, where the engine says another. */
export function wireCodeOf(code: string, description = '', cause = ''): string {
  // RFC 6749 section 5.2: a client that may not use the grant type is unauthorized_client.
  if (
    code === 'invalid_request' &&
    /(?:grant type|device_code) is not allowed for this client$/.test(description)
  )
    return 'unauthorized_client';
  // RFC 9449 section 5.
  const aboutProof = /^DPoP proof JWT (Replay detected|not provided)$/;
  if (code === 'invalid_grant' && aboutProof.test(cause)) return 'invalid_dpop_proof';
  if (code === 'invalid_request' && aboutProof.test(description)) return 'invalid_dpop_proof';
  return code;
}

/** @param mend by default the app must send what is expected, and nothing changes here */
function r(rule: string, expected: string, mend: MendName = 'request'): RefusalRule {
  return { rule, expected, mend };
}
