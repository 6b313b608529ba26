import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { originFaults, uriFaults } from '../../src/clients/uri-rules.ts';

const web = { loopbackHttp: true, customScheme: false, carriesResponse: true };
const native = { loopbackHttp: true, customScheme: true, carriesResponse: true };
const page = { loopbackHttp: false, customScheme: false, carriesResponse: false };

describe('redirect URIs that are registered (RFC 9700 section 2.1, RFC 6749 section 3.1.2)', () => {
  it.each([
    'https://rp.example.com/cb',
    'https://rp.example.com',
    'https://rp.example.com/',
    'https://rp.example.com:8443/cb?tenant=a&next=%2Fhome',
    'https://xn--rp-example-7fd.com/cb',
    'http://localhost/cb',
    'http://localhost:8080/cb',
    'http://127.0.0.1:51234/cb',
    'http://[::1]:3000/cb',
  ])('accepts %s', (uri) => {
    expect(uriFaults(uri, web)).toEqual([]);
  });

  it.each([
    ['R1 dot segment', 'https://rp.example.com/cb/../evil', /canonical/],
    ['R1 encoded dot segment', 'https://rp.example.com/cb/%2e%2e/evil', /canonical/],
    ['R1 encoded slash', 'https://rp.example.com/cb%2f..%2fevil', /encoded slash/],
    ['R1 double-encoded dots', 'https://rp.example.com/%252e%252e/evil', /encoded slash/],
    ['R2 fragment', 'https://rp.example.com/cb#x', /fragment/],
    ['R2 empty fragment', 'https://rp.example.com/cb#', /fragment/],
    ['R3 userinfo', 'https://rp.example.com@evil.com/cb', /user name/],
    ['R3 userinfo with a port', 'https://rp.example.com:80@evil.com/cb', /user name/],
    ['R3 empty userinfo', 'https://@evil.com/cb', /canonical|user name/],
    ['R3 backslash', 'https://rp.example.com\\@evil.com/cb', /backslash/],
    ['R4 upper-case host', 'https://RP.example.com/cb', /canonical/],
    ['R4 upper-case scheme', 'HTTPS://rp.example.com/cb', /canonical/],
    ['R4 default port', 'https://rp.example.com:443/cb', /canonical/],
    ['R4 http', 'http://rp.example.com/cb', /must use https/],
    ['R4 trailing dot', 'https://rp.example.com./cb', /ends in a dot/],
    ['R4 look-alike host', 'https://rp.ex\u0430mple.com/cb', /non-ASCII/],
    ['R4 encoded NUL', 'https://rp.example.com/%00', /encoded control/],
    ['R4 encoded line end', 'https://rp.example.com/cb%0d%0aX:1', /encoded control/],
    ['R4 line end', 'https://rp.example.com/cb\r\nX:1', /control character/],
    ['R4 tab', 'https://rp.example.com/\tcb', /control character/],
    ['R4 leading space', ' https://rp.example.com/cb', /whitespace/],
    ['R4 no host', 'https:///cb', /canonical/],
    ['R5 javascript', 'javascript:alert(1)', /never accepted/],
    ['R5 data', 'data:text/html,x', /never accepted/],
    ['R5 vbscript', 'vbscript:x', /never accepted/],
    ['R5 file', 'file:///etc/passwd', /never accepted/],
    ['R5 blob', 'blob:https://rp.example.com/x', /never accepted/],
    ['R5 about', 'about:blank', /never accepted/],
    ['R5 custom scheme of a web app', 'com.example.app:/cb', /only https/],
    ['R6 shorthand loopback', 'http://127.1/cb', /canonical/],
    ['R6 numeric loopback', 'http://2130706433/cb', /canonical/],
    ['R6 another loopback address', 'http://127.0.0.2/cb', /must use https/],
    ['R6 localhost as a label', 'http://localhost.evil.com/cb', /must use https/],
    ['R9 wildcard host', 'https://*.example.com/cb', /wildcard/],
    ['R9 wildcard path', 'https://rp.example.com/*', /wildcard/],
    ['D3 http for a host that is not this machine', 'http://a.example/cb', /must use https/],
    ['relative', '/cb', /absolute/],
    ['empty', '', /empty/],
    ['too long', `https://rp.example.com/${'a'.repeat(2_000)}`, /longer/],
  ])('%s is refused', (_row, uri, fault) => {
    expect(uriFaults(uri, web).join('; ')).toMatch(fault);
  });

  it.each([
    'code',
    'state',
    'iss',
    'error',
    'error_description',
    'error_uri',
    'response',
    'id_token',
    'access_token',
    'session_state',
  ])('R8 a response parameter in the query is refused: %s', (name) => {
    const encoded = `%${name.charCodeAt(0).toString(16)}${name.slice(1)}`;
    for (const query of [`${name}=x`, `a=b&${name}=`, name, name.toUpperCase(), `${encoded}=x`]) {
      expect(uriFaults(`https://rp.example.com/cb?${query}`, web).join()).toMatch(/parameter of responses/);
    }
  });

  it('names every fault at once', () => {
    expect(uriFaults('http://u:p@rp.example.com/*?code=1#x', web).length).toBeGreaterThanOrEqual(5);
  });

  it('accepts only URIs that a browser reads as they are written', () => {
    const anything = fc.oneof(fc.webUrl({ withFragments: true, withQueryParameters: true }), fc.string());
    fc.assert(
      fc.property(anything, (uri) => {
        if (uriFaults(uri, native).length > 0) return;
        const url = new URL(uri);
        expect([uri, `${uri}/`]).toContain(url.href);
        expect(url.hash + url.username + url.password).toBe('');
      }),
      { numRuns: 500 },
    );
  });
});

describe('schemes of native apps (RFC 8252 section 7.1)', () => {
  it.each(['com.example.app:/oauth2redirect', 'com.example.app://callback', 'https://app.example.com/cb'])(
    'accepts %s',
    (uri) => expect(uriFaults(uri, native)).toEqual([]),
  );

  it.each([
    'myapp://callback',
    'myapp:/cb',
    'javascript:x',
    'intent://x',
    'com.example.app://user@callback',
    'com.example.app:/cb#x',
  ])('refuses %s', (uri) => expect(uriFaults(uri, native)).not.toEqual([]));
});

describe('pages of a client (D6)', () => {
  it.each([
    'javascript:alert(1)',
    'data:image/svg+xml,<svg onload=x>',
    'http://localhost/logo.png',
    'http://a.example/x',
    'https://u@a.example/',
  ])('refuses %s', (uri) => expect(uriFaults(uri, page)).not.toEqual([]));
});

describe('origins', () => {
  it.each([
    'https://app.example.com',
    'https://app.example.com:8443',
    'http://localhost:5173',
    'http://[::1]:3000',
  ])('%s is one', (origin) => expect(originFaults(origin)).toEqual([]));
  it.each([
    'https://app.example.com/',
    'https://app.example.com/path',
    'https://app.example.com:443',
    'https://APP.example.com',
    'https://*.example.com',
    'https://user@app.example.com',
    'https://app.example.com.',
    'http://app.example.com',
    'com.example.app:/',
    'null',
    '*',
    '',
  ])('%s is none', (origin) => expect(originFaults(origin).length).toBeGreaterThan(0));
});
