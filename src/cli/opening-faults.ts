/** Why the rooms, or the server, did not open, and what to do about it. */
import { type Failed, failed } from './command.ts';
import { failureOf } from './execute.ts';

const ownFaults: Readonly<Record<string, (message: string) => Failed>> = {
  // Its message says what to do.
  DataDirInUse: (message) =>
    failed(
      'in_use',
      message,
      'A running server answers commands by itself, unless it is only just starting or stopping.',
    ),
  MigrationsPending: (message) => failed('migrations_pending', message, 'Apply them:  npx cardea migrate'),
  UnfitRedis: (message) => failed('unfit', message),
};

/** Errors are told by the name of their class, so that knowing them loads no room. */
export function openingFault(error: unknown): Failed {
  if (!(error instanceof Error)) return failureOf(error);
  const own = ownFaults[error.name] ?? ownFaults[error.constructor.name];
  if (own) return own(error.message);
  const code = 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') {
    return failed(
      'in_use',
      `${error.message}: something listens there already`,
      'Stop it, or set PORT to another.',
    );
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return failed('not_allowed', error.message, 'See that this user may open it.');
  }
  // `openMasterKey` and other faults of an operator come as sentences without a code.
  return error.constructor === Error ? failed('not_opened', error.message) : failureOf(error);
}
