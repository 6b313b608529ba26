/** Somebody else's OpenID provider on this machine, over HTTPS, which lies as it is told. */
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { Certificate } from './certificates.ts';
import { type RemoteServer, startRemote } from './https-server.ts';

type Claims = Record<string, unknown>;

/** One authorization request as it came. */
export interface AskedThere {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly state: string;
  readonly nonce: string;
  readonly challenge: string;
  readonly params: URLSearchParams;
}

export interface FakeProvider {
  readonly origin: string;
  readonly remote: RemoteServer;
  /** Claims of the next ID tokens besides iss, aud, exp, iat and nonce; what is undefined is left out. */
  claims: Claims;
  /** Of userinfo; 404 when undefined. */
  userinfo: Claims | undefined;
  /** Makes the ID token of the next answers; undefined: a good one. */
  makeIdToken:
    | ((good: Claims, sign: (claims: Claims, header?: object) => Promise<string>) => Promise<string>)
    | undefined;
  /** Answers the token endpoint instead. */
  answerToken: ((res: ServerResponse) => void) | undefined;
  /** What the token endpoint was sent, newest last. */
  readonly redeemed: URLSearchParams[];
  /** Reads an authorization URL and grants it. @returns the answer for the redirect URI */
  grant(url: string): { asked: AskedThere; answer: URLSearchParams };
  /** The answer as a URL. */
  grantUrl(url: string): string;
  readonly issuer: string;
  readonly jwk: JWK;
  close(): Promise<void>;
}

export async function startFakeProvider(
  certificate: Certificate,
  o: { clientId?: string; discovery?: Claims } = {},
): Promise<FakeProvider> {
  const pair = await generateKeyPair('ES256', { extractable: true });
  const jwk: JWK = { ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' };
  const clientId = o.clientId ?? 'cardea-there';
  const codes = new Map<string, AskedThere>();

  const sign = (claims: Claims, header: object = {}) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k1', ...header }).sign(pair.privateKey);

  async function token(req: IncomingMessage, res: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of req) body += chunk;
    const form = new URLSearchParams(body);
    fake.redeemed.push(form);
    if (fake.answerToken) return fake.answerToken(res);
    const asked = codes.get(form.get('code') ?? '');
    codes.delete(form.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (asked?.challenge !== challenge || asked.redirectUri !== form.get('redirect_uri')) {
      res.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_grant"}');
      return;
    }
    const now = Math.floor(Date.now() / 1000);
    const good = {
      iss: fake.origin,
      aud: clientId,
      iat: now,
      exp: now + 300,
      nonce: asked.nonce,
      ...fake.claims,
    };
    const idToken = fake.makeIdToken ? await fake.makeIdToken(good, sign) : await sign(good);
    json(res, { access_token: randomBytes(8).toString('hex'), token_type: 'Bearer', id_token: idToken });
  }

  const json = (res: ServerResponse, value: unknown): void =>
    void res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));

  const remote = await startRemote(certificate, (req, res) => {
    const path = (req.url ?? '').split('?')[0];
    if (path === '/.well-known/openid-configuration') {
      return json(res, {
        issuer: fake.origin,
        authorization_endpoint: `${fake.origin}/authorize`,
        token_endpoint: `${fake.origin}/token`,
        userinfo_endpoint: `${fake.origin}/userinfo`,
        jwks_uri: `${fake.origin}/jwks`,
        response_types_supported: ['code'],
        id_token_signing_alg_values_supported: ['ES256'],
        authorization_response_iss_parameter_supported: true,
        ...o.discovery,
      });
    }
    if (path === '/jwks') return json(res, { keys: [jwk] });
    if (path === '/token') return void token(req, res);
    if (path === '/userinfo' && fake.userinfo) return json(res, fake.userinfo);
    if (path === '/authorize') {
      // A page whose form brings the answer by a cross-site POST, or a redirect, as it was asked for.
      const url = `${fake.origin}${req.url}`;
      const { asked, answer } = fake.grant(url);
      if (asked.params.get('response_mode') !== 'form_post') {
        res.writeHead(303, { location: `${asked.redirectUri}?${answer}` }).end();
        return;
      }
      const fields = [...answer].map(
        ([name, value]) => `<input type="hidden" name="${name}" value="${value}">`,
      );
      res
        .writeHead(200, { 'content-type': 'text/html' })
        .end(
          `<!doctype html><form method="post" action="${asked.redirectUri}">${fields.join('')}<button>Go on</button></form>`,
        );
      return;
    }
    res.writeHead(404).end();
  });

  const fake: FakeProvider = {
    origin: remote.origin,
    remote,
    claims: { sub: 'person-1', email: 'ada@corp.example', email_verified: true, name: 'Ada There' },
    userinfo: undefined,
    makeIdToken: undefined,
    answerToken: undefined,
    redeemed: [],
    issuer: remote.origin,
    jwk,
    grant(address) {
      const { searchParams: params } = new URL(address);
      const text = (name: string) => params.get(name) ?? '';
      const asked: AskedThere = {
        clientId: text('client_id'),
        redirectUri: text('redirect_uri'),
        state: text('state'),
        nonce: text('nonce'),
        challenge: text('code_challenge'),
        params,
      };
      const code = randomBytes(16).toString('hex');
      codes.set(code, asked);
      return { asked, answer: new URLSearchParams({ code, state: asked.state, iss: remote.origin }) };
    },
    grantUrl(address) {
      const { asked, answer } = fake.grant(address);
      return `${asked.redirectUri}?${answer}`;
    },
    close: () => remote.close(),
  };
  return fake;
}
