/** What can be wrong with what was given, as values: the page turns them into text, the command line too. */

/** One fault: `field` names the input, `message` is a sentence for the person who gave it. */
export interface Fault {
  readonly field: string;
  readonly message: string;
  /** The same for pages: a text's key, and what stands in it. */
  readonly text?: { readonly key: string; readonly values?: Readonly<Record<string, number>> } | undefined;
}

/** Every fault at once. */
export type Faulty = { readonly kind: 'faults'; readonly faults: readonly Fault[] };
/** Another account has that address; another role that name. */
export type Taken = { readonly kind: 'taken' };
/** The hashing queue is full: nothing was done. */
export type Busy = { readonly kind: 'busy'; readonly retryAfterSeconds: number };
