/**
 * The forms of REDIS_URL:
 *
 *     redis://[user:password@]host[:port][/db]                      one server; rediss:// with TLS
 *     redis+sentinel://[user:password@]h1[:p],h2[:p]/master-name    whoever the sentinels name (port 26379)
 *     redis+cluster://[user:password@]h1[:p],h2[:p]                 a Redis Cluster, found through any of its nodes
 *
 * rediss+sentinel:// and rediss+cluster:// are the same with TLS. User and password are percent-encoded. IPv6
 * addresses stand in brackets.
 */
export interface RedisAddress {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  readonly tls: boolean;
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  /** Sentinel only. */
  readonly masterName?: string;
}

const form =
  /^(?<scheme>rediss?)(?:\+(?<kind>sentinel|cluster))?:\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^/@?#]+)(?:\/(?<path>[A-Za-z0-9._-]*))?$/;
const hostForm = /^(?:\[(?<six>[0-9A-Fa-f:.]+)\]|(?<name>[^:[\]]+))(?::(?<port>\d{1,5}))?$/;

/** @throws Error saying what is wrong, without the value: it may hold a password */
export function parseRedisUrl(url: string): RedisAddress {
  const parts = form.exec(url)?.groups;
  if (!parts?.hosts) {
    throw new Error(
      'REDIS_URL must look like redis://host:6379, redis+sentinel://…/name or redis+cluster://…',
    );
  }
  const kind = parts.kind === 'sentinel' || parts.kind === 'cluster' ? parts.kind : 'single';
  const path = parts.path ?? '';
  const hosts = parts.hosts.split(',').map((text) => parseHost(text, kind === 'sentinel' ? 26379 : 6379));
  if (kind === 'single' && hosts.length > 1)
    throw new Error('REDIS_URL with several hosts needs +sentinel or +cluster');
  if (kind === 'sentinel' && path === '')
    throw new Error("REDIS_URL with +sentinel ends with the master's name");
  if (kind === 'cluster' && path !== '' && path !== '0')
    throw new Error('a Redis Cluster has no numbered databases');
  if (kind === 'single' && !/^\d{0,4}$/.test(path))
    throw new Error('the path of REDIS_URL is a database number');
  return {
    kind,
    tls: parts.scheme === 'rediss',
    hosts,
    ...(parts.user ? { username: decode(parts.user) } : {}),
    ...(parts.password ? { password: decode(parts.password) } : {}),
    db: kind === 'single' ? Number(path || 0) : 0,
    ...(kind === 'sentinel' ? { masterName: path } : {}),
  };
}

function parseHost(text: string, defaultPort: number): { host: string; port: number } {
  const parts = hostForm.exec(text)?.groups;
  const host = parts?.six ?? parts?.name;
  const port = parts?.port ? Number(parts.port) : defaultPort;
  if (!host || port < 1 || port > 65535) throw new Error('REDIS_URL has a host or port that cannot be read');
  return { host, port };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('user and password in REDIS_URL must be percent-encoded');
  }
}
