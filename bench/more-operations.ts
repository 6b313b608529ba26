/** What newer clients do: bind tokens to a key (RFC 9449), push their requests (RFC 9126), ask for a device (RFC 8628). */
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { resource } from './bare-scene.ts';
import { type Answer, type Ask, unexpected, type Work } from './http-load.ts';
import type { Operation } from './operation.ts';
import { authorizePath, basicOf, type Subject } from './subject.ts';

/** The bare engine's adapter keeps the last 1,000 entries, and what is asked once only has to be made before. */
const MADE = 200;
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

const proofKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const proofHeader = encoded({
  alg: 'ES256',
  typ: 'dpop+jwt',
  jwk: proofKey.publicKey.export({ format: 'jwk' }),
});

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

/** RFC 9449 section 4.2. Made before the run: signing would be measured with the server that checks it. */
function proof(url: string): string {
  const claims = { jti: randomUUID(), htm: 'POST', htu: url, iat: Math.floor(Date.now() / 1000) };
  const content = `${proofHeader}.${encoded(claims)}`;
  const key = { key: proofKey.privateKey, dsaEncoding: 'ieee-p1363' } as const;
  return `${content}.${sign('sha256', Buffer.from(content), key).toString('base64url')}`;
}

export const moreOperations: readonly Operation[] = [
  {
    name: 'client credentials, DPoP',
    most: MADE,
    prepare: async ({ scene, child }, most) => {
      const url = `${child.issuer}/oauth2/token`;
      const proofs = Array.from({ length: most }, () => proof(url));
      const authorization = { Authorization: basicOf(scene.service) };
      return {
        next: () => {
          const DPoP = proofs.pop();
          if (DPoP === undefined) return undefined;
          const form = { grant_type: 'client_credentials', scope: 'orders:read', resource };
          return { path: '/oauth2/token', headers: { ...authorization, DPoP }, form };
        },
        take: (answer) => {
          if (!answer.body.includes('"token_type":"DPoP"')) throw unexpected(answer);
        },
      };
    },
  },
  {
    name: 'PAR and authorize',
    most: MADE,
    requests: 2,
    prepare: async (subject, most) => pushing(subject, most),
  },
  {
    name: 'device polling',
    most: MADE,
    prepare: async (subject, most) => {
      const form = { client_id: subject.scene.tv.clientId };
      const codes: string[] = [];
      await Promise.all(
        subject.connections.map(async (connection) => {
          while (codes.length < most) codes.push(await deviceCode(connection.ask, form));
        }),
      );
      return {
        next: () => {
          const code = codes.pop();
          if (code === undefined) return undefined;
          return { path: '/oauth2/token', form: { ...form, grant_type: deviceGrant, device_code: code } };
        },
        take: (answer) => {
          if (!answer.body.includes('"authorization_pending"')) throw unexpected(answer);
        },
      };
    },
  },
];

/** Each connection pushes a request, then goes to the authorization endpoint with its URN. */
function pushing({ scene, browsers }: Subject, most: number): Work {
  let left = most;
  const pushed: (string | undefined)[] = [];
  const parameters = Object.fromEntries(new URLSearchParams(authorizePath(scene, 'api').split('?')[1]));
  const push: Ask = {
    path: '/oauth2/par',
    headers: { Authorization: basicOf(scene.web) },
    form: parameters,
  };
  return {
    next: (connection) => {
      const uri = pushed[connection];
      if (uri !== undefined) {
        const query = new URLSearchParams({ client_id: scene.web.clientId, request_uri: uri });
        const headers = { Cookie: browsers[connection] ?? '', Accept: 'text/html' };
        return { path: `/oauth2/authorize?${query}`, headers };
      }
      left -= 1;
      return left >= 0 ? push : undefined;
    },
    take: (answer, connection) => {
      const isPush = pushed[connection] === undefined;
      if (isPush ? answer.status !== 201 : !/^location: \S*[?&]code=/im.test(answer.head))
        throw unexpected(answer);
      pushed[connection] = isPush
        ? (JSON.parse(answer.body) as { request_uri: string }).request_uri
        : undefined;
    },
  };
}

async function deviceCode(
  ask: (request: Ask) => Promise<Answer>,
  form: Record<string, string>,
): Promise<string> {
  const answer = await ask({
    path: '/oauth2/device_authorization',
    form: { ...form, scope: 'openid offline_access' },
  });
  if (answer.status !== 200) throw unexpected(answer);
  return (JSON.parse(answer.body) as { device_code: string }).device_code;
}
