import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Kind } from './kinds.ts';
import { Secret } from './secret.ts';

/** One or more master keys; each reveals its base64 text. The first seals, all of them open. */
export const masterKeysKind: Kind<readonly Secret[]> = {
  form: 'base64 of 32 random bytes (`openssl rand -base64 32`); several, newest first, separated by commas',
  read(text) {
    const keys: Secret[] = [];
    const parts = text.split(/[\s,]+/).filter(Boolean);
    for (const [place, part] of parts.entries()) {
      const which = parts.length > 1 ? `key ${place + 1} of the list ` : '';
      const sentence = judgeKey(part);
      if (sentence)
        return { kind: 'fault', fault: `${which}${sentence}; make one with: openssl rand -base64 32` };
      keys.push(new Secret(part));
    }
    if (keys.length === 0)
      return { kind: 'fault', fault: 'must hold a key; make one with: openssl rand -base64 32' };
    return { kind: 'value', value: keys };
  },
};

// 32 random bytes hold fewer than 20 different ones about once in 10^7 keys; a typed or repeated pattern always does.
const leastDifferentBytes = 20;

function judgeKey(text: string): string | undefined {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return 'must be base64';
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length < 32) return `must be 32 bytes or more in base64, and is ${bytes.length}`;
  if (new Set(bytes.subarray(0, 32)).size < leastDifferentBytes) return 'must be random, and repeats itself';
  return undefined;
}

export type OpenedMasterKey =
  | { readonly kind: 'keys'; readonly keys: readonly Secret[]; readonly made: boolean }
  | { readonly kind: 'fault'; readonly fault: string };

/**
 * The master key of the embedded set-up: reads `<dataDir>/master.key`, or makes it (mode 0600, directory 0700).
 * To be called before the database is opened: where a database lies without its key, no new key is made,
 * since it would open nothing that is sealed in there.
 */
export function openMasterKey(dataDir: string): OpenedMasterKey {
  const file = join(dataDir, 'master.key');
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    // Whoever may list or write here may put another key or database in place.
    if ((statSync(dataDir).mode & 0o077) !== 0) chmodSync(dataDir, 0o700);
    if (existsSync(file)) return readKeyFile(file, false);
    const database = join(dataDir, 'db');
    if (existsSync(database) && readdirSync(database).length > 0) {
      return fault(
        `${file} is missing, but ${database} holds a database sealed with it: put the key back from its backup`,
      );
    }
    return readKeyFile(file, makeKeyFile(dataDir, file));
  } catch (error) {
    return fault(`${file} cannot be opened: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function fault(sentence: string): OpenedMasterKey {
  return { kind: 'fault', fault: sentence };
}

function readKeyFile(file: string, made: boolean): OpenedMasterKey {
  if ((statSync(file).mode & 0o077) !== 0) return fault(`${file} can be read by others: chmod 600 ${file}`);
  const read = masterKeysKind.read(readFileSync(file, 'utf8').trim());
  return read.kind === 'value' ? { kind: 'keys', keys: read.value, made } : fault(`${file} ${read.fault}`);
}

/** True when this process made the file; false when another was first. */
function makeKeyFile(dataDir: string, file: string): boolean {
  // Written aside, forced to disk and then linked: the name appears with its whole content or not at all,
  // and of two processes that start at once only one link succeeds.
  const aside = join(dataDir, `.master.key.${process.pid}.${randomBytes(4).toString('hex')}`);
  const handle = openSync(aside, 'wx', 0o600);
  try {
    writeSync(handle, `${randomBytes(32).toString('base64')}\n`);
    fsyncSync(handle);
    linkSync(aside, file);
    const directory = openSync(dataDir, 'r');
    fsyncSync(directory);
    closeSync(directory);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    closeSync(handle);
    unlinkSync(aside);
  }
}
