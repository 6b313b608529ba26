/**
 * Things kept in memory under the lease. A load that is under way when its change arrives answers those who asked
 * before, and is not kept. Bounded, least recently used first out; what does not exist is remembered as well, in a
 * space of its own, so that strangers' guesses push out nothing that exists.
 */
import type { ChangeKind, Lease } from './lease.ts';

export interface LeasedCache<T> {
  /** What is known under the lease, or loaded. @throws StorageUnavailable, and whatever `load` throws */
  get(id: string): Promise<T | undefined>;
  /** What is in memory if the lease holds; undefined says nothing about existence. */
  peek(id: string): T | undefined;
}

/** Misses cost about 200 bytes each; a thousand cover every client id that is misconfigured somewhere. */
const MAX_MISSES = 1_000;

/** @param o.max how many loaded values are kept */
export function createLeasedCache<T>(o: {
  lease: Pick<Lease, 'ensure' | 'holds' | 'onChange' | 'onReset'>;
  kind: ChangeKind;
  load: (id: string) => Promise<T | undefined>;
  max: number;
}): LeasedCache<T> {
  const { lease, load, max } = o;
  const values = new Map<string, T>();
  const misses = new Map<string, true>();
  const loading = new Map<string, Promise<T | undefined>>();

  lease.onChange((kind, ids) => {
    if (kind !== o.kind) return;
    for (const id of ids) {
      values.delete(id);
      misses.delete(id);
      loading.delete(id);
    }
  });
  lease.onReset(() => {
    values.clear();
    misses.clear();
    loading.clear();
  });

  function keep<V>(map: Map<string, V>, id: string, value: V, most: number): void {
    map.delete(id);
    map.set(id, value);
    if (map.size <= most) return;
    for (const oldest of map.keys()) {
      map.delete(oldest);
      return;
    }
  }

  function startLoading(id: string): Promise<T | undefined> {
    const promise = load(id).then(
      (value) => {
        if (loading.get(id) !== promise) return value; // its change came meanwhile
        loading.delete(id);
        if (value === undefined) keep(misses, id, true, MAX_MISSES);
        else keep(values, id, value, max);
        return value;
      },
      (error: unknown) => {
        if (loading.get(id) === promise) loading.delete(id);
        throw error;
      },
    );
    loading.set(id, promise);
    return promise;
  }

  return {
    async get(id) {
      await lease.ensure();
      const value = values.get(id);
      if (value !== undefined) {
        keep(values, id, value, max);
        return value;
      }
      if (misses.has(id)) return undefined;
      return loading.get(id) ?? startLoading(id);
    },
    peek: (id) => (lease.holds() ? values.get(id) : undefined),
  };
}
