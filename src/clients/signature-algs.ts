/**
 * By what others may sign what they send us: assertions of clients, of issuers and of workloads (RFC 7518 section 3.1,
 * RFC 8037, RFC 9864). Never HS*: a shared secret is not a public key, and its digest is all that is kept of one.
 */
export const signatureAlgs = [
  ...['RS256', 'RS384', 'RS512'],
  ...['PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512'],
  ...['EdDSA', 'Ed25519'],
];
