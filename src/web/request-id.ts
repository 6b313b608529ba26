/** A name for each request, so that a log line, a refusal and what a person reads out on the phone can be joined. */
import type Koa from 'koa';
import { pooledRandomBytes } from '../storage/random-pool.ts';

/** Crockford's base 32: without I, L, O and U, so that what is read aloud is typed back right. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Makes the id and answers with it as `X-Request-Id`. What the caller sent under that name is not believed. */
export const requestId: Koa.Middleware = (ctx, next) => {
  const id = newRequestId();
  ctx.state.requestId = id;
  ctx.set('X-Request-Id', id);
  return next();
};

/** The id of this request; '' before the door. */
export function requestIdOf(ctx: Pick<Koa.Context, 'state'>): string {
  const id: unknown = ctx.state.requestId;
  return typeof id === 'string' ? id : '';
}

/** 60 random bits as three groups of four: 'K7QF-2M9D-0XTB'. Enough to be unique in a week's log. */
export function newRequestId(): string {
  let letters = '';
  for (const byte of pooledRandomBytes(12)) letters += ALPHABET[byte % 32];
  return `${letters.slice(0, 4)}-${letters.slice(4, 8)}-${letters.slice(8)}`;
}
