import { readFileSync } from 'node:fs';
import {
  type BatchInfo,
  foreachBatch,
  InvalidOptionError,
  json,
  logBatches,
  type MonitoredStream,
  memoryLog,
  type PartitionSnapshot,
} from 'dstream';
import { prometheusMonitor } from 'dstream/prometheus';
import * as client from 'prom-client';
import { timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { metrics } from '../../src/monitors/metrics/metricTable.js';
import { monitoredRun } from '../support/monitoredRun.js';

/** The metrics of the scripted run, as text. */
async function scriptedRun(): Promise<string> {
  const registry = new client.Registry();
  let scraped: Promise<string> | undefined;
  monitoredRun([prometheusMonitor({ client, registry })], () => {
    scraped = registry.metrics();
  });
  return (await scraped) ?? '';
}

describe('prometheusMonitor', () => {
  it('has the metrics of a scripted run', async () => {
    await expect(await scriptedRun()).toMatchFileSnapshot('prometheus.txt');
  });

  it('is described on a page, metric by metric', () => {
    const page = readFileSync(new URL('../../docs/monitoring.md', import.meta.url), 'utf8');
    for (const { prometheus, opentelemetry, labels } of Object.values(metrics)) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`dstream_${prometheus}\` |`));
      expect(row, prometheus).toBeDefined();
      for (const word of [opentelemetry, ...labels]) expect(row).toContain(`\`${word}\``);
    }
  });

  const streamOf = (name: string, partitions: readonly Partial<PartitionSnapshot>[]): MonitoredStream => {
    const place = { topic: 't', planned: 5, committed: 5, end: 15, lag: 10, bufferedBytes: 0 };
    const all = partitions.map((partition, i) => ({ ...place, partition: i, ...partition }));
    const inputs = {
      log: { kind: 'logBatches', partitions: all, bufferedBytes: 0, rate: undefined, decision: undefined },
    };
    const snapshot = { name, status: 'running', inputs, open: [], saving: [], state: [], waiting: 0, interval: 1 };
    return { name, attempt: 0, sources: {}, snapshot: () => snapshot as unknown } as MonitoredStream;
  };

  it('sums partitions by topic beyond maxPartitions, and warns once', async () => {
    const registry = new client.Registry();
    const warnings: string[] = [];
    const warningObserver = { next: (message: string) => warnings.push(message) };
    const monitor = prometheusMonitor({ client, registry, maxPartitions: 3, warningObserver });
    const behind = [1_000, 4_000, 2_000].map((ms) => ({ behind: ms }));
    const run = monitor.run(streamOf('s', [...behind, { topic: 'u', partition: 3 }]));
    const delays = { processingDelay: 1, schedulingDelay: 0, totalDelay: 1, fetchDelay: 0, dispatchDelay: 0 };
    for (let partition = 0; partition < 5; partition++) {
      const lost = [{ topic: 't', partition, from: 0, until: 2 }];
      run?.completed?.({ ...delays, inputs: { log: { ranges: [], records: 0, lost } } } as unknown as BatchInfo);
    }
    const text = await registry.metrics();
    await registry.metrics();
    expect(text.match(/^dstream_lag_records\{.*$/gm)).toEqual([
      'dstream_lag_records{stream="s",source="log",topic="t",partition=""} 30',
      'dstream_lag_records{stream="s",source="log",topic="u",partition=""} 10',
    ]);
    expect(text.match(/^dstream_lost_records_total\{.*$/gm)).toEqual([
      'dstream_lost_records_total{stream="s",source="log",topic="t",partition="0"} 2',
      'dstream_lost_records_total{stream="s",source="log",topic="t",partition="1"} 2',
      'dstream_lost_records_total{stream="s",source="log",topic="t",partition="2"} 2',
      'dstream_lost_records_total{stream="s",source="log",topic="t",partition=""} 4',
    ]);
    expect(warnings).toEqual([expect.stringContaining('more than 3 partitions')]);
  });

  it('has the lag of each standby, as the observer of a group, as long as it is kept', async () => {
    const registry = new client.Registry();
    const monitor = prometheusMonitor({ client, registry });
    const lags = async () => (await registry.metrics()).match(/^dstream_standby_lag_records\{.*$/gm);
    const event = { at: 0, groupId: 'g', memberId: 'm', generation: 1, tasks: ['3'] };
    monitor.next({ ...event, type: 'assigned', tasks: ['0', '1'] });
    monitor.next({ ...event, type: 'standby' });
    expect(await lags()).toBeNull();
    monitor.next({ ...event, type: 'standby-behind', behind: 20_000 });
    monitor.next({ ...event, type: 'standby-behind', behind: 0 });
    monitor.next({ ...event, type: 'standby-behind', tasks: ['4'], behind: 5 });
    monitor.next({ ...event, type: 'standby-behind', groupId: 'h', behind: 9 });
    expect(await lags()).toEqual([
      'dstream_standby_lag_records{group="g",task="3"} 0',
      'dstream_standby_lag_records{group="g",task="4"} 5',
      'dstream_standby_lag_records{group="h",task="3"} 9',
    ]);
    monitor.next({ ...event, type: 'standby-ended' });
    expect(await lags()).toHaveLength(2);
    // Nobody knows it: a value that stays would look as if the copy were as near as before.
    monitor.next({ ...event, type: 'standby-stale', tasks: ['4'] });
    expect(await lags()).toHaveLength(1);
    monitor.next({ ...event, type: 'standby-behind', tasks: ['4'], behind: 7 });
    expect(await lags()).toContain('dstream_standby_lag_records{group="g",task="4"} 7');
  });

  it('shows the worst lag in seconds of a topic, for a sum of times means nothing', async () => {
    const registry = new client.Registry();
    const monitor = prometheusMonitor({ client, registry, maxPartitions: 2, warningObserver: {} });
    monitor.run(streamOf('s', [{ behind: 1_000 }, { behind: 4_000 }, { behind: 2_000 }]));
    expect((await registry.metrics()).match(/^dstream_lag_seconds\{.*$/gm)).toEqual([
      'dstream_lag_seconds{stream="s",source="log",topic="t",partition=""} 4',
    ]);
  });

  it('keeps 2,000 partitions under maxPartitions', async () => {
    const registry = new client.Registry();
    const monitor = prometheusMonitor({ client, registry, warningObserver: {} });
    monitor.run(
      streamOf(
        's',
        Array.from({ length: 2_000 }, () => ({ behind: 5 })),
      ),
    );
    const text = await registry.metrics();
    expect(text.match(/partition=/g)).toHaveLength(3);
    expect(text).toContain('dstream_lag_records{stream="s",source="log",topic="t",partition=""} 20000');
  });

  it('reads all gauges of a scrape from one snapshot', async () => {
    const registry = new client.Registry();
    const stream = streamOf('s', [{}]);
    let snapshots = 0;
    const snapshot = () => {
      snapshots++;
      return stream.snapshot();
    };
    prometheusMonitor({ client, registry }).run({ ...stream, snapshot });
    await registry.metrics();
    expect(snapshots).toBe(1);
    await registry.metrics();
    expect(snapshots).toBe(2);
  });

  it('removes the series of a partition that is gone', async () => {
    const registry = new client.Registry();
    const monitor = prometheusMonitor({ client, registry });
    let partitions = 2;
    monitor.run({
      ...streamOf('s', []),
      snapshot: () =>
        streamOf(
          's',
          Array.from({ length: partitions }, () => ({})),
        ).snapshot(),
    });
    expect((await registry.metrics()).match(/^dstream_lag_records\{/gm)).toHaveLength(2);
    partitions = 1;
    expect((await registry.metrics()).match(/^dstream_lag_records\{/gm)).toHaveLength(1);
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
    expect(() => prometheusMonitor({ client, registry, warningObserver: 1 as never })).toThrow(InvalidOptionError);
    prometheusMonitor({ client, registry });
    expect(() => prometheusMonitor({ client, registry })).toThrow(/is registered already/);
    prometheusMonitor({ client, registry, prefix: 'other_' });
  });
});
