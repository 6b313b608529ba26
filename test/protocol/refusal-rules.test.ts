/** Every error that can be raised has a rule: what the engine exports, less what belongs to features that are off. */
import { errors } from 'oidc-provider';
import { describe, expect, test } from 'vitest';
import { ruleOf, rulesByCode, wireCodeOf } from '../../src/protocol/refusal-rules.ts';

/** Codes of features that are not there. */
const offFeatures: Readonly<Record<string, string>> = {
  expired_login_hint_token: 'CIBA',
  invalid_binding_message: 'CIBA',
  invalid_user_code: 'CIBA',
  missing_user_code: 'CIBA',
  transaction_failed: 'CIBA',
  unknown_user_id: 'CIBA',
  invalid_credential_request: 'credential issuance',
  credential_request_denied: 'credential issuance',
  invalid_nonce: 'credential issuance',
  invalid_proof: 'credential issuance',
  unknown_credential_configuration: 'credential issuance',
  unknown_credential_identifier: 'credential issuance',
  invalid_software_statement: 'dynamic registration',
  unapproved_software_statement: 'dynamic registration',
  use_attestation_challenge: 'client attestation',
  use_fresh_attestation: 'client attestation',
  invalid_client_attestation: 'client attestation',
};

const exported = Object.entries(
  errors as unknown as Record<string, new (...args: string[]) => { error?: string }>,
)
  .filter(([name]) => !['OIDCProviderError', 'CustomOIDCProviderError'].includes(name))
  .map(([name, Kind]): [string, string] => [name, String(new Kind('said').error)]);

describe('rules', () => {
  test.each(exported)('%s (%s)', (_name, code) => {
    expect(code).toMatch(/^[a-z_]+$/);
    if (code in offFeatures) expect(rulesByCode).not.toHaveProperty(code);
    else expect(rulesByCode).toHaveProperty(code);
  });

  test('the engine exports what we expect it to: a new error needs a decision', () => {
    expect(exported.length).toBeGreaterThan(40);
    const known = new Set([...Object.keys(rulesByCode), ...Object.keys(offFeatures)]);
    expect(exported.map(([, code]) => code).filter((code) => !known.has(code))).toEqual([]);
  });

  test.each(Object.entries(rulesByCode))(
    '%s names its source with a section, and what would do',
    (_code, rule) => {
      expect(rule.rule).toMatch(/ section \d/);
      expect(rule.expected.length).toBeGreaterThan(10);
    },
  );

  test('an unknown code still gets a rule', () => {
    expect(ruleOf('never_heard_of').rule).toMatch(/^RFC 6749/);
  });
});

test.each([
  ['invalid_grant', '', 'PKCE verification failed', 'RFC 7636 section 4.6'],
  ['invalid_grant', '', 'authorization code redirect_uri mismatch', 'RFC 6749 section 4.1.3'],
  ['invalid_grant', '', 'refresh token already used', 'RFC 9700 section 4.14.2'],
  ['invalid_grant', '', 'client mismatch', 'RFC 6749 section 5.2'],
  [
    'invalid_request',
    'Authorization Server policy requires PKCE to be used for this request',
    '',
    'RFC 9700 section 2.1.1',
  ],
  ['invalid_request', 'not supported value of code_challenge_method', '', 'RFC 7636 section 4.3'],
  ['invalid_request_uri', 'request_uri is invalid, expired, or was already used', '', 'RFC 9126 section 4'],
  ['invalid_request', 'Pushed Authorization Request must be used', '', 'RFC 9126 section 6'],
  [
    'invalid_client',
    '',
    'client assertion: alg is not accepted in the profile fapi2',
    'FAPI 2.0 Security Profile section 5.4.1',
  ],
  [
    'invalid_dpop_proof',
    'DPoP proof iat is too far in the future for the profile fapi2',
    '',
    'FAPI 2.0 Security Profile section 5.3.2.1',
  ],
  ['invalid_request_object', 'Request Object was used before', '', 'RFC 9101 section 10.3'],
  ['invalid_request_object', 'Request Object claims are invalid', 'jwt expired', 'RFC 9101 section 6.3'],
  ['invalid_grant', '', 'DPoP proof JWT not provided', 'RFC 9449 section 5.2'],
  ['invalid_request', "'state' parameter must not be provided twice", '', 'RFC 6749 section 3.1'],
])('%s, because %s%s: %s', (code, description, cause, rule) => {
  expect(ruleOf(code, description, cause).rule).toBe(rule);
});

test('the wire has the codes that the RFCs name', () => {
  const barred = 'requested grant type is not allowed for this client';
  expect(wireCodeOf('invalid_request', barred)).toBe('unauthorized_client');
  expect(wireCodeOf('invalid_grant', '', 'DPoP proof JWT Replay detected')).toBe('invalid_dpop_proof');
  expect(wireCodeOf('invalid_request', 'DPoP proof JWT Replay detected')).toBe('invalid_dpop_proof');
  expect(wireCodeOf('invalid_grant', 'grant request is invalid', 'expired')).toBe('invalid_grant');
});
