/**
 * Reads the members of an input whose types nobody has checked (a JSON body, a file, a command line) and collects
 * every fault, so that its sender mends them all at once.
 */
import type { Fault } from './client.ts';

export interface InputReader {
  readonly faults: Fault[];
  fault(field: string, ...faults: readonly string[]): void;
  /** Absent and null are alike: the default applies. */
  text(field: string): string | undefined;
  flag(field: string): boolean;
  /** Undefined when absent, for defaults that are not false. */
  optionalFlag(field: string): boolean | undefined;
  /** Distinct texts, each judged; undefined when absent. */
  texts(
    field: string,
    max: number,
    judge: (value: string) => readonly string[],
  ): readonly string[] | undefined;
  /** One of a closed list; undefined when absent or none of it. */
  choice<T extends string>(field: string, choices: readonly T[]): T | undefined;
  /** Some of a closed list. */
  choices<T extends string>(field: string, choices: readonly T[]): readonly T[] | undefined;
  integer(field: string, min: number, max: number): number | undefined;
}

/** How much of a wrong value is said back. */
function quoted(value: unknown): string {
  const text = typeof value === 'string' ? value : typeof value;
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** @param members the members that may occur: any other one is a fault, never ignored (mass assignment) */
export function readInput(input: unknown, members: readonly string[]): InputReader {
  const faults: Fault[] = [];
  const record = (typeof input === 'object' && input !== null ? input : {}) as Readonly<
    Record<string, unknown>
  >;
  const known = new Set(members);
  const fault = (field: string, ...found: readonly string[]) => {
    for (const text of found) faults.push({ field, fault: text });
  };
  if (typeof input !== 'object' || input === null || Array.isArray(input)) fault('', 'must be an object');
  for (const member of Reflect.ownKeys(record).map(String)) {
    if (!known.has(member)) fault(member.slice(0, 60), 'is not a member that can be set');
  }
  const value = (field: string): unknown =>
    Object.hasOwn(record, field) && record[field] !== null ? record[field] : undefined;

  const texts: InputReader['texts'] = (field, max, judge) => {
    const found = value(field);
    if (found === undefined) return undefined;
    if (!Array.isArray(found)) return void fault(field, 'must be a list');
    if (found.length > max) return void fault(field, `holds more than ${max} entries`);
    const seen = new Set<string>();
    for (const entry of found as readonly unknown[]) {
      if (typeof entry !== 'string') fault(field, 'holds an entry that is no text');
      else if (seen.has(entry)) fault(field, `holds ${quoted(entry)} twice`);
      else {
        seen.add(entry);
        fault(field, ...judge(entry).map((text) => `${quoted(entry)} ${text}`));
      }
    }
    return [...seen];
  };

  const optionalFlag: InputReader['optionalFlag'] = (field) => {
    const found = value(field);
    if (found === undefined || typeof found === 'boolean') return found;
    return void fault(field, 'must be true or false');
  };

  return {
    faults,
    fault,
    texts,
    text(field) {
      const found = value(field);
      if (found === undefined || typeof found === 'string') return found;
      return void fault(field, 'must be text');
    },
    flag: (field) => optionalFlag(field) === true,
    optionalFlag,
    choice<T extends string>(field: string, choices: readonly T[]) {
      const found = value(field);
      if (found === undefined) return undefined;
      const choice = choices.find((candidate) => candidate === found);
      if (choice === undefined) fault(field, `must be one of ${choices.join(', ')}, not ${quoted(found)}`);
      return choice;
    },
    choices<T extends string>(field: string, choices: readonly T[]) {
      const allowed =
        choices.length === 0 ? 'nothing is accepted here' : `accepted are ${choices.join(', ')}`;
      const found = texts(field, 20, (entry) =>
        choices.some((choice) => choice === entry) ? [] : [`is not accepted; ${allowed}`],
      );
      return found && choices.filter((choice) => found.includes(choice));
    },
    integer(field, min, max) {
      const found = value(field);
      if (found === undefined) return undefined;
      if (typeof found === 'number' && Number.isInteger(found) && found >= min && found <= max) return found;
      return void fault(field, `must be a whole number from ${min} to ${max}`);
    },
  };
}
