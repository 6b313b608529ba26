/** `/health/live` and `/health/ready`: one word each, no details. What fails stands in the log. */
import type Koa from 'koa';

export interface HealthView {
  live(): boolean;
  ready(): Promise<{ readonly ready: boolean }>;
}

export function createHealthDoor(health: HealthView): Koa.Middleware {
  async function answer(ctx: Koa.Context): Promise<void> {
    const good = ctx.path === '/health/live' ? health.live() : (await health.ready()).ready;
    ctx.status = good ? 200 : 503;
    if (!good) ctx.set('Retry-After', '1');
    ctx.set('Cache-Control', 'no-store');
    ctx.body = good ? 'ok' : 'unavailable';
    ctx.type = 'text/plain; charset=utf-8';
  }

  return (ctx, next) => (ctx.path === '/health/live' || ctx.path === '/health/ready' ? answer(ctx) : next());
}
