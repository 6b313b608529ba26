/**
 * A bounded map. Two generations stand in for a strict order of use: a hit among the young writes nothing. (Deleting and
 * setting a map's entry anew at each hit leaves dead entries behind: 25 µs a look-up of one hot key, against 0.1 µs.)
 */

/** What was not used while half of `most` others came is forgotten. */
export function createGenerations<V>(most: number) {
  const half = Math.max(1, Math.ceil(most / 2));
  let young = new Map<string, V>();
  let old = new Map<string, V>();
  function set(id: string, value: V): void {
    young.set(id, value);
    if (young.size < half) return;
    old = young;
    young = new Map();
  }
  return {
    get(id: string): V | undefined {
      const value = young.get(id);
      if (value !== undefined) return value;
      const kept = old.get(id);
      if (kept === undefined) return undefined;
      old.delete(id);
      set(id, kept);
      return kept;
    },
    set,
    delete(id: string): void {
      young.delete(id);
      old.delete(id);
    },
    clear(): void {
      young.clear();
      old.clear();
    },
  };
}
