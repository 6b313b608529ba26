/** The one table: a line for each number, with its budget and a mark where it is missed. */
import { type Budget, describe, keeps } from './budgets.ts';

export interface Row {
  readonly what: string;
  /** In the order of the section's columns. */
  readonly cells: readonly string[];
  readonly budget?: Budget | undefined;
  /** What the budget is held against. */
  readonly value?: number | undefined;
}

export interface Section {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

export function render(sections: readonly Section[]): { text: string; missed: readonly string[] } {
  const missed: string[] = [];
  const lines: (readonly string[] | undefined)[] = [];
  for (const { columns, rows } of sections) {
    if (lines.length > 0) lines.push(undefined);
    lines.push([...columns, 'budget', '']);
    for (const { what, cells, budget, value } of rows) {
      const kept = value === undefined || keeps(budget, value);
      if (!kept) missed.push(what);
      lines.push([what, ...cells, describe(budget), budget ? (kept ? '✓' : '✗') : '']);
    }
  }
  const most = Math.max(...lines.map((line) => line?.length ?? 0));
  const filled = lines.map((line) => {
    if (!line) return undefined;
    const marks = line.slice(-2);
    const cells = line.slice(0, -2);
    return [...cells, ...Array<string>(most - line.length).fill(''), ...marks];
  });
  const widths = Array.from({ length: most }, (_, n) =>
    Math.max(...filled.map((line) => line?.[n]?.length ?? 0)),
  );
  const text = filled
    .map((line) =>
      (line ?? [])
        .map((cell, n) => (n === 0 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
  return { text, missed };
}
