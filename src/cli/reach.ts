/**
 * How a command reaches the data: through the running server where the embedded database is served by one, else by
 * opening the rooms itself, as any other process on Postgres (and Redis) does.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openMasterKey } from '../config/master-key.ts';
import type { Settings } from '../config/settings.ts';
import type { Log } from '../observability/log.ts';
import type { ParsedCommand } from './arguments.ts';
import { type Failed, failed } from './command.ts';
import { execute, inputOf, type Supplied } from './execute.ts';
import { askServer } from './local-socket-client.ts';
import { openingFault } from './opening-faults.ts';
import { type Output, outputOf } from './output.ts';

/** A server that starts has its lock some seconds before its socket, and one that stops the other way round. */
const PATIENCE_MS = 8_000;
const ASK_AGAIN_MS = 250;

export interface Reach {
  readonly settings: Settings;
  readonly argv: readonly string[];
  readonly log: Log;
}

export async function reach(parsed: ParsedCommand, supplied: Supplied, o: Reach): Promise<Output> {
  const answer = (fault: Failed) => outputOf(fault, parsed.json);
  const { settings } = o;
  if (settings.setup !== 'embedded')
    return openAndExecute(parsed, supplied, o).catch((e) => answer(openingFault(e)));

  const startedAt = performance.now();
  for (;;) {
    const asked = await askServer(settings.dataDir, o.argv, supplied);
    if (asked.kind === 'answer') return asked.output;
    if (asked.kind === 'failed') return answer(asked);
    const foreign = await foreignDatabase(settings.dataDir);
    if (foreign) return answer(foreign);
    try {
      return await openAndExecute(parsed, supplied, o);
    } catch (error) {
      const fault = openingFault(error);
      const mayWait = fault.error === 'in_use' && performance.now() - startedAt < PATIENCE_MS;
      if (!mayWait) return answer(fault);
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}

/** @throws what opening throws; a fault of the command itself is in its output */
async function openAndExecute(
  parsed: ParsedCommand,
  supplied: Supplied,
  { settings, log }: Reach,
): Promise<Output> {
  const masterKeys = settings.masterKeys ?? embeddedKeys(settings.dataDir);
  if (parsed.command.needs === 'database') {
    const { openDatabase } = await import('../storage/database.ts');
    const database = await openDatabase({ settings, log });
    try {
      return outputOf(await parsed.command.run({ database }, inputOf(parsed, supplied)), parsed.json);
    } finally {
      await database.close();
    }
  }
  const { openRooms } = await import('../rooms.ts');
  const rooms = await openRooms({ settings, masterKeys, log });
  try {
    return await execute(parsed, supplied, rooms);
  } finally {
    await rooms.close();
  }
}

function embeddedKeys(dataDir: string) {
  const opened = openMasterKey(dataDir);
  if (opened.kind === 'fault') throw new Error(opened.fault);
  return opened.keys;
}

/** Opened by another user, root included, the database gets files that its own server cannot open afterwards. */
async function foreignDatabase(dataDir: string): Promise<Failed | undefined> {
  const owner = await stat(join(dataDir, 'db', 'PG_VERSION')).then(
    (found) => found.uid,
    () => undefined,
  );
  const self = process.getuid?.();
  if (owner === undefined || self === undefined || owner === self) return undefined;
  return failed(
    'not_yours',
    `the database in ${dataDir} belongs to the user with id ${owner}, and this is ${self}`,
    'Run the command as that user, or while the server runs.',
  );
}
