import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import * as prometheus from 'prom-client';
import { VirtualTimeScheduler } from 'rxjs';
import {
  fixedRate,
  foreachBatch,
  health,
  json,
  logBatches,
  logMonitor,
  mapRecords,
  memoryLog,
  reduceByKey,
  type StreamMonitor,
} from '../../src/index.js';
import { dashboard } from '../../src/node.js';
import { opentelemetryMonitor } from '../../src/opentelemetry.js';
import { prometheusMonitor } from '../../src/prometheus.js';

/** Monitors, and what looks at them now and then. */
export interface Variant {
  readonly monitors: readonly StreamMonitor[];
  readonly scrape?: () => Promise<unknown>;
}

/** How the same records are cut into batches. */
export interface Cut {
  readonly batches: number;
  readonly perBatch: number;
}

/** The job that monitors are for, and one in which what they do for a batch is not lost in the noise. */
export const cuts = {
  large: { batches: 60, perBatch: 10_000 },
  small: { batches: 1_000, perBatch: 16 },
} as const satisfies Readonly<Record<string, Cut>>;

const partitions = 16;
/** A scrape in 15 seconds, a batch a second. */
const batchesPerScrape = 15;
const interval = 1_000;

class Reader extends MetricReader {
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}
}

/** What an exporter would get, and nobody takes. */
const discard: SpanProcessor = {
  onStart: () => {},
  onEnd: () => {},
  forceFlush: async () => {},
  shutdown: async () => {},
};

function withPrometheus(): Variant {
  const registry = new prometheus.Registry();
  return { monitors: [prometheusMonitor({ client: prometheus, registry })], scrape: () => registry.metrics() };
}

function withOpentelemetry(links?: { readonly max: number }): Variant {
  const reader = new Reader();
  const meter = new MeterProvider({ readers: [reader] }).getMeter('bench');
  const tracer = new BasicTracerProvider({ spanProcessors: [discard] }).getTracer('bench');
  return {
    monitors: [opentelemetryMonitor({ meter, tracer, ...(links && { links }) })],
    scrape: () => reader.collect(),
  };
}

function withLog(): Variant {
  const ignore = () => {};
  return { monitors: [logMonitor({ debug: ignore, info: ignore, warn: ignore, error: ignore })] };
}

async function withDashboard(): Promise<Variant> {
  return { monitors: [await dashboard({ port: 0 })] };
}

async function all(): Promise<Variant> {
  const [one, other, log, board] = [withPrometheus(), withOpentelemetry(), withLog(), await withDashboard()];
  return {
    monitors: [...one.monitors, ...other.monitors, ...log.monitors, ...board.monitors, health()],
    scrape: () => Promise.all([one.scrape?.(), other.scrape?.()]),
  };
}

/** `links` reads the header of every record, as all have the same one: the most that links can cost. */
export const variants: Readonly<Record<string, () => Variant | Promise<Variant>>> = {
  off: () => ({ monitors: [] }),
  log: withLog,
  health: () => ({ monitors: [health()] }),
  prometheus: withPrometheus,
  opentelemetry: () => withOpentelemetry(),
  'opentelemetry, links': () => withOpentelemetry({ max: 32 }),
  dashboard: withDashboard,
  all,
};

/** A job in virtual time: it costs what its processor time is. */
export function job({ batches, perBatch }: Cut) {
  const scheduler = new VirtualTimeScheduler();
  const log = memoryLog({ topics: { t: partitions }, scheduler });
  const traceparent = new TextEncoder().encode(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`);
  for (let i = 0; i < batches * perBatch; i++) {
    const value = JSON.stringify({
      customer: `customer-${(i * 7_919) % 1_000}`,
      amount: i % 100,
      note: 'x'.repeat(60),
    });
    log.append('t', [{ value, partition: i % partitions, timestamp: 0, headers: [['traceparent', traceparent]] }]);
  }
  let sum = 0;
  const run = async ({ monitors, scrape }: Variant): Promise<void> => {
    const scrapes: Promise<unknown>[] = [];
    let done = 0;
    const subscription = logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      interval,
      deserialize: json<{ customer: string; amount: number }>(),
      backpressure: fixedRate(perBatch),
      scheduler,
      monitors,
    })
      .pipe(
        mapRecords(({ customer, amount }) => [customer, amount]),
        reduceByKey((a: number, b: number) => a + b),
        foreachBatch((totals) => {
          for (const [, total] of totals) sum += total;
          if (scrape && ++done % batchesPerScrape === 0) scrapes.push(scrape());
        }),
      )
      .subscribe();
    scheduler.schedule(() => subscription.unsubscribe(), (batches + 0.5) * interval);
    scheduler.flush();
    await Promise.all(scrapes);
  };
  return { run, check: () => sum };
}
