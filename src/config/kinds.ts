import { isIP } from 'node:net';
import { Secret } from './secret.ts';

/** What reading one text gives: its value, or what is wrong with it. A fault never repeats the text. */
export type Read<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'fault'; readonly fault: string };

/** A kind of setting: how it is written (for people) and how it is read. */
export interface Kind<T> {
  readonly form: string;
  read(text: string): Read<T>;
}

const value = <T>(read: T): Read<T> => ({ kind: 'value', value: read });
const fault = <T>(text: string): Read<T> => ({ kind: 'fault', fault: text });

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): Kind<number> {
  const form = `a whole number from ${min} to ${max}`;
  return {
    form,
    read(text) {
      const read = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return read >= min && read <= max ? value(read) : fault(`must be ${form}`);
    },
  };
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `900`, `900s`, `15m`, `1h` or `14d` in seconds; undefined when it is none of these. */
export function parseSeconds(text: string): number | undefined {
  const parts = /^(\d{1,10})([smhd]?)$/.exec(text);
  return parts ? Number(parts[1]) * (unitSeconds[parts[2] || 's'] ?? 1) : undefined;
}

/** Seconds the way people write them: the largest unit that leaves no rest. */
export function formatSeconds(seconds: number): string {
  const unit = ['d', 'h', 'm'].find((name) => seconds > 0 && seconds % (unitSeconds[name] ?? 1) === 0) ?? 's';
  return `${seconds / (unitSeconds[unit] ?? 1)}${unit}`;
}

/** A duration from `min` to `max` seconds. */
export function duration(min: number, max: number): Kind<number> {
  const form = `a duration from ${formatSeconds(min)} to ${formatSeconds(max)}: seconds, or a number with s, m, h or d`;
  return {
    form,
    read(text) {
      const seconds = parseSeconds(text);
      return seconds !== undefined && seconds >= min && seconds <= max
        ? value(seconds)
        : fault(`must be ${form}`);
    },
  };
}

export const yesOrNo: Kind<boolean> = {
  form: '`true` or `false`',
  read: (text) =>
    text === 'true' || text === 'false' ? value(text === 'true') : fault('must be true or false'),
};

/** One of a few words. */
export function oneOf<T extends string>(words: readonly T[]): Kind<T> {
  return {
    form: words.map((word) => `\`${word}\``).join(', '),
    read(text) {
      const word = words.find((known) => known === text);
      return word ? value(word) : fault(`must be one of ${words.join(', ')}`);
    },
  };
}

/** A path, an address or another text without control characters. */
export function plainText(form: string): Kind<string> {
  return {
    form,
    read: (text) => (/^\P{Cc}{1,1024}$/u.test(text) ? value(text) : fault(`must be ${form}, in one line`)),
  };
}

/** A URL that carries a password: read as a secret, and only its beginning is judged. */
export function secretUrl(schemes: readonly string[], form: string): Kind<Secret> {
  return {
    form,
    read: (text) =>
      schemes.some((scheme) => text.startsWith(`${scheme}://`) && text.length > scheme.length + 3) &&
      !/\s/.test(text)
        ? value(new Secret(text))
        : fault(`must begin with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`),
  };
}

/** A word, or what the other kind reads: `auto`, `off`. */
export function orWord<T, W extends string>(word: W, other: Kind<T>): Kind<T | W> {
  return {
    form: `${other.form}, or \`${word}\``,
    read(text): Read<T | W> {
      if (text === word) return value(word);
      const read = other.read(text);
      return read.kind === 'value' ? read : fault(`${read.fault}, or ${word}`);
    },
  };
}

/** Networks as `10.0.0.0/8, ::1`, separated by commas or spaces; a single address becomes its own network. */
export const networks: Kind<readonly string[]> = {
  form: 'networks such as `10.0.0.0/8, 2001:db8::/32`, separated by commas',
  read(text) {
    const all: string[] = [];
    for (const part of text.split(/[\s,]+/).filter(Boolean)) {
      const [address = '', prefix, ...rest] = part.split('/');
      const bits = isIP(address) === 4 ? 32 : isIP(address) === 6 ? 128 : 0;
      const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
      if (bits === 0 || rest.length > 0 || length < 0 || length > bits) {
        return fault('must be networks such as 10.0.0.0/8, separated by commas');
      }
      // A prefix of 0 would let every visitor write the address that limits and locks count by.
      if (length === 0) return fault('must not be all addresses (/0): then anybody could forge their own');
      all.push(`${address}/${length}`);
    }
    return value(all);
  },
};
