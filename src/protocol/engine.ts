/**
 * The engine with two doors opened: its own grant handlers and response modes pass through public registration methods
 * in its constructor, which a subclass sees. No deep import is needed.
 */
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import Provider from 'oidc-provider';
import type { GrantHandler } from './grant-handlers.ts';

export type ResponseMode = Parameters<Provider['registerResponseMode']>[1];

export interface EngineDoors {
  readonly wrapGrant: (grantType: string, builtin: GrantHandler) => GrantHandler;
  readonly wrapResponseMode: (mode: string, builtin: ResponseMode) => ResponseMode;
}

// The base constructor calls the registration methods before this class's fields exist.
let doors: EngineDoors | undefined;
const seen = new WeakMap<Provider, Set<string>>();

class Engine extends Provider {
  override registerGrantType(name: string, handler: never, ...rest: never[]): void {
    if (!doors) throw new Error('the engine must be built by buildEngine');
    note(this, `grant ${name}`);
    const builtin = handler as unknown as GrantHandler;
    super.registerGrantType(name, doors.wrapGrant(name, builtin) as never, ...(rest as []));
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

/** @throws when the engine no longer registers its own handlers where we can see them (guard of the override) */
export function buildEngine(issuer: string, configuration: Configuration, through: EngineDoors): Provider {
  doors = through;
  try {
    const engine = new Engine(issuer, configuration);
    for (const needed of ['grant authorization_code', 'grant refresh_token', 'response mode form_post']) {
      if (!seen.get(engine)?.has(needed)) throw new Error(`the engine no longer registers: ${needed}`);
    }
    return engine;
  } finally {
    doors = undefined;
  }
}

export type { KoaContextWithOIDC };
