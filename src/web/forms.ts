/** Reading a submitted form: bounded in size, time and number, every field one string, or a refusal that says why. */
import type { IncomingMessage } from 'node:http';
import type Koa from 'koa';
import { WebFault } from './problem.ts';

/** Fields by name. Has no prototype: `__proto__` is a name like any other. */
export type FormFields = Readonly<Record<string, string | undefined>>;

export interface FormLimits {
  /** Bytes. The longest honest form of ours (e-mail, 1,024-byte password percent-encoded, tokens) is under 5 kB. */
  readonly maxBytes?: number;
  readonly maxFields?: number;
  /** A body that dribbles in is given up: a phone on a bad line sends 16 kB in well under this. */
  readonly timeoutMs?: number;
}

/**
 * Reads `application/x-www-form-urlencoded` (WHATWG URL section 5.1, read strictly: invalid percent-encoding or UTF-8,
 * NUL, and a name that comes twice are refused).
 * @throws WebFault 415 another content type or a content coding · 413 too large · 408 too slow · 400 malformed
 */
export async function readForm(ctx: Koa.Context, limits: FormLimits = {}): Promise<FormFields> {
  if (ctx.is('application/x-www-form-urlencoded') === false || ctx.get('Content-Encoding') !== '') {
    throw new WebFault({ status: 415, detail: 'Send an ordinary form.' });
  }
  const body = await readBody(ctx, limits.maxBytes ?? 16_384, limits.timeoutMs ?? 10_000);
  return parseForm(body, limits.maxFields ?? 40);
}

/** @throws WebFault 400 */
export function parseForm(body: Buffer, maxFields: number): FormFields {
  const fields: Record<string, string> = Object.create(null);
  const text = body.toString('latin1');
  if (text === '') return fields;
  const pairs = text.split('&', maxFields + 1);
  if (pairs.length > maxFields) throw malformed('The form has too many fields.');
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const name = decode(at === -1 ? pair : pair.slice(0, at));
    if (name in fields) throw malformed(`The field "${name.slice(0, 40)}" was sent twice.`);
    if (/[[\]]/.test(name)) throw malformed('Fields hold one value each.');
    fields[name] = decode(at === -1 ? '' : pair.slice(at + 1));
  }
  return fields;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @param raw one byte per character. */
function decode(raw: string): string {
  if (/%(?![0-9A-Fa-f]{2})/.test(raw)) throw malformed('The form is not percent-encoded as it should be.');
  const bytes = raw
    .replaceAll('+', ' ')
    .replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  let text: string;
  try {
    text = utf8.decode(Buffer.from(bytes, 'latin1'));
  } catch {
    throw malformed('The form is not valid UTF-8.');
  }
  // Postgres text cannot hold NUL, and nobody types it.
  if (text.includes('\0')) throw malformed('The form holds a NUL character.');
  return text;
}

/** @param what names it in the refusals. @throws WebFault 413, 408, 400 */
export function readBody(
  ctx: Koa.Context,
  maxBytes: number,
  timeoutMs: number,
  what = 'form',
): Promise<Buffer> {
  const req: IncomingMessage = ctx.req;
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) return Promise.reject(tooLarge(ctx, what));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      req.off('data', onData).off('end', onEnd).off('error', onGone).off('aborted', onGone);
      act();
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) settle(() => reject(tooLarge(ctx, what)));
      else chunks.push(chunk);
    };
    const onEnd = (): void => settle(() => resolve(Buffer.concat(chunks)));
    const onGone = (): void => settle(() => reject(malformed(`The ${what} did not arrive whole.`)));
    const timer = setTimeout(() => {
      ctx.set('Connection', 'close');
      settle(() => reject(new WebFault({ status: 408, detail: `The ${what} took too long to arrive.` })));
    }, timeoutMs);
    timer.unref();
    req.on('data', onData).on('end', onEnd).on('error', onGone).on('aborted', onGone);
  });
}

function tooLarge(ctx: Koa.Context, what: string): WebFault {
  // What is still coming is not read: the connection ends with the answer.
  ctx.set('Connection', 'close');
  return new WebFault({ status: 413, detail: `The ${what} is too large.` });
}

function malformed(detail: string): WebFault {
  return new WebFault({ status: 400, detail });
}
