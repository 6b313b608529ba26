/**
 * An API that accepts JWT access tokens (RFC 9068) of one issuer for one audience. It asks nobody: the signing keys are
 * fetched once and again when a token names a key that it has not seen.
 *
 * ISSUER and AUDIENCE are required; PORT is 5000 by default. Register it with
 *
 *     npx cardea resource create --audience http://localhost:5000 --name "Orders API" \
 *       --scope "orders:read See your orders"
 *     npx cardea role create --name clerk --resource http://localhost:5000 --permission orders:report
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';

const { PORT = '5000', ISSUER, AUDIENCE } = process.env;
if (!ISSUER || !AUDIENCE) throw new Error('ISSUER and AUDIENCE must be set');

const discovery = await fetch(`${ISSUER}/.well-known/openid-configuration`);
const { jwks_uri: jwksUri } = (await discovery.json()) as { jwks_uri: string };
const keys = createRemoteJWKSet(new URL(jwksUri));

const orders = [
  { id: 'A-1042', item: 'Oak desk', total: '480.00' },
  { id: 'A-1043', item: 'Reading lamp', total: '64.50' },
  { id: 'A-1044', item: 'Wool rug', total: '210.00' },
];

/** A refusal as RFC 6750 section 3 words it. */
class Refusal extends Error {
  readonly status: number;
  readonly challenge: string;
  constructor(status: number, challenge: string) {
    super(challenge);
    this.status = status;
    this.challenge = challenge;
  }
}

/** RFC 9068 section 4: type, signature, issuer, audience and time, all by the library. */
async function checkToken(request: IncomingMessage): Promise<JWTPayload> {
  const [scheme = '', token] = (request.headers.authorization ?? '').split(' ');
  if (scheme.toLowerCase() !== 'bearer' || !token) throw new Refusal(401, 'Bearer');
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: ISSUER as string,
      audience: AUDIENCE as string,
      typ: 'at+jwt',
      algorithms: ['ES256'],
      requiredClaims: ['sub', 'client_id', 'exp'],
    });
    return payload;
  } catch (error) {
    // Keys that cannot be fetched are our trouble, not the caller's.
    if (!(error instanceof errors.JOSEError) || error instanceof errors.JWKSTimeout) throw error;
    throw new Refusal(401, `Bearer error="invalid_token", error_description="${error.code}"`);
  }
}

/** What the person (or the operator, for a service) allowed this client to do. */
function checkScope(token: JWTPayload, scope: string): void {
  if (
    !String(token.scope ?? '')
      .split(' ')
      .includes(scope)
  ) {
    throw new Refusal(403, `Bearer error="insufficient_scope", scope="${scope}"`);
  }
}

/** What the one who calls may do at this API, by the roles that they hold. */
function checkPermission(token: JWTPayload, permission: string): void {
  const permissions = Array.isArray(token.permissions) ? token.permissions : [];
  if (!permissions.includes(permission)) {
    throw new Refusal(403, `Bearer error="insufficient_scope", error_description="needs ${permission}"`);
  }
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const token = await checkToken(request);
  checkScope(token, 'orders:read');
  switch (`${request.method} ${new URL(request.url ?? '/', 'http://api').pathname}`) {
    case 'GET /orders':
      return send(response, 200, { orders });
    case 'GET /report': {
      checkPermission(token, 'orders:report');
      const sum = orders.reduce((total, order) => total + Number(order.total), 0);
      return send(response, 200, { count: orders.length, sum: sum.toFixed(2), askedBy: token.client_id });
    }
    default:
      return send(response, 404, { error: 'not_found' });
  }
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers });
  response.end(JSON.stringify(body));
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    if (error instanceof Refusal) {
      const challenge = { 'www-authenticate': error.challenge };
      return send(response, error.status, { error: error.challenge }, challenge);
    }
    console.error('orders-api:', error);
    send(response, 503, { error: 'temporarily_unavailable' }, { 'retry-after': '5' });
  });
});
server.listen(Number(PORT), 'localhost', () => console.log(`The Orders API listens on ${AUDIENCE}`));
