#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { useCompileCache } from './compile-cache.js';
import { guard } from './guard.js';

const args = process.argv.slice(2);
// Node 24 keeps 64 MiB for objects that live shortly, and has touched them all after the start: a server needs 16.
const flags = args[0] === 'serve' ? ['--max-semi-space-size=8'] : [];

if (guard(fileURLToPath(import.meta.url), args, flags)) {
  useCompileCache();
  // Not a static import: it loads what an older Node cannot.
  const { run } = await import('../src/cli/main.ts');
  process.exitCode = await run(args);
}
