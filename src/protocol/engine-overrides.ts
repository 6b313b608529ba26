/**
 * All that the engine is overridden for, in one file. Each line says what the engine does by itself and why that is not
 * enough; test/protocol/engine-overrides.test.ts fails when an upgrade changes the ground under one of them.
 */
import type { IncomingMessage } from 'node:http';
import type { KoaContextWithOIDC } from 'oidc-provider';
import Provider from 'oidc-provider';
import { type ArtifactKind, newId, newSessionId, newSessionUid } from '../storage/ids.ts';
import { type EndingSession, endingSession, keepSignOut, type SignOut } from './back-channel-logout.ts';
import type { EngineClients } from './engine-clients.ts';
import { toldAcr } from './level-checks.ts';
import type { MintedToken } from './minted-tokens.ts';
import { atOrigin } from './mutual-tls.ts';
import { askedScope, setPushedRequestLifetime } from './pushed-requests.ts';
import { currentState } from './request-state.ts';

export interface Overrides {
  readonly clients: EngineClients;
  /** Compares with all live secrets of the client. */
  readonly verifySecret: (clientId: string, presented: string) => Promise<boolean>;
  /** True for one caller only (RFC 9449 section 11.1, RFC 7523 section 3). `expiresAt` in ms. */
  readonly claim: (scope: string, value: string, expiresAt: number) => Promise<boolean>;
  /** The origin of mutual TLS when this request came there. */
  readonly aliasOf: (req: IncomingMessage) => string | undefined;
  /** Runs when the engine has gathered the parameters of a request, before it looks at any of them. */
  readonly onParams: (ctx: KoaContextWithOIDC, params: Record<string, unknown>) => void;
  /** Runs where the engine looks the client up: JWT access tokens get their stand-in. */
  readonly beforeClientLookup: () => Promise<void>;
  /** How long a pushed authorization request may be used. */
  readonly pushedRequestSeconds: number;
  /** Ends what must not outlive the session; awaited, where the engine's events are not. */
  readonly onSessionEnd: (session: EndingSession) => Promise<SignOut | undefined>;
  /** One client signs out while the session goes on. */
  readonly onClientSignOut: (o: { clientId: string; accountId: string; sid: string }) => Promise<void>;
}

/** What of the engine is still needed as it was. */
export interface Overridden {
  /** Sends one logout token; rejects when it was not taken. */
  readonly tell: (client: object, accountId: string, sid: string) => Promise<void>;
}

/** How far the engine lets the `iat` of a DPoP proof be from its own clock, either way. */
const PROOF_FRESH_SECONDS = 300;

/** Attaches every override to one instance. */
export function overrideEngine(engine: Provider, parts: Overrides): Overridden {
  const define = (target: object, name: string, value: unknown) =>
    Object.defineProperty(target, name, { value, configurable: true, writable: true });

  // Levels: the engine tells the session's even where the request demands one of those below it.
  Object.defineProperty(engine.OIDCContext.prototype, 'acr', toldAcr);

  // Addresses: the engine derives them from the request's Host; ours come from the issuer alone.
  define(
    engine.OIDCContext.prototype,
    'urlFor',
    function (this: { ctx: KoaContextWithOIDC }, name: string, options?: Record<string, unknown>) {
      const address = engine.urlFor(name, options);
      // RFC 9449 section 4.3 compares htu with the address that was asked, which may be an alias (RFC 8705 section 5).
      const origin = parts.aliasOf(this.ctx.req);
      return origin ? atOrigin(origin, address) : address;
    },
  );

  // Audiences of client assertions: the engine takes the endpoint's and the token endpoint's address as well
  // (client-assertions.ts says why ours does not).
  define(engine.OIDCContext.prototype, 'clientJwtAuthExpectedAudience', () => new Set([engine.issuer]));

  // Parameters: the engine takes the client's id from whatever assertion there is, before it asks us anything.
  const gathered = Symbol('parameters');
  Object.defineProperty(engine.OIDCContext.prototype, 'params', {
    configurable: true,
    get(this: GatheringContext) {
      return this[gathered];
    },
    set(this: GatheringContext, params: Record<string, unknown>) {
      parts.onParams(this.ctx, params);
      this[gathered] = params;
    },
  });

  // Clients: the engine rebuilds all but the last 100 on every request.
  define(engine.Client, 'find', async (id: unknown) => {
    await parts.beforeClientLookup();
    return parts.clients.find(id);
  });

  // Secrets: the engine compares with one secret in clear; ours are digests, several at once.
  define(
    engine.Client.prototype,
    'compareClientSecret',
    function (this: { clientId: string }, secret: string) {
      return parts.verifySecret(this.clientId, secret);
    },
  );

  // Replay: the engine looks first and writes afterwards, so two proofs at once both pass; and it forgets a DPoP proof
  // 300 s after its use, when one whose clock is ahead is still fresh.
  define(engine.ReplayDetection, 'unique', (issuer: string, id: string, expiresAt: number) =>
    parts.claim(issuer, id, (expiresAt + PROOF_FRESH_SECONDS) * 1000),
  );

  // Ids: ours say their kind and their family, so that one trip finds them and strangers cost none. The engine's own
  // method runs first: it settles the format of an access token.
  const kinds: readonly ArtifactKind[] = [
    'AuthorizationCode',
    'AccessToken',
    'RefreshToken',
    'Grant',
    'ClientCredentials',
    'PushedAuthorizationRequest',
    'DeviceCode',
  ];
  for (const kind of kinds) {
    const { prototype } = engine[kind as 'AccessToken'] as unknown as {
      prototype: { generateTokenId(): string };
    };
    const { generateTokenId } = prototype;
    define(prototype, 'generateTokenId', function (this: { grantId?: string }) {
      generateTokenId.call(this as never);
      // The family of a device's authorization is younger than its code, and takes the code's tag.
      return newId(kind, kind === 'Grant' ? Provider.ctx?.oidc?.entities.DeviceCode?.jti : this.grantId);
    });
  }

  // Grants of ours: the client credentials handler makes a token of the client; for them it is one of the person.
  const { ClientCredentials } = engine;
  Object.defineProperty(engine, 'ClientCredentials', {
    configurable: true,
    get: () => {
      const minted = currentState()?.minted;
      return minted ? mintOf(engine, minted) : ClientCredentials;
    },
  });

  // Pushed requests: the engine keeps each for 60 seconds, whatever is set.
  setPushedRequestLifetime(engine, parts.pushedRequestSeconds);

  overrideSessions(engine, parts, define);
  return { tell: overrideLogout(engine, parts, define) };
}

/** What `new ClientCredentials(fields)` makes while a token is minted. */
function mintOf(engine: Provider, { accountId, family, grantType }: MintedToken): unknown {
  const { AccessToken } = engine as unknown as { AccessToken: new (fields: object) => object };
  return function Mint(fields: object) {
    return new AccessToken({ ...fields, accountId, grantId: family, gty: grantType });
  };
}

interface GatheringContext {
  readonly ctx: KoaContextWithOIDC;
  [gathered: symbol]: Record<string, unknown>;
}

type Define = (target: object, name: string, value: unknown) => void;

function overrideSessions(engine: Provider, parts: Overrides, define: Define): void {
  const Session = engine.Session as unknown as {
    new (payload?: object): object;
    readonly prototype: { destroy(): Promise<void> };
  };

  // Session ids share the tag of the session's uid. Without a payload the engine marks the session as new.
  define(Session, 'instantiate', (payload?: { uid?: string }) => {
    if (payload?.uid) return new Session(payload);
    const session = new Session(payload) as { uid: string; jti: string };
    session.uid = newSessionUid();
    session.jti = newSessionId(session.uid);
    return session;
  });
  define(Session.prototype, 'resetIdentifier', function (this: SessionFields) {
    // Without `oldId`, for which the engine would destroy the session: what is stored under the new id replaces it.
    this.jti = newSessionId(this.uid);
    this.touched = true;
  });

  const { destroy } = Session.prototype;
  define(Session.prototype, 'destroy', async function (this: SessionFields) {
    keepSignOut(this, await parts.onSessionEnd(endingSession(this)));
    await destroy.call(this as never);
  });
}

/** Back-channel logout: the engine tells each client once, while the person waits, and forgets who did not answer. */
function overrideLogout(engine: Provider, parts: Overrides, define: Define): Overridden['tell'] {
  const prototype = engine.Client.prototype as unknown as {
    backchannelLogout(accountId: string, sid: string): Promise<void>;
  };
  const { backchannelLogout } = prototype;
  define(
    prototype,
    'backchannelLogout',
    async function (this: { clientId: string }, accountId: string, sid: string) {
      // With the whole session: that is written down where the session ends.
      if (Provider.ctx?.oidc.params?.logout) return;
      await parts.onClientSignOut({ clientId: this.clientId, accountId, sid });
    },
  );
  return (client, accountId, sid) => backchannelLogout.call(client as never, accountId, sid);
}

interface SessionFields {
  uid: string;
  jti: string;
  touched?: boolean;
  accountId?: string;
}

/** Puts `offline_access` back, which the engine strips unless `prompt=consent` was sent (it still needs a consent). */
export async function keepOfflineAccess(ctx: KoaContextWithOIDC): Promise<void> {
  const { params, client } = ctx.oidc;
  const asked = askedScope(ctx).split(' ');
  if (!params || !asked.includes('offline_access') || !client?.grantTypeAllowed('refresh_token')) return;
  if (!String(params.response_type ?? '').includes('code')) return;
  const kept = String(params.scope ?? '')
    .split(' ')
    .filter(Boolean);
  if (!kept.includes('offline_access')) params.scope = [...kept, 'offline_access'].join(' ');
}
