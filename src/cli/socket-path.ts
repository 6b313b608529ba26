/** Where the local socket of a data directory is, in a form that the system accepts. */
import { join, relative, resolve } from 'node:path';

/** Linux has room for 107 bytes, macOS for 103; Node cuts a longer path off without a word. */
const MAX_PATH_BYTES = 100;

/** Absolute when that is short enough, else relative to the working directory; undefined when both are too long. */
export function socketPath(dataDir: string): string | undefined {
  const file = join(resolve(dataDir), 'cardea.sock');
  return [file, relative(process.cwd(), file)].find((path) => Buffer.byteLength(path) <= MAX_PATH_BYTES);
}
