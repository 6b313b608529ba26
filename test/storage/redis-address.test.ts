import { describe, expect, test } from 'vitest';
import { parseRedisUrl } from '../../src/storage/redis-address.ts';

describe('REDIS_URL', () => {
  test.each([
    ['redis://localhost', { kind: 'single', tls: false, hosts: [{ host: 'localhost', port: 6379 }], db: 0 }],
    [
      'rediss://app:p%40ss@r.example:6380/3',
      {
        kind: 'single',
        tls: true,
        hosts: [{ host: 'r.example', port: 6380 }],
        username: 'app',
        password: 'p@ss',
        db: 3,
      },
    ],
    [
      'redis://:secret@[::1]:6379',
      { kind: 'single', tls: false, hosts: [{ host: '::1', port: 6379 }], password: 'secret', db: 0 },
    ],
    [
      'redis+sentinel://h1,h2:5000/the-master',
      {
        kind: 'sentinel',
        tls: false,
        hosts: [
          { host: 'h1', port: 26379 },
          { host: 'h2', port: 5000 },
        ],
        db: 0,
        masterName: 'the-master',
      },
    ],
    [
      'rediss+cluster://a:1,b:2',
      {
        kind: 'cluster',
        tls: true,
        hosts: [
          { host: 'a', port: 1 },
          { host: 'b', port: 2 },
        ],
        db: 0,
      },
    ],
  ])('%s', (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address);
  });

  test.each([
    'http://localhost',
    'redis://',
    'redis://user:hunter2@a,b',
    'redis+sentinel://a,b',
    'redis+cluster://a/1',
    'redis://a:hunter2:70000',
    'redis://a:99999',
    'redis://u:%hunter2@a',
    'redis://a/x',
  ])('%s is refused, and the message holds no part of it', (url) => {
    expect(() => parseRedisUrl(url)).toThrow(/REDIS_URL|Redis Cluster/);
    expect(() => parseRedisUrl(url)).not.toThrow(/hunter2/);
  });
});
