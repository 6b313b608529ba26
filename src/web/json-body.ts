/** Reading a JSON body: bounded in size and time, or a refusal that says why. */
import type Koa from 'koa';
import { readBody } from './forms.ts';
import { WebFault } from './problem.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads `application/json` (RFC 8259).
 * @throws WebFault 415 another content type or a content coding · 413 too large · 408 too slow · 400 malformed
 */
export async function readJson(ctx: Koa.Context, maxBytes: number, timeoutMs = 10_000): Promise<unknown> {
  if (!ctx.is('application/json') || ctx.get('Content-Encoding') !== '') {
    throw new WebFault({ status: 415, detail: 'Send JSON, as application/json.' });
  }
  const body = await readBody(ctx, maxBytes, timeoutMs, 'body');
  try {
    return JSON.parse(utf8.decode(body)) as unknown;
  } catch {
    throw new WebFault({ status: 400, detail: 'The body is not JSON.' });
  }
}
