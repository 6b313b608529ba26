/**
 * A wire that breaks on command: a TCP proxy in front of a store or of several servers. With several targets it is
 * the simplest load balancer there is: in turn, and on to the next one when a connection is refused.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface Faults {
  /** Each chunk, both ways, arrives so much later. */
  readonly delayMs: number;
  /**
   * Connections stay open and carry nothing; new ones are accepted and carry nothing. As with TCP, nothing is lost in
   * the middle: what was sent meanwhile arrives late, even from a sender that has given up.
   */
  readonly blackHole: boolean;
  /** A connection is reset when so many bytes have come back from the target on it. 0: before any answer. */
  readonly cutAfterBytes: number;
  /** New connections are reset at once. */
  readonly refuse: boolean;
}

export interface Wire {
  readonly port: number;
  /** From now on, open connections included. What is not named is without fault. */
  fault(faults: Partial<Faults>): void;
  /** Resets every open connection. */
  reset(): void;
  /** Connections open now. */
  open(): number;
  close(): Promise<void>;
}

const none: Faults = {
  delayMs: 0,
  blackHole: false,
  cutAfterBytes: Number.POSITIVE_INFINITY,
  refuse: false,
};

/** @param targets loopback ports, asked at every new connection */
export async function openWire({
  targets,
  port = 0,
  onBytes = () => undefined,
}: {
  targets: () => readonly number[];
  port?: number;
  /** Hears what passes; `connection` counts from 1, and is negative for what comes back. */
  onBytes?: (connection: number, chunk: Buffer) => void;
}): Promise<Wire> {
  let faults = none;
  let turn = 0;
  let connections = 0;
  const open = new Set<Socket>();
  const healers = new Set<() => void>();

  async function reach(): Promise<Socket | undefined> {
    const ports = targets();
    turn += 1;
    for (let n = 0; n < ports.length; n += 1) {
      const far = connect({
        port: ports[(turn + n) % ports.length] ?? 0,
        host: '127.0.0.1',
        allowHalfOpen: true,
      });
      try {
        await once(far, 'connect');
        return far;
      } catch {
        far.destroy();
      }
    }
    return undefined;
  }

  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) => {
    void serve(near);
  });

  async function serve(near: Socket): Promise<void> {
    open.add(near);
    near.setNoDelay(true);
    near.on('error', () => undefined);
    near.on('close', () => open.delete(near));
    const far = faults.refuse ? undefined : await reach();
    if (!far || near.destroyed) {
      near.resetAndDestroy();
      far?.destroy();
      return;
    }
    far.setNoDelay(true);
    let back = 0;
    connections += 1;
    const connection = connections;
    carry(near, far, (chunk) => {
      onBytes(connection, chunk);
      return true;
    });
    carry(far, near, (chunk) => {
      onBytes(-connection, chunk);
      back += chunk.length;
      if (back <= faults.cutAfterBytes) return true;
      near.resetAndDestroy();
      return false;
    });
    near.resume();
  }

  function carry(from: Socket, to: Socket, passes: (chunk: Buffer) => boolean): void {
    // One queue, so that nothing overtakes: TCP keeps the order, also when a wire turns from slow to quick.
    const waiting: { due: number; work: () => void }[] = [];
    let timer: NodeJS.Timeout | undefined;
    let busy = false;
    const heal = () => {
      // Who hears what passes may change the faults.
      if (busy) return;
      busy = true;
      clearTimeout(timer);
      pass();
      busy = false;
    };
    const pass = () => {
      for (let next = waiting[0]; next && !faults.blackHole; next = waiting[0]) {
        const early = next.due - performance.now();
        if (early > 0) {
          timer = setTimeout(heal, early);
          return;
        }
        waiting.shift();
        next.work();
      }
    };
    const later = (work: () => void) => {
      waiting.push({ due: performance.now() + faults.delayMs, work });
      heal();
    };
    healers.add(heal);
    from.on('error', () => later(() => to.resetAndDestroy()));
    from.on('data', (chunk) =>
      later(() => {
        if (passes(chunk) && !to.destroyed) to.write(chunk);
      }),
    );
    from.on('end', () => later(() => to.end()));
    from.on('close', () => later(() => to.destroySoon()));
    to.on('close', () => {
      if (!faults.blackHole) healers.delete(heal);
    });
  }

  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  const reset = () => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    port: address.port,
    fault: (next) => {
      faults = { ...none, ...next };
      if (!faults.blackHole) for (const heal of healers) heal();
    },
    reset,
    open: () => open.size,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      reset();
      await closed;
    },
  };
}
