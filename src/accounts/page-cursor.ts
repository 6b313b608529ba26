/** Where a page of accounts ended, as text for the next request. It names an account's time and id and opens nothing. */

/** `<milliseconds>.<id>`. */
export function writeCursor({ createdAt, id }: { createdAt: number; id: string }): string {
  return `${createdAt}.${id}`;
}

/** Undefined for anything else: what comes back is judged like any other input. */
export function readCursor(text: string): { createdAt: number; id: string } | undefined {
  const parts = /^(\d{1,15})\.([A-Za-z0-9_-]{1,64})$/.exec(text);
  return parts ? { createdAt: Number(parts[1]), id: parts[2] ?? '' } : undefined;
}
