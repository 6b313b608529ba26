/** From an outcome to what is written where, and the exit code. */
import type { Failed, Outcome } from './command.ts';

export interface Output {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** With `--json` standard output holds exactly one document, whatever happened. */
export function outputOf(outcome: Outcome, json: boolean): Output {
  if (outcome.kind === 'failed') return failureOutput(outcome, json);
  const warnings = (outcome.warnings ?? []).map((warning) => `Warning: ${warning}\n`).join('');
  if (json) return { exit: 0, stdout: document(outcome.json), stderr: warnings };
  const next = outcome.next === undefined ? '' : `\n${outcome.next}\n`;
  return { exit: 0, stdout: outcome.text, stderr: `${warnings}${next}` };
}

function failureOutput({ error, message, next, exit = 1 }: Failed, json: boolean): Output {
  return {
    exit,
    stdout: json ? document({ error, message }) : '',
    stderr: `cardea: ${message}\n${next === undefined ? '' : `${next}\n`}`,
  };
}

export function document(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
