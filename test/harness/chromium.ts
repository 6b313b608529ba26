import { type Browser, chromium } from 'playwright-core';
import { findBinaries } from './binaries.ts';

// Nothing leaves the machine, and a container's missing namespaces do not matter.
const args = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];

/** A real Chromium without a window. Close it in the same test file. */
export async function openChromium(): Promise<Browser> {
  const executablePath = process.env.TEST_CHROMIUM ?? findBinaries().chromium;
  if (!executablePath)
    throw new Error('no Chromium on this machine: install the package chromium, or set TEST_CHROMIUM');
  return chromium.launch({ executablePath, args, headless: true });
}
