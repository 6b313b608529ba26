/** Where two texts that should be the same to the character begin to differ. */
import { sharedStart } from '../audit/sent.ts';

export interface Difference {
  /** The parameter that was sent. */
  readonly parameter: string;
  readonly sent: string;
  /** The registered value that is most like it. */
  readonly nearest: string;
  /** The place of the first difference, in UTF-16 units from 0. */
  readonly at: number;
  /** In words: 'goes on with "/"', 'has "h", not "H"'. */
  readonly words: string;
}

/** Undefined when nothing is registered, or when one of them is the very same (it was registered since). */
export function differenceOf(
  parameter: string,
  sent: string,
  registered: readonly string[],
): Difference | undefined {
  const nearest = nearestOf(sent, registered);
  if (nearest === undefined || nearest === sent) return undefined;
  const at = sharedStart(sent, nearest);
  return { parameter, sent, nearest, at, words: wordsOf(sent.slice(at), nearest.slice(at)) };
}

/** The one that shares the longest beginning and end. */
export function nearestOf(sent: string, registered: readonly string[]): string | undefined {
  const likeness = (one: string) => {
    const start = sharedStart(sent, one);
    const most = Math.min(sent.length, one.length) - start;
    let end = 0;
    while (end < most && sent.at(-1 - end) === one.at(-1 - end)) end++;
    return start + end - Math.abs(sent.length - one.length) / 4;
  };
  return registered.toSorted((a, b) => likeness(b) - likeness(a))[0];
}

function wordsOf(sent: string, nearest: string): string {
  const few = (text: string) => JSON.stringify(text.length > 24 ? `${text.slice(0, 24)}…` : text);
  if (nearest === '') return `what was sent goes on with ${few(sent)}`;
  if (sent === '') return `what was sent ends where ${few(nearest)} should follow`;
  return `what was sent has ${few(sent.charAt(0))} where the registered one has ${few(nearest.charAt(0))}`;
}

/** Three lines for a terminal: what was sent, what is registered, and a caret under the first difference. */
export function caretLines({ sent, nearest, at }: Difference): string {
  const label = 'registered  ';
  // A window around the difference, so that a long URI does not wrap and lose its caret.
  const from = Math.max(0, at - 90);
  const cut = (text: string) =>
    `${from > 0 ? '…' : ''}${text.slice(from, at + 60)}${text.length > at + 60 ? '…' : ''}`;
  const place = at - from + (from > 0 ? 1 : 0);
  return [
    `${'sent'.padEnd(label.length)}${cut(sent)}`,
    `${label}${cut(nearest)}`,
    `${' '.repeat(label.length + place)}^ ${'first difference'}`,
    '',
  ].join('\n');
}
