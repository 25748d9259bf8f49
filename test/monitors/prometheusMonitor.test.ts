import { readFileSync } from 'node:fs';
import {
  costModel,
  foreachBatch,
  foreachPartition,
  InvalidOptionError,
  json,
  logBatches,
  type MonitoredStream,
  mapRecords,
  memoryCheckpoint,
  memoryLog,
  type StreamSnapshot,
  updateStateByKey,
} from 'dstream';
import { prometheusMonitor } from 'dstream/prometheus';
import * as client from 'prom-client';
import { of, retry, throwError, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { metrics } from '../../src/monitors/metrics/metricTable.js';

/** A job that fails once, retries a partition once, skips a record and is read while it runs; its metrics as text. */
async function scriptedRun(): Promise<string> {
  const registry = new client.Registry();
  const monitor = prometheusMonitor({ client, registry });
  let scraped: Promise<string> | undefined;
  const scheduler = new TestScheduler(() => {});
  scheduler.run(({ flush }) => {
    const log = memoryLog({ topics: { orders: 2 }, scheduler });
    for (let i = 0; i < 6; i++)
      log.append('orders', [{ key: `k${i}`, value: i === 3 ? 'oops' : String(i), timestamp: i }]);
    let failures = 1;
    let refusals = 1;
    const stream = logBatches(log, {
      topics: ['orders'],
      start: 'earliest',
      interval: 1_000,
      deserialize: json<number>(),
      invalidRecords: 'skip',
      backpressure: costModel(),
      initialRate: 2,
      name: 'orders',
      checkpoint: memoryCheckpoint(),
      monitors: [monitor],
    });
    const subscription = stream
      .pipe(
        mapRecords((n) => [n % 2, n]),
        updateStateByKey((values: readonly number[], sum: number = 0) => values.reduce((a, b) => a + b, sum), {
          id: 'sums',
        }),
        foreachPartition(({ index }) => (index === 0 && refusals-- > 0 ? throwError(() => 'busy') : timer(20)), {
          retry: { count: 1, delay: 5 },
        }),
        foreachBatch((_, { time }) => (time === 2_000 && failures-- > 0 ? throwError(() => new Error('full')) : of(0))),
        retry({ delay: 100 }),
      )
      .subscribe();
    scheduler.schedule(() => {
      scraped = registry.metrics();
    }, 4_500);
    scheduler.schedule(() => subscription.unsubscribe(), 4_600);
    flush();
  });
  return (await scraped) ?? '';
}

describe('prometheusMonitor', () => {
  it('has the metrics of a scripted run', async () => {
    await expect(await scriptedRun()).toMatchFileSnapshot('prometheus.txt');
  });

  it('sets every metric of the table, but those of what the run has not', async () => {
    const text = await scriptedRun();
    const silent = Object.values(metrics)
      .map(({ prometheus }) => `dstream_${prometheus}`)
      .filter((name) => !new RegExp(`^${name}(_count)?\\{`, 'm').test(text));
    expect(silent).toEqual([
      'dstream_lost_records_total',
      'dstream_fetch_throttle_seconds_total',
      'dstream_receiver_queued_records',
    ]);
  });

  it('is described on a page, metric by metric', () => {
    const page = readFileSync(new URL('../../docs/monitoring.md', import.meta.url), 'utf8');
    for (const { prometheus, opentelemetry, labels } of Object.values(metrics)) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`dstream_${prometheus}\` |`));
      expect(row, prometheus).toBeDefined();
      for (const word of [opentelemetry, ...labels]) expect(row).toContain(`\`${word}\``);
    }
  });

  it('sums partitions by topic beyond maxPartitions', async () => {
    const registry = new client.Registry();
    const monitor = prometheusMonitor({ client, registry, maxPartitions: 3 });
    const partitions = Array.from({ length: 4 }, (_, partition) => ({
      topic: partition < 3 ? 't' : 'u',
      partition,
      planned: 5,
      committed: 5,
      end: 15,
      lag: 10,
      bufferedBytes: 0,
    }));
    const inputs = { log: { kind: 'logBatches', partitions, bufferedBytes: 0, rate: undefined, decision: undefined } };
    const snapshot = { status: 'running', inputs, open: [], saving: [], state: [], waiting: 0, interval: 1 };
    monitor.run({
      name: 's',
      attempt: 0,
      sources: {},
      snapshot: () => snapshot as unknown as StreamSnapshot,
    } as MonitoredStream);
    const text = await registry.metrics();
    expect(text.match(/^dstream_lag_records\{.*$/gm)).toEqual([
      'dstream_lag_records{stream="s",source="log",topic="t",partition=""} 30',
      'dstream_lag_records{stream="s",source="log",topic="u",partition=""} 10',
    ]);
  });

  it('shows nothing of a stream that has ended, and its counters go on with the next one', async () => {
    const registry = new client.Registry();
    const monitor = prometheusMonitor({ client, registry });
    const run = () =>
      new TestScheduler(() => {}).run(() => {
        const log = memoryLog({ topics: { t: 1 } });
        log.append('t', [{ value: '1' }]);
        const stream = logBatches(log, {
          topics: ['t'],
          start: 'earliest',
          interval: 10,
          deserialize: json<number>(),
          monitors: [monitor],
        });
        const subscription = stream.pipe(foreachBatch(() => {})).subscribe();
        timer(15).subscribe(() => subscription.unsubscribe());
      });
    run();
    run();
    const text = await registry.metrics();
    expect(text).toContain('dstream_records_total{stream="logBatches",source="log",topic="t"} 2');
    expect(text).not.toMatch(/^dstream_(status|lag_records|info)\{/m);
  });

  it('refuses what is no prom-client, a bad prefix, and a second monitor on one registry', () => {
    const registry = new client.Registry();
    expect(() => prometheusMonitor({ client: {} as never })).toThrow(InvalidOptionError);
    expect(() => prometheusMonitor({ client, registry, prefix: '1-' })).toThrow(InvalidOptionError);
    expect(() => prometheusMonitor({ client, registry, maxPartitions: 0 })).toThrow(InvalidOptionError);
    prometheusMonitor({ client, registry });
    expect(() => prometheusMonitor({ client, registry })).toThrow(/is registered already/);
    prometheusMonitor({ client, registry, prefix: 'other_' });
  });
});
