/** The commands that run on open rooms: in a process of their own, or in a running server by its local socket. */
import { clientCommands } from './client-commands.ts';
import type { Command } from './command.ts';
import { explainCommands } from './explain-command.ts';
import { factorCommands } from './factor-commands.ts';
import { installationCommands } from './installation-commands.ts';
import { invitationCommands } from './invitation-commands.ts';
import { keyCommands } from './key-commands.ts';
import { mailCommands } from './mail-commands.ts';
import { passkeyCommands } from './passkey-commands.ts';
import { providerCommands } from './provider-commands.ts';
import { registrationCommands } from './registration-commands.ts';
import { resourceCommands } from './resource-commands.ts';
import { roleCommands } from './role-commands.ts';
import { userCommands } from './user-commands.ts';

export const roomCommands: readonly Command[] = [
  ...installationCommands,
  ...userCommands,
  ...factorCommands,
  ...passkeyCommands,
  ...invitationCommands,
  ...clientCommands,
  ...registrationCommands,
  ...resourceCommands,
  ...roleCommands,
  ...providerCommands,
  ...mailCommands,
  ...keyCommands,
  ...explainCommands,
];
