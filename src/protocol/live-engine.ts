/**
 * The engine reads its keys once. When keys move, a new instance is built with everything attached (2 to 6 ms) and takes
 * over between two requests; codes, sessions and tokens live in storage and survive.
 */
import type Koa from 'koa';
import mount from 'koa-mount';
import type Provider from 'oidc-provider';
import type { EngineClients } from './engine-clients.ts';
import type { Overridden } from './engine-overrides.ts';

/** As it goes out: whole, with every header that does not change, so that a request copies and sets no more than these. */
export interface PublicDocument {
  readonly body: string;
  readonly headers: readonly (readonly [string, string])[];
}

export interface EngineInstance {
  readonly engine: Provider;
  readonly clients: EngineClients;
  /** Sends one logout token (engine-overrides.ts). */
  readonly tell: Overridden['tell'];
  readonly middleware: Koa.Middleware;
  /** Discovery and JWKS by path; filled at first use, gone with the instance. */
  readonly documents: Map<string, PublicDocument>;
}

export interface LiveEngine {
  /** The instance that serves requests from now on. Resolve it once for each request. */
  current(): EngineInstance;
  /** Builds anew; the instance before stays in charge when that throws. */
  rebuild(): void;
}

/** @param build makes one instance with every listener and override attached */
export function createLiveEngine(
  build: () => Pick<EngineInstance, 'engine' | 'clients' | 'tell'>,
): LiveEngine {
  const make = (): EngineInstance => {
    const { engine, clients, tell } = build();
    return { engine, clients, tell, middleware: mount(engine), documents: new Map() };
  };
  let instance = make();
  return {
    current: () => instance,
    rebuild() {
      instance = make();
    },
  };
}
