import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type MetricDefinition, type MetricName, type MetricOf, metricDefinitions } from './metric-names.ts';

export type Labels = Readonly<Record<string, string>>;

/** Numbers for Prometheus. A name outside the catalogue fails the type check, one of another kind too. */
export interface Metrics {
  count(name: MetricOf<'counter'>, labels?: Labels, amount?: number): void;
  observe(name: MetricOf<'histogram'>, seconds: number, labels?: Labels): void;
  gauge(name: MetricOf<'gauge'>, value: number, labels?: Labels): void;
  /** The text format that Prometheus reads. */
  text(): Promise<string>;
}

// A label that takes its value from a request could otherwise fill the memory: what comes after so many
// different sets is counted under `other`.
const mostSeries = 200;

// From a token out of memory (under a millisecond) to a password hash behind a queue (seconds).
const bucketSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What counter, gauge and histogram have in common once their labels are fixed. */
interface Series {
  inc?(amount: number): void;
  set?(value: number): void;
  observe?(seconds: number): void;
}

/** Metrics with a registry of their own; the process metrics (memory, CPU, event-loop delay) are among them. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const find = new Map<MetricName, (labels: Labels | undefined) => Series>();
  for (const [name, definition] of Object.entries<MetricDefinition>(metricDefinitions)) {
    find.set(name as MetricName, createSeries(registry, name, definition));
  }
  return {
    count: (name, labels, amount = 1) => find.get(name)?.(labels).inc?.(amount),
    observe: (name, seconds, labels) => find.get(name)?.(labels).observe?.(seconds),
    gauge: (name, value, labels) => find.get(name)?.(labels).set?.(value),
    text: () => registry.metrics(),
  };
}

function createSeries(registry: Registry, name: string, { kind, help, labels }: MetricDefinition) {
  const options = { name, help, labelNames: [...labels], registers: [registry] };
  const metric =
    kind === 'counter'
      ? new Counter(options)
      : kind === 'gauge'
        ? new Gauge(options)
        : new Histogram({ ...options, buckets: bucketSeconds });
  const known = new Map<string, Series>();
  return (given: Labels | undefined): Series => {
    // A label outside the definition is left out rather than thrown: a metric must not fail a request.
    const values = labels.map((label) => (given?.[label] ?? '').slice(0, 80));
    const found = known.get(values.join('\n'));
    if (found) return found;
    const kept = known.size < mostSeries ? values : labels.map(() => 'other');
    const key = kept.join('\n');
    const series: Series = known.get(key) ?? metric.labels(...kept);
    known.set(key, series);
    return series;
  };
}
