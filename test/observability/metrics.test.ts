import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Log } from '../../src/observability/log.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { openMetricsServer } from '../../src/observability/metrics-server.ts';

const lines: string[] = [];
const write = (message: string) => void lines.push(message);
const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };

describe('metrics', () => {
  it('counts, measures and shows the process', async () => {
    const metrics = createMetrics();
    metrics.count('cardea_sign_ins_total', { outcome: 'rejected' });
    metrics.count('cardea_sign_ins_total', { outcome: 'rejected' }, 2);
    metrics.gauge('cardea_redis_memory_ratio', 0.4);
    metrics.observe('cardea_http_request_seconds', 0.004, { route: '/oauth2/token' });
    const text = await metrics.text();
    expect(text).toContain('cardea_sign_ins_total{outcome="rejected"} 3');
    expect(text).toContain('cardea_redis_memory_ratio 0.4');
    expect(text).toContain('cardea_http_request_seconds_bucket{le="0.005",route="/oauth2/token"} 1');
    expect(text).toMatch(/nodejs_eventloop_lag_p99_seconds \d/);
    expect(text).toMatch(/process_resident_memory_bytes \d/);
  });

  it('two of them do not mix', async () => {
    const first = createMetrics();
    first.count('cardea_storage_unavailable_total');
    expect(await createMetrics().text()).toContain('cardea_storage_unavailable_total 0');
  });

  it('bounds what strangers could put into a label', async () => {
    const metrics = createMetrics();
    for (let path = 0; path < 5000; path += 1) {
      metrics.count('cardea_http_requests_total', {
        method: 'GET',
        route: `/${path}${'x'.repeat(500)}`,
        status: '404',
      });
    }
    const series = (await metrics.text())
      .split('\n')
      .filter((line) => line.startsWith('cardea_http_requests_total{'));
    expect(series.length).toBeLessThanOrEqual(201);
    expect(series.at(-1)).toBe(
      'cardea_http_requests_total{method="other",route="other",status="other"} 4800',
    );
    expect(Math.max(...series.map((line) => line.length))).toBeLessThan(200);
  });
});

describe('the metrics server', () => {
  it('P8 serves /metrics and nothing else', async () => {
    const server = await openMetricsServer({
      host: '127.0.0.1',
      port: 0,
      chosen: true,
      metrics: createMetrics(),
      log,
    });
    const origin = `http://127.0.0.1:${server?.port}`;
    const answer = await fetch(`${origin}/metrics`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('text/plain');
    expect(await answer.text()).toContain('process_cpu_seconds_total');
    for (const path of ['/', '/metrics/', '/metrics?x', '/.env', '/../package.json']) {
      expect((await fetch(origin + path)).status).toBe(404);
    }
    expect((await fetch(`${origin}/metrics`, { method: 'POST', body: 'x' })).status).toBe(404);
    await server?.close();
    await expect(fetch(`${origin}/metrics`)).rejects.toThrow();
  });

  it('a taken port stops the start only when somebody chose it', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const options = { host: '127.0.0.1', port, metrics: createMetrics(), log };
    await expect(openMetricsServer({ ...options, chosen: true })).rejects.toThrow('EADDRINUSE');
    expect(await openMetricsServer({ ...options, chosen: false })).toBeUndefined();
    expect(lines.join()).toContain('CARDEA_METRICS_PORT');
    other.close();
  });
});
