import { describe, expect, it } from 'vitest';
import { createHealth } from '../../src/observability/health.ts';
import { within } from '../harness/cost.ts';

function rig(checks: Record<string, () => Promise<unknown>>) {
  let now = 1_000_000;
  const lines: string[] = [];
  const write = (message: string) => lines.push(message);
  const log = { debug: write, info: write, warn: write, error: write, child: () => log };
  const health = createHealth({ checks, clock: { now: () => now }, log });
  return { health, lines, advance: (ms: number) => (now += ms) };
}

describe('health', () => {
  it('asks the stores once a second however often it is probed', async () => {
    let asked = 0;
    const { health, advance } = rig({ sql: async () => (asked += 1) });
    await Promise.all([health.ready(), health.ready(), health.ready()]);
    await health.ready();
    expect(asked).toBe(1);
    advance(1000);
    await health.ready();
    expect(asked).toBe(2);
  });

  it('turns and heals with its checks, stays live, and writes one line each', async () => {
    let fault: Error | undefined;
    const check = async () => {
      if (fault) throw fault;
    };
    const { health, advance, lines } = rig({ redis: check, sql: async () => 1 });
    expect(await health.ready()).toEqual({ ready: true, failing: [] });
    fault = new Error('refused');
    for (let probe = 0; probe < 5; probe += 1) {
      advance(1000);
      expect(await health.ready()).toEqual({ ready: false, failing: ['redis'] });
      expect(health.live()).toBe(true);
    }
    fault = undefined;
    advance(1000);
    expect(await health.ready()).toEqual({ ready: true, failing: [] });
    expect(lines).toEqual(['not ready', 'ready again']);
  });

  it('does not wait for a store that hangs', async () => {
    const { health } = rig({ redis: () => new Promise(() => undefined) });
    expect(await within(1500, () => health.ready())).toEqual({ ready: false, failing: ['redis'] });
  });

  it('is not ready while it stops', async () => {
    const { health } = rig({});
    health.stopping();
    expect(await health.ready()).toMatchObject({ ready: false });
  });
});
