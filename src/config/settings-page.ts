import type { Definition } from './definition.ts';
import { definitions } from './definitions.ts';
import { formatSeconds } from './kinds.ts';
import { familyRows, type LifetimeRow, lifetimeRows } from './lifetimes.ts';
import { formatLimit, limitKind, limitRows } from './limits.ts';

/** Renders docs/configuration.md from the tables that the settings are read by. */
export function renderSettingsPage(): string {
  const main = Object.values<Definition<unknown>>(definitions).map((one) => [
    code(one.name),
    one.byDefault,
    one.meaning,
    one.kind.form,
  ]);
  const families = Object.values(familyRows).flatMap((rows) => [rows.idle, rows.absolute]);
  const limits = Object.values(limitRows).map((row) => [
    code(row.name),
    code(formatLimit(row.limit)),
    row.meaning,
  ]);
  return `${[
    '# Settings',
    '<!-- Made by `npm run docs` from src/config; `npm run docs:check` fails when it is stale. -->',
    [
      'Environment variables, or `NAME=value` lines in a file given by `--config FILE`; what stands in both is taken',
      'from the environment. They are read once at the start and judged together: every fault is named in one message,',
      'and no value is ever printed. A `CARDEA_…` that is not in these tables stops the start, except what Kubernetes',
      'injects for a service called "cardea" (`CARDEA_SERVICE_…`, `CARDEA_PORT…`). An empty value counts as not set.',
    ].join('\n'),
    [
      'Which stores are used follows from two of them: neither `DATABASE_URL` nor `REDIS_URL` is the **embedded** set-up,',
      '`DATABASE_URL` alone the **plain** one, both the **full** one. `REDIS_URL` alone is refused.',
    ].join('\n'),
    table(['name', 'default', 'meaning', 'form'], main),
    '## Lifetimes',
    'Seconds, or a number with `s`, `m`, `h` or `d`. Idle counts from the last use, absolute from the sign-in.',
    table(
      ['name', 'default', 'how long', 'from', 'to'],
      [...Object.values(lifetimeRows), ...families].map(lifetimeLine),
    ),
    'Service clients have no refresh tokens: they ask again.',
    '## Limits',
    `A limit is ${limitKind.form}. Windows are fixed; a caller over a limit is answered 429 with \`Retry-After\`.`,
    table(['name', 'default', 'counts'], limits),
  ].join('\n\n')}\n`;
}

function lifetimeLine(row: LifetimeRow): string[] {
  const [from = '', to = ''] = /from (\S+) to ([^\s:]+)/.exec(row.kind.form)?.slice(1) ?? [];
  return [code(row.name), code(formatSeconds(row.seconds)), row.meaning, from, to];
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...lines.map(line)].join('\n');
}

function code(text: string): string {
  return `\`${text}\``;
}
