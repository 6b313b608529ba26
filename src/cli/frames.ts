/** What goes over the local socket: one line of JSON each way, a request and its answer. Both are bounded. */
import type { Socket } from 'node:net';
import type { Output } from './output.ts';

/** A command line with its files (a JWK Set of 128 KiB at most) fits several times. */
export const MAX_REQUEST_BYTES = 524_288;
/** A page of 200 clients with every member full has about 2 MB. */
export const MAX_ANSWER_BYTES = 16_777_216;
/** Grows when the frames change, so that a server that was started before an update says so. */
export const FRAME_VERSION = 1;

export interface RequestFrame {
  readonly version: typeof FRAME_VERSION;
  readonly argv: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  readonly password?: string;
}

export type ReadLine =
  | { readonly kind: 'line'; readonly line: string }
  | { readonly kind: 'too-long' }
  | { readonly kind: 'ended' };

/** Reads up to the first line end and no byte more than `max`. Rejects when the connection breaks. */
export function readLine(socket: Socket, max: number): Promise<ReadLine> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (result: ReadLine) => {
      socket.off('data', read).off('end', ended).off('error', reject).pause();
      resolve(result);
    };
    const ended = () => finish({ kind: 'ended' });
    const read = (chunk: Buffer) => {
      const end = chunk.indexOf(0x0a);
      const part = end === -1 ? chunk : chunk.subarray(0, end);
      size += part.length;
      if (size > max) return finish({ kind: 'too-long' });
      chunks.push(part);
      if (end !== -1) finish({ kind: 'line', line: Buffer.concat(chunks).toString('utf8') });
    };
    socket.on('data', read).on('end', ended).on('error', reject).once('close', ended);
  });
}

export function parseRequest(line: string): RequestFrame | undefined {
  const value = parseObject(line);
  if (!value || value.version !== FRAME_VERSION) return undefined;
  const { argv, files, password } = value;
  if (!Array.isArray(argv) || !argv.every((word) => typeof word === 'string')) return undefined;
  if (typeof files !== 'object' || files === null || Array.isArray(files)) return undefined;
  if (!Object.values(files).every((content) => typeof content === 'string')) return undefined;
  if (password !== undefined && typeof password !== 'string') return undefined;
  return {
    version: FRAME_VERSION,
    argv: argv as readonly string[],
    files: files as Readonly<Record<string, string>>,
    ...(password !== undefined && { password }),
  };
}

export function parseAnswer(line: string): Output | undefined {
  const { exit, stdout, stderr } = parseObject(line) ?? {};
  if (typeof exit !== 'number' || typeof stdout !== 'string' || typeof stderr !== 'string') return undefined;
  return { exit, stdout, stderr };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // garbage is one kind of what the callers refuse
  }
}
