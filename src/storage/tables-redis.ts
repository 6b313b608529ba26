/** What we remember of the Redis in use, so that a process that starts notices when it is not the same any more. */
export interface RedisStateTable {
  /** 'redis': there is one row. */
  id: string;
  /** Run ids of the masters, sorted. */
  identity: string;
  /** JSON: the pulses as they were seen last, in the order of their keys. */
  pulses: string;
  /** Keys evicted by all masters since they started. */
  evicted: number;
  /** How often all ended families were marked again. */
  heals: number;
  seen_at: Date;
}

export interface RedisTables {
  redis_state: RedisStateTable;
}
