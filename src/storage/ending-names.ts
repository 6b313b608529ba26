/** How what a FamilyEnder ends is named: a family by its id, a browser session by a name of its own. */
const SESSION = 'session:';

/** How a browser session is named among what a FamilyEnder ends, so that a store that comes back older revives nothing. */
export function sessionToEnd(uid: string): string {
  return SESSION + uid;
}

/** The uid in such a name; nothing when it names a family. */
export function uidOfEnding(name: string): readonly string[] {
  return name.startsWith(SESSION) ? [name.slice(SESSION.length)] : [];
}
