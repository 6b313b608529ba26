import type { Kind } from './kinds.ts';

/** One setting: its name, how it is read, and what the settings page says of it. */
export interface Definition<T> {
  readonly name: string;
  readonly kind: Kind<T>;
  /** The default as the page shows it. */
  readonly byDefault: string;
  readonly meaning: string;
}

export function define<T>(name: string, kind: Kind<T>, byDefault: string, meaning: string): Definition<T> {
  return { name, kind, byDefault, meaning };
}
