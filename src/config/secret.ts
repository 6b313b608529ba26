import { inspect } from 'node:util';

const shown = '[secret]';

/**
 * A string that does not print: neither in a template, nor in JSON, nor in an error that was inspected.
 * Whoever needs the value says so with `reveal()`, which is easy to find in a review.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): '[secret]' {
    return shown;
  }

  toJSON(): '[secret]' {
    return shown;
  }

  [inspect.custom](): '[secret]' {
    return shown;
  }
}
