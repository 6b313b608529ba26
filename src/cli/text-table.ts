/** Text for a terminal: aligned columns, and nothing that could steer it. */

/** Control characters and direction marks of foreign text do nothing at a terminal. */
export function clean(text: string): string {
  return text.replace(/[\p{Cc}\u{61c}\u{200e}\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}]/gu, '\u{fffd}');
}

/** Columns as wide as their widest cell, two spaces apart; lists are told with commas. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows.map((row) => row.map((cell) => clean(cell) || '-'))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => [...(row[column] ?? '')].length)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - [...cell].length))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

/** One thing, a line for each member; absent and empty ones are left out. */
export function textFields(
  fields: readonly (readonly [string, string | readonly string[] | undefined])[],
): string {
  const present = fields.flatMap(([name, value]) => {
    const values = (typeof value === 'string' ? [value] : (value ?? [])).filter((one) => one !== '');
    return values.map((one, place) => [place === 0 ? name : '', clean(one)] as const);
  });
  const width = Math.max(0, ...present.map(([name]) => name.length));
  return `${present.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')}\n`;
}

/** 2026-11-23 22:25 UTC, from milliseconds since the epoch. */
export function textTime(at: number | undefined): string {
  return at === undefined ? '' : `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
