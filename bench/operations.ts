/** What is measured: each operation as the requests it consists of, the same for Cardea and for the bare engine. */
import { redirectUri } from '../test/harness/seed.ts';
import { resource } from './bare-scene.ts';
import { type Answer, type Ask, load, unexpected, type Work } from './http-load.ts';
import { moreOperations } from './more-operations.ts';
import type { Operation } from './operation.ts';
import { type Asked, authorizePath, basicOf, pkce, type Subject } from './subject.ts';

/** The bare engine's adapter keeps the last 1,000 entries: codes beyond that would be forgotten. */
const CODES = 200;

export const operations: readonly Operation[] = [
  {
    name: 'client credentials',
    prepare: async ({ scene }) => {
      const request: Ask = {
        path: '/oauth2/token',
        headers: { Authorization: basicOf(scene.service) },
        form: { grant_type: 'client_credentials', scope: 'orders:read', resource },
      };
      return { next: () => request };
    },
  },
  {
    name: 'authorize',
    most: CODES,
    prepare: async (subject, most) => {
      const codes: string[] = [];
      return authorizing(subject, 'api', most, codes);
    },
  },
  {
    name: 'code redemption',
    most: CODES,
    prepare: async (subject, most) => {
      const codes = await freshCodes(subject, 'api', most);
      return {
        next: () => {
          const code = codes.pop();
          return code === undefined ? undefined : redemption(subject, code);
        },
      };
    },
  },
  {
    name: 'refresh',
    prepare: async (subject) => {
      const tokens = (await freshTokens(subject, 'api')).map(({ refresh_token }) => refresh_token);
      const authorization = { Authorization: basicOf(subject.scene.web) };
      return {
        next: (connection) => ({
          path: '/oauth2/token',
          headers: authorization,
          form: { grant_type: 'refresh_token', refresh_token: tokens[connection] ?? '' },
        }),
        take: (answer, connection) => {
          tokens[connection] = tokensOf(answer).refresh_token;
        },
      };
    },
  },
  {
    name: 'userinfo',
    prepare: async (subject) => {
      const asks = (await freshTokens(subject, 'person')).map(({ access_token }) => ({
        path: '/oauth2/userinfo',
        headers: { Authorization: `Bearer ${access_token}` },
      }));
      return { next: (connection) => asks[connection] };
    },
  },
  { name: 'introspection, opaque', prepare: (subject) => introspecting(subject, 'person') },
  { name: 'introspection, JWT', oursOnly: true, prepare: (subject) => introspecting(subject, 'api') },
  { name: 'token exchange', oursOnly: true, prepare: exchanging },
  {
    name: 'discovery',
    prepare: async () => ({ next: () => ({ path: '/.well-known/openid-configuration' }) }),
  },
  { name: 'JWKS', prepare: async () => ({ next: () => ({ path: '/oauth2/jwks' }) }) },
  ...moreOperations,
];

function authorizing(subject: Subject, asked: Asked, most: number, codes: string[]): Work {
  let left = most;
  const asks = subject.browsers.map((cookie) => ({
    path: authorizePath(subject.scene, asked),
    headers: { Cookie: cookie, Accept: 'text/html' },
  }));
  return {
    next: (connection) => {
      left -= 1;
      return left >= 0 ? asks[connection] : undefined;
    },
    take: (answer) => {
      const code = /^location: \S*[?&]code=([^&\s]+)/im.exec(answer.head)?.[1];
      if (answer.status !== 303 || !code) throw unexpected(answer);
      codes.push(code);
    },
  };
}

async function freshCodes(subject: Subject, asked: Asked, many: number): Promise<string[]> {
  const codes: string[] = [];
  await load(subject.connections, authorizing(subject, asked, many, codes), Number.POSITIVE_INFINITY);
  return codes;
}

function redemption({ scene }: Subject, code: string): Ask {
  return {
    path: '/oauth2/token',
    headers: { Authorization: basicOf(scene.web) },
    form: {
      grant_type: 'authorization_code',
      code,
      code_verifier: pkce.verifier,
      redirect_uri: redirectUri,
    },
  };
}

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

function tokensOf(answer: Answer): Tokens {
  if (answer.status !== 200) throw unexpected(answer);
  return JSON.parse(answer.body) as Tokens;
}

/** One set of tokens for each connection. */
async function freshTokens(subject: Subject, asked: Asked): Promise<Tokens[]> {
  const codes = await freshCodes(subject, asked, subject.connections.length);
  return Promise.all(
    subject.connections.map(async (connection, index) =>
      tokensOf(await connection.ask(redemption(subject, codes[index] ?? ''))),
    ),
  );
}

/** The engine has no token exchange of its own to stand beside. */
async function exchanging(subject: Subject): Promise<Work> {
  const tokens = await freshTokens(subject, 'api');
  const authorization = { Authorization: basicOf(subject.scene.web) };
  const type = 'urn:ietf:params:oauth:token-type:access_token';
  return {
    next: (connection) => ({
      path: '/oauth2/token',
      headers: authorization,
      form: {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: tokens[connection]?.access_token ?? '',
        subject_token_type: type,
        resource,
        scope: 'orders:read',
      },
    }),
    take: (answer) => void tokensOf(answer),
  };
}

async function introspecting(subject: Subject, asked: Asked): Promise<Work> {
  const tokens = await freshTokens(subject, asked);
  const authorization = { Authorization: basicOf(subject.scene.web) };
  return {
    next: (connection) => ({
      path: '/oauth2/introspect',
      headers: authorization,
      form: { token: tokens[connection]?.access_token ?? '' },
    }),
    take: (answer) => {
      if (!answer.body.includes('"active":true')) throw unexpected(answer);
    },
  };
}
