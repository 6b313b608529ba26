/** RFC 8705 section 2.1.2: which certificate is whose. */
import { expect, test } from 'vitest';
import { readDistinguishedName, subjectMatches } from '../../src/clients/certificate-subject.ts';
import { type CertificateOptions, makeCertificate } from '../harness/certificates.ts';

const dn = 'tls_client_auth_subject_dn';
const of = (subject: CertificateOptions['subject'], names: string[] = []) =>
  makeCertificate({ subject, names }).x509;

test('a distinguished name, most special part first', () => {
  const x509 = of([
    ['C', 'DE'],
    ['O', 'Example, Inc.'],
    ['CN', 'app'],
  ]);
  expect(subjectMatches(x509, dn, 'CN=app,O=Example\\, Inc.,C=DE')).toBe(true);
  expect(subjectMatches(x509, dn, 'cn=app,o=Example\\2C Inc.,c=DE')).toBe(true);
  for (const other of [
    'C=DE,O=Example\\, Inc.,CN=app',
    'CN=App,O=Example\\, Inc.,C=DE',
    'CN=app,O=Example,C=DE',
    'CN=app',
    'CN=app,O=Example, Inc.,C=DE',
    'CN=app,O=Example\\, Inc.,C=DE,',
    '',
  ]) {
    expect(subjectMatches(x509, dn, other), other).toBe(false);
  }
});

test.each([
  ['a new line and what looks like a part', 'x\nO=Example'],
  ['a comma', 'x,O=Example'],
  ['a plus', 'x + O=Example'],
  ['a plus without spaces', 'x+O=Example'],
  ['an equals sign', 'x=O=Example'],
  ['a backslash', 'x\\,O=Example'],
  ['a quote', '"x",O=Example'],
  ['spaces around it', ' x '],
  ['letters of elsewhere', 'Zoë ☃'],
  ['a number sign', '#0C0161'],
])('a common name with %s is one value and no other part', (_what, name) => {
  const x509 = of([['CN', name]]);
  expect(subjectMatches(x509, dn, 'O=Example,CN=x')).toBe(false);
  expect(subjectMatches(x509, dn, 'CN=x')).toBe(false);
  const escaped = name.replace(/[,+"\\<>;=#]|^ | $/g, '\\$&');
  expect(subjectMatches(x509, dn, `CN=${escaped}`)).toBe(!/\n/.test(name));
});

test('an empty subject matches nothing', () => {
  for (const other of ['', 'CN=', 'CN=app']) expect(subjectMatches(of([]), dn, other)).toBe(false);
});

test('alternative names', () => {
  const x509 = of(
    [['CN', 'app']],
    ['DNS:App.Example', 'IP:10.0.0.1', 'IP:::1', 'URI:spiffe://example/ns/app,x', 'email:app@example.com'],
  );
  const matches: [string, string, boolean][] = [
    ['tls_client_auth_san_dns', 'app.example', true],
    ['tls_client_auth_san_dns', 'other.example', false],
    ['tls_client_auth_san_ip', '10.0.0.1', true],
    ['tls_client_auth_san_ip', '0:0:0:0:0:0:0:1', true],
    ['tls_client_auth_san_ip', '10.0.0.2', false],
    ['tls_client_auth_san_ip', 'app.example', false],
    ['tls_client_auth_san_uri', 'spiffe://example/ns/app,x', true],
    ['tls_client_auth_san_uri', 'spiffe://example/ns/app', false],
    ['tls_client_auth_san_email', 'app@example.com', true],
    ['tls_client_auth_san_email', 'App@example.com', false],
    ['tls_client_auth_san_other', 'app@example.com', false],
  ];
  for (const [member, value, expected] of matches) {
    expect(subjectMatches(x509, member, value), `${member} ${value}`).toBe(expected);
  }
});

test('CVE-2021-44532 a URI that looks like a second name is one name', () => {
  const x509 = of([['CN', 'app']], ['URI:https://a.example/, DNS:victim.example']);
  expect(subjectMatches(x509, 'tls_client_auth_san_dns', 'victim.example')).toBe(false);
  expect(subjectMatches(of([['CN', 'a']]), 'tls_client_auth_san_dns', '')).toBe(false);
});

test('what is no distinguished name cannot be registered', () => {
  for (const text of [
    '',
    'app',
    'CN',
    'CN=',
    '=app',
    'CN=app\\',
    'CN= app',
    'CN=#0C01',
    '2.5.4.3=app',
    'CN="a"',
  ]) {
    expect(readDistinguishedName(text), text).toBeUndefined();
  }
});
