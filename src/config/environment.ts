import { readFileSync } from 'node:fs';
import { type Environment, settingNames, unknownName } from './setting-names.ts';

export type ReadEnvironment =
  | { readonly kind: 'environment'; readonly environment: Environment }
  | { readonly kind: 'faults'; readonly faults: readonly string[] };

/**
 * The variables that `readSettings` judges: those of the process and, below them, those of a file.
 * What stands in both is taken from the process. No other file reads `process.env`.
 * @param configFile path of a file of `NAME=value` lines, as given by `--config`
 */
export function readEnvironment(configFile?: string): ReadEnvironment {
  const own: Environment = { ...process.env };
  if (configFile === undefined) return { kind: 'environment', environment: own };
  let text: string;
  try {
    text = readFileSync(configFile, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { kind: 'faults', faults: [`--config ${configFile}: cannot be read: ${why}`] };
  }
  const parsed = parseConfigFile(text);
  return parsed.kind === 'faults'
    ? { kind: 'faults', faults: parsed.faults.map((fault) => `--config ${configFile}, ${fault}`) }
    : { kind: 'environment', environment: { ...parsed.environment, ...own } };
}

/**
 * Reads `NAME=value` lines. `#` begins a comment line; a value may stand in single or double quotes,
 * which are taken off; nothing is expanded.
 * @returns the variables, or one fault for each bad line, by its number and without its value
 */
export function parseConfigFile(text: string): ReadEnvironment {
  const environment: Record<string, string> = {};
  const faults: string[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const where = `line ${index + 1}`;
    const parts = /^([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/.exec(line);
    const name = parts?.[1];
    if (name === undefined) faults.push(`${where}: must be NAME=value`);
    else if (Object.hasOwn(environment, name)) faults.push(`${where}: ${name} stands there twice`);
    // A file of settings holds settings only; names that begin with CARDEA_ are judged with the others.
    else if (!settingNames.includes(name) && !name.startsWith('CARDEA_'))
      faults.push(`${where}: ${unknownName(name)}`);
    else environment[name] = unquote(parts?.[2] ?? '');
  }
  return faults.length > 0 ? { kind: 'faults', faults } : { kind: 'environment', environment };
}

function unquote(text: string): string {
  const quoted = /^(["'])(.*)\1$/.exec(text);
  return quoted ? (quoted[2] ?? '') : text;
}
