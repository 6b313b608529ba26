/**
 * The engine with two doors opened: its own grant handlers and response modes pass through public registration methods
 * in its constructor, which a subclass sees. (Its contexts are another matter: engine-contexts.ts.)
 */
import './engine-contexts.ts';
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import Provider from 'oidc-provider';
import { DEVICE_GRANT } from '../clients/client-types.ts';
import type { GrantHandler } from './grant-handlers.ts';

export type ResponseMode = Parameters<Provider['registerResponseMode']>[1];

export interface CustomGrant {
  readonly name: string;
  readonly handler: GrantHandler;
  readonly parameters: readonly string[];
  /** Parameters that may come more than once. */
  readonly repeated: readonly string[];
}

export interface EngineDoors {
  readonly wrapGrant: (grantType: string, builtin: GrantHandler) => GrantHandler;
  /** Grants of our own, made from the engine's client credentials handler. */
  readonly customGrants: (clientCredentials: GrantHandler) => readonly CustomGrant[];
  readonly wrapResponseMode: (mode: string, builtin: ResponseMode) => ResponseMode;
}

/** Parameters of the token endpoint that the engine does not know for a grant: it would drop them. */
const moreParameters: Readonly<Record<string, readonly string[]>> = {
  // RFC 8628 does not speak of PKCE; a device that sends a challenge is held to it (device-codes.ts).
  [DEVICE_GRANT]: ['code_verifier'],
};

// The base constructor calls the registration methods before this class's fields exist.
let doors: EngineDoors | undefined;
const seen = new WeakMap<Provider, Set<string>>();
const clientCredentialsOf = new WeakMap<Provider, GrantHandler>();

class Engine extends Provider {
  override registerGrantType(name: string, handler: never, params: never, ...rest: never[]): void {
    if (!doors) throw new Error('the engine must be built by buildEngine');
    note(this, `grant ${name}`);
    const builtin = handler as unknown as GrantHandler;
    if (name === 'client_credentials') clientCredentialsOf.set(this, builtin);
    const parameters = new Set([...(params as Iterable<string>), ...(moreParameters[name] ?? [])]);
    super.registerGrantType(name, doors.wrapGrant(name, builtin) as never, parameters, ...(rest as []));
  }

  override registerResponseMode(name: string, handler: ResponseMode): void {
    if (!doors) throw new Error('the engine must be built by buildEngine');
    note(this, `response mode ${name}`);
    // JARM's handler reaches the engine by its `this`.
    super.registerResponseMode(name, doors.wrapResponseMode(name, handler.bind(this)));
  }
}

function note(engine: Provider, what: string): void {
  const names = seen.get(engine) ?? new Set();
  seen.set(engine, names.add(what));
}

const builtins = [
  'grant authorization_code',
  'grant refresh_token',
  'grant client_credentials',
  `grant ${DEVICE_GRANT}`,
  'response mode form_post',
];

/** @throws when the engine no longer registers its own handlers where we can see them (guard of the override) */
export function buildEngine(issuer: string, configuration: Configuration, through: EngineDoors): Provider {
  doors = through;
  try {
    const engine = new Engine(issuer, configuration);
    for (const needed of builtins) {
      if (!seen.get(engine)?.has(needed)) throw new Error(`the engine no longer registers: ${needed}`);
    }
    const clientCredentials = clientCredentialsOf.get(engine);
    if (!clientCredentials) throw new Error('the engine no longer registers client_credentials');
    for (const { name, handler, parameters, repeated } of through.customGrants(clientCredentials)) {
      engine.registerGrantType(name, handler as never, parameters as never, repeated as never);
    }
    return engine;
  } finally {
    doors = undefined;
  }
}

export type { KoaContextWithOIDC };
