/**
 * The contract of shared counters: fixed windows, added to atomically, the same number for every process. What they
 * limit, and what follows, is decided in `throttle/`. Keys are digested before they are stored, so that a dump names
 * no account and no address.
 */
export interface Counted {
  /** Hits in the window so far, this one included. */
  readonly count: number;
  /** When the window ends and the count starts again at nothing; ms since the epoch. */
  readonly resetAt: number;
}

export interface Counters {
  /**
   * Adds `amount` (1 when not given) and says how many there are now. The first hit opens the window; later ones do
   * not move its end. One trip. @throws StorageUnavailable
   */
  hit(key: string, windowSeconds: number, amount?: number): Promise<Counted>;
  /** Several hits together, answered in their order: one trip, one a key on a Redis Cluster. */
  hitAll(hits: readonly { key: string; windowSeconds: number }[]): Promise<readonly Counted[]>;
  /** What a window holds, without adding; undefined when none is open. */
  read(key: string): Promise<Counted | undefined>;
  /** Forgets the window. */
  clear(key: string): Promise<void>;
}
