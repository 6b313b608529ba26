// `node bin/guarded.js SCRIPT.ts …`: runs one of our scripts under a Node that can, or says which one is needed.
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { guard } from './guard.js';

const [script = '', ...args] = process.argv.slice(2);

if (guard(fileURLToPath(import.meta.url), [script, ...args])) {
  process.argv = [process.argv[0] ?? 'node', resolve(script), ...args];
  await import(pathToFileURL(resolve(script)).href);
}
