#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { useCompileCache } from './compile-cache.js';
import { guard } from './guard.js';

const args = process.argv.slice(2);

if (guard(fileURLToPath(import.meta.url), args)) {
  useCompileCache();
  // Not a static import: it loads what an older Node cannot.
  const { run } = await import('../src/cli/main.ts');
  process.exitCode = await run(args);
}
