/** D5: slow and huge documents cost a bounded time, a bounded memory, and nobody else anything. */
import type { RequestListener } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Resolve } from '../../src/outbound/destination.ts';
import { createOutbound, type Outbound } from '../../src/outbound/outbound.ts';
import { OutboundFailed } from '../../src/outbound/outbound-faults.ts';
import { createSlots } from '../../src/outbound/slots.ts';
import { makeAuthority } from '../harness/certificates.ts';
import { type RemoteServer, startRemote } from '../harness/https-server.ts';
import { until } from '../harness/ports.ts';

const authority = makeAuthority();
let remote: RemoteServer;
let client: Outbound;
let sentBytes = 0;

const routes: Readonly<Record<string, RequestListener>> = {
  '/ok': (_req, res) => res.end('{"keys":[]}'),
  '/silent': () => undefined,
  '/drip': (_req, res) => {
    res.writeHead(200);
    const timer = setInterval(() => res.write('x'), 100);
    res.on('close', () => clearInterval(timer));
  },
  '/drip-headers': (req, res) => {
    res.socket?.write('HTTP/1.1 200 OK\r\n');
    const timer = setInterval(() => res.socket?.write('X-A: b\r\n'), 100);
    req.socket.on('close', () => clearInterval(timer));
  },
  '/huge': (_req, res) => {
    const more = (): void => {
      for (; !res.destroyed && sentBytes < 100 * 1024 * 1024; ) {
        sentBytes += 65_536;
        if (!res.write(Buffer.alloc(65_536, 0x20))) {
          res.once('drain', more);
          return;
        }
      }
      res.end();
    };
    more();
  },
  '/announced': (_req, res) => {
    res.writeHead(200, { 'content-length': String(100 * 1024 * 1024) });
    res.write('x');
  },
  '/gzip': (_req, res) => res.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
  '/headers': (_req, res) => res.writeHead(200, { 'x-large': 'a'.repeat(64 * 1024) }).end(),
  '/upgrade': (req) => {
    req.socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
  },
  '/cut': (req) => req.socket.destroy(),
  '/half': (req, res) => {
    res.writeHead(200, { 'content-length': '100' });
    res.write('{', () => req.socket.destroy());
  },
};

beforeAll(async () => {
  remote = await startRemote(authority.server(), (req, res) => routes[req.url ?? '']?.(req, res));
  client = createOutbound({ allow: [`localhost:${remote.port}`], caFile: authority.caFile });
});

afterAll(async () => {
  client.close();
  await remote.close();
  authority.remove();
});

/** The reason of the failure. */
async function reasonOf(path: string, more: { timeoutMs?: number; maxBytes?: number } = {}): Promise<string> {
  const fault = await client
    .send({ url: `${remote.origin}${path}`, ...more })
    .catch((error: unknown) => error);
  return fault instanceof OutboundFailed ? fault.reason : `no failure: ${JSON.stringify(fault)}`;
}

const allClosed = () =>
  until('sockets to close', async () => {
    if (remote.open() > 0) throw new Error(`${remote.open()} open`);
  });

describe('D5 slow and huge documents', () => {
  it('D5 100 MB: broken off at the cap, the rest never leaves the other side', async () => {
    expect(await reasonOf('/huge', { maxBytes: 100_000 })).toBe('too-large');
    await allClosed();
    // What the sockets' buffers hold, not what the document has.
    expect(sentBytes).toBeLessThan(20 * 1024 * 1024);
    expect(await reasonOf('/announced')).toBe('too-large');
    await allClosed();
  });

  it('D5 the cap of a caller cannot be raised above a mebibyte', async () => {
    expect(await reasonOf('/huge', { maxBytes: Number.MAX_SAFE_INTEGER })).toBe('too-large');
    await allClosed();
  });

  it.each(['/silent', '/drip', '/drip-headers'])(
    'D5 %s ends at the deadline, and the socket is gone',
    async (path) => {
      const start = performance.now();
      expect(await reasonOf(path, { timeoutMs: 400 })).toBe('timeout');
      expect(performance.now() - start).toBeGreaterThan(350);
      await allClosed();
    },
  );

  it('D5 without being told, a slow document is given up within two to five seconds', async () => {
    const start = performance.now();
    expect(await reasonOf('/drip')).toBe('timeout');
    expect(performance.now() - start).toBeGreaterThan(2000);
    await allClosed();
  });

  it('D5 a name that is never resolved ends at the deadline', async () => {
    const resolve: Resolve = () => new Promise(() => undefined);
    const stuck = createOutbound({ allow: [], resolve });
    await expect(stuck.send({ url: 'https://a.example/', timeoutMs: 50 })).rejects.toMatchObject({
      reason: 'timeout',
    });
    stuck.close();
  });

  it.each([
    ['/gzip', 'encoding'],
    ['/headers', 'answer'],
    ['/upgrade', 'answer'],
    ['/cut', 'answer'],
    ['/half', 'answer'],
  ])('D5 %s fails: %s', async (path, reason) => {
    expect(await reasonOf(path)).toBe(reason);
    await allClosed();
  });

  it('D5 forty requests to a dead host hold four connections, and another host answers meanwhile', async () => {
    const dead = await startRemote(authority.server(['DNS:dead.example']), () => undefined, '127.0.0.2');
    const resolve: Resolve = async (name) => [
      { address: name === 'localhost' ? '127.0.0.1' : '127.0.0.2', family: 4 },
    ];
    const both = createOutbound({ allow: ['127.0.0.1', '127.0.0.2'], caFile: authority.caFile, resolve });
    const url = `https://dead.example:${dead.port}/`;
    const waiting = Array.from({ length: 40 }, () =>
      both.send({ url, timeoutMs: 5000 }).catch((fault: OutboundFailed) => fault.reason),
    );
    await until('four to arrive', async () => {
      if (dead.asked.length < 4) throw new Error(`${dead.asked.length}`);
    });
    expect((await both.send({ url: `${remote.origin}/ok` })).status).toBe(200);
    expect(dead.connections()).toBe(4);
    both.close();
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => 'closed'));
    expect(dead.connections()).toBe(4);
    await dead.close();
  });

  it('D5 leaves no connection behind: each request has its own, and none is kept', async () => {
    const before = remote.connections();
    for (let round = 0; round < 3; round += 1) {
      expect((await client.send({ url: `${remote.origin}/ok` })).body.toString()).toBe('{"keys":[]}');
    }
    expect(remote.connections()).toBe(before + 3);
    await allClosed();
  });

  it('closing breaks off what is in flight and refuses what comes later', async () => {
    const own = createOutbound({ allow: [`localhost:${remote.port}`], caFile: authority.caFile });
    const pending = own.send({ url: `${remote.origin}/silent` });
    await until('the request to arrive', async () => {
      if (!remote.asked.includes('/silent') || remote.open() === 0) throw new Error('not yet');
    });
    own.close();
    await expect(pending).rejects.toMatchObject({ reason: 'closed' });
    await expect(own.send({ url: `${remote.origin}/ok` })).rejects.toMatchObject({ reason: 'closed' });
    await allClosed();
  });
});

describe('fetch', () => {
  it('gives the answer as the platform does', async () => {
    const answer = await client.fetch(`${remote.origin}/ok`, { headers: { accept: 'application/json' } });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ keys: [] });
  });

  it('gives up when its caller does', async () => {
    const signal = AbortSignal.timeout(100);
    await expect(client.fetch(`${remote.origin}/silent`, { signal })).rejects.toMatchObject({
      reason: 'aborted',
    });
    await allClosed();
  });
});

describe('places', () => {
  const never = new AbortController().signal;

  it('gives at most so many at once, to one host and in all, and the waiting ones in turn', async () => {
    const slots = createSlots({ most: 3, mostPerHost: 2, mostWaiting: 2 });
    const [a1, a2, b1] = [
      await slots.take('a', never),
      await slots.take('a', never),
      await slots.take('b', never),
    ];
    expect([a1, a2, b1].every(Boolean)).toBe(true);
    const order: string[] = [];
    const noted = <T>(name: string, release: T): T => {
      order.push(name);
      return release;
    };
    const a3 = slots.take('a', never).then((release) => noted('a3', release));
    const b2 = slots.take('b', never).then((release) => noted('b2', release));
    // Two wait: a third is turned away.
    expect(await slots.take('c', never)).toBeUndefined();
    b1?.();
    (await b2)?.();
    expect(order).toEqual(['b2']);
    a1?.();
    // Giving a place back twice gives back one.
    a1?.();
    (await a3)?.();
    expect(order).toEqual(['b2', 'a3']);
  });

  it('whoever gives up waiting leaves the queue', async () => {
    const slots = createSlots({ most: 1, mostPerHost: 1, mostWaiting: 1 });
    const held = await slots.take('a', never);
    const gone = new AbortController();
    const waiting = slots.take('a', gone.signal);
    gone.abort();
    expect(await waiting).toBeUndefined();
    const next = slots.take('a', never);
    held?.();
    expect(await next).toBeTypeOf('function');
  });
});
