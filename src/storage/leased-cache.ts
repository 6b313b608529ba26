/**
 * Things kept in memory under the lease. A load that is under way when its change arrives answers those who asked
 * before, and is not kept. Bounded, least recently used first out; what does not exist is remembered as well, in a
 * space of its own, so that strangers' guesses push out nothing that exists.
 */
import { createGenerations } from './generations.ts';
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
  const values = createGenerations<T>(max);
  const misses = createGenerations<true>(MAX_MISSES);
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

  function startLoading(id: string): Promise<T | undefined> {
    const promise = load(id).then(
      (value) => {
        if (loading.get(id) !== promise) return value; // its change came meanwhile
        loading.delete(id);
        if (value === undefined) misses.set(id, true);
        else values.set(id, value);
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
      if (value !== undefined) return value;
      if (misses.get(id)) return undefined;
      return loading.get(id) ?? startLoading(id);
    },
    peek: (id) => (lease.holds() ? values.get(id) : undefined),
  };
}
