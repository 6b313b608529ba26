/** The command table: parsing, help and the local socket know no other commands. */
import { clientCommands } from './client-commands.ts';
import type { Command } from './command.ts';
import { keyCommands } from './key-commands.ts';
import { resourceCommands } from './resource-commands.ts';
import { roleCommands } from './role-commands.ts';
import { serverCommands } from './server-commands.ts';
import { userCommands } from './user-commands.ts';

export const commands: readonly Command[] = [
  ...serverCommands,
  ...userCommands,
  ...clientCommands,
  ...resourceCommands,
  ...roleCommands,
  ...keyCommands,
];
