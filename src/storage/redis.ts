/**
 * Owns the connection to Redis: one server, Sentinel or Cluster. It owns no keys and no meaning. Whatever it is asked
 * while Redis is away fails at once: nothing is queued, and nothing that was under way is sent again to a Redis that
 * may have become another one meanwhile.
 */
import { Cluster, Redis } from 'ioredis';
import { parseRedisUrl } from './redis-address.ts';
import { asUnavailable, StorageUnavailable } from './unavailable.ts';

/** A token endpoint that waits longer than this for Redis is down for its callers; they are told so instead. */
const COMMAND_TIMEOUT_MS = 1000;
/** A half-open connection is dropped after this, so that a new one is tried; the commands have failed before. */
const SOCKET_TIMEOUT_MS = 2000;
const START_TIMEOUT_MS = 5000;
/** The longest pause between two attempts: ready again within 5 s of Redis (DRILLS I5), attempt included. */
const LONGEST_PAUSE_MS = 1500;

export interface OpenRedis {
  readonly client: Redis | Cluster;
  /** One client for every master: the server itself, or the nodes of a Cluster that hold slots. */
  masters(): readonly Redis[];
  readonly isCluster: boolean;
  /** Called whenever a connection was lost or another node came in: what was known about the data may not hold. */
  onBreak(listener: () => void): void;
  close(): Promise<void>;
}

interface Reports {
  warn(message: string, fields?: Record<string, unknown>): void;
}

/** 50 ms, doubled each time, with jitter so that processes do not return in step. */
function pause(times: number): number {
  const longest = Math.min(50 * 2 ** Math.min(times, 10), LONGEST_PAUSE_MS);
  return longest / 2 + Math.random() * (longest / 2);
}

/**
 * Connects and waits until Redis answers.
 * @param url one of the forms of redis-address.ts
 * @throws StorageUnavailable when it does not within 5 seconds
 */
export async function openRedis({ url, log }: { url: string; log: Reports }): Promise<OpenRedis> {
  const address = parseRedisUrl(url);
  const common = {
    connectTimeout: 2000,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    keepAlive: 10_000,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectionName: 'cardea',
    // A primary that was demoted under us answers READONLY: only a new connection finds the new primary.
    reconnectOnError: (error: Error) => /^(READONLY|MASTERDOWN)/.test(error.message),
    ...(address.username ? { username: address.username } : {}),
    ...(address.password ? { password: address.password } : {}),
  };
  const tls = address.tls ? { tls: {} } : {};
  const queueing = { enableOfflineQueue: false, lazyConnect: true };
  let client: Redis | Cluster;
  if (address.kind === 'cluster') {
    client = new Cluster([...address.hosts], {
      ...queueing,
      enableAutoPipelining: true,
      clusterRetryStrategy: pause,
      slotsRefreshTimeout: 2000,
      slotsRefreshInterval: 5000,
      redisOptions: { ...common, ...tls },
      ...(address.tls ? { dnsLookup: (host, done) => done(null, host) } : {}),
    });
  } else if (address.kind === 'sentinel') {
    client = new GatheringRedis({
      ...common,
      ...queueing,
      ...tls,
      retryStrategy: pause,
      sentinels: [...address.hosts],
      name: address.masterName ?? '',
      enableTLSForSentinelMode: address.tls,
      ...(address.tls ? { sentinelTLS: {} } : {}),
      failoverDetector: true,
      sentinelRetryStrategy: pause,
    });
  } else {
    const [{ host, port } = { host: 'localhost', port: 6379 }] = address.hosts;
    client = new GatheringRedis({
      ...common,
      ...queueing,
      ...tls,
      retryStrategy: pause,
      host,
      port,
      db: address.db,
    });
  }
  return connect(client, log);
}

/**
 * Writes what is asked within one turn of the event loop at once, as ioredis' own auto-pipelining does; that one makes a
 * pipeline of each turn, onto which it copies every script, and keeps the next until the one before it is answered.
 */
class GatheringRedis extends Redis {
  override sendCommand(...[command, pipeline]: Parameters<Redis['sendCommand']>): unknown {
    const socket: Redis['stream'] | undefined = this.stream;
    if (socket && !pipeline && socket.writableCorked === 0) {
      socket.cork();
      setImmediate(() => socket.uncork());
    }
    return super.sendCommand(command, pipeline);
  }
}

async function connect(client: Redis | Cluster, log: Reports): Promise<OpenRedis> {
  const listeners: (() => void)[] = [];
  let broken = false;
  const tell = () => {
    for (const listener of listeners) listener();
  };
  client.on('error', (error: Error) => {
    // One line an episode, not one an attempt.
    if (!broken) log.warn('Redis is not reachable', { fault: error.message });
    broken = true;
  });
  client.on('ready', () => {
    broken = false;
  });
  client.on('close', tell);
  if (client instanceof Cluster) {
    client.on('node error', () => undefined);
    client.on('+node', (node: Redis) => {
      node.on('close', tell);
      tell();
    });
    client.on('-node', tell);
  }
  await firstAnswer(client);
  return {
    client,
    masters: () => (client instanceof Cluster ? client.nodes('master') : [client]),
    isCluster: client instanceof Cluster,
    onBreak: (listener) => listeners.push(listener),
    close: async () => {
      client.disconnect();
    },
  };
}

async function firstAnswer(client: Redis | Cluster): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StorageUnavailable('Redis did not answer')), START_TIMEOUT_MS);
  });
  const ready = new Promise<void>((resolve) => client.once('ready', () => resolve()));
  // The first attempt may fail; the retries that follow it are what `ready` waits for.
  const attempt = client.connect().catch((error: unknown) => {
    if (client.status === 'end') throw redisFault(error);
  });
  try {
    await Promise.race([Promise.all([attempt, ready]), late]);
  } catch (error) {
    client.disconnect();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

const clusterFault =
  /^(MOVED|ASK|NOAUTH|WRONGPASS)\b|Cluster is|Cluster isn't|Cluster redirections|startup nodes|Node is disconnected/;

/** What callers of this room get to see for an error of ioredis. */
export function redisFault(error: unknown): unknown {
  if (error instanceof Error && clusterFault.test(error.message)) {
    return new StorageUnavailable(`Redis does not answer: ${error.message}`, { cause: error });
  }
  return asUnavailable(error, 'Redis');
}
