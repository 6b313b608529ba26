/** What engine-contexts.ts needs of the engine that it does not publish. */
declare module 'oidc-provider/lib/helpers/als.js' {
  import type { AsyncLocalStorage } from 'node:async_hooks';

  const store: AsyncLocalStorage<object>;
  export default store;
}

declare module 'oidc-provider/lib/helpers/router.js' {
  /** `ctx` is Koa's; the first of a route gives it the engine's context. */
  export type Middleware = (ctx: { oidc?: object }, next: () => Promise<unknown>) => Promise<unknown>;
  type Register = (this: Router, name: string, path: string, ...stack: Middleware[]) => Router;

  export default class Router {
    get: Register;
    post: Register;
    put: Register;
    delete: Register;
    options: Register;
  }
}
