/** Real rooms on an embedded database of a test's own, and the command line in this process on them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCommandLine } from '../../src/cli/arguments.ts';
import { commands } from '../../src/cli/commands.ts';
import { execute, type Supplied } from '../../src/cli/execute.ts';
import { openMasterKey } from '../../src/config/master-key.ts';
import { readSettings } from '../../src/config/settings.ts';
import { openRooms, type Rooms } from '../../src/rooms.ts';

export const silentLog = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};

export const issuer = 'http://localhost:3999';

export interface Ran {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The document on standard output. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read members of many shapes
  readonly json: any;
}

export interface TestRooms {
  readonly rooms: Rooms;
  readonly dataDir: string;
  /** With `--json`; `text` runs without. */
  cli(words: readonly string[], supplied?: Partial<Supplied>): Promise<Ran>;
  text(words: readonly string[], supplied?: Partial<Supplied>): Promise<Ran>;
  close(): Promise<void>;
}

export async function openTestRooms(): Promise<TestRooms> {
  const dataDir = join(await mkdtemp(join(tmpdir(), 'cardea-cli-')), 'data');
  const read = readSettings({ CARDEA_DATA_DIR: dataDir, CARDEA_ISSUER: issuer, PORT: '3999' });
  if (read.kind === 'faults') throw new Error(read.faults.join('\n'));
  const key = openMasterKey(dataDir);
  if (key.kind === 'fault') throw new Error(key.fault);
  const rooms = await openRooms({ settings: read.settings, masterKeys: key.keys, log: silentLog });

  async function text(words: readonly string[], supplied: Partial<Supplied> = {}): Promise<Ran> {
    const parsed = parseCommandLine(words, commands);
    if (parsed.kind !== 'command') throw new Error(`${words.join(' ')}: ${JSON.stringify(parsed)}`);
    const output = await execute(parsed, { files: {}, ...supplied }, rooms);
    return { ...output, json: parsed.json ? JSON.parse(output.stdout) : undefined };
  }
  return {
    rooms,
    dataDir,
    text,
    cli: (words, supplied) => text([...words, '--json'], supplied),
    async close() {
      await rooms.close();
      await rm(join(dataDir, '..'), { recursive: true, force: true });
    },
  };
}
