/** The command table: parsing and help know no other commands. */
import type { Command } from './command.ts';
import { roomCommands } from './room-commands.ts';
import { settingsCommands } from './settings-commands.ts';

export const commands: readonly Command[] = [...settingsCommands, ...roomCommands];
