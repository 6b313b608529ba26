/** Commands as they are typed into a shell. */

/** `npx cardea …`, each word quoted where a POSIX shell would take it apart. */
export function cardea(...words: readonly string[]): string {
  return ['npx cardea', ...words.map(shellWord)].join(' ');
}

function shellWord(word: string): string {
  return /^[A-Za-z0-9_./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
