import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  eventTime,
  foreachBatch,
  fromBatches,
  type GroupMonitor,
  json,
  logBatches,
  mapRecords,
  memoryLog,
  receiverBatches,
  updateStateByKey,
} from 'dstream';
import { fileCheckpoint, fileWriteAheadLog, lmdbCheckpoint } from 'dstream/node';
import { prometheusMonitor } from 'dstream/prometheus';
import * as client from 'prom-client';
import { lastValueFrom, type Observable, take } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { version } from '../../src/batch/version.js';
import { batchesOf } from '../../src/driver/batchesOf.js';
import { resolveDriverOptions } from '../../src/driver/driverOptions.js';
import { metrics } from '../../src/monitors/metrics/metricTable.js';
import { resolvedLogSource } from '../../src/sources/log/resolvedLogSource.js';
import { resolveLogSourceOptions } from '../../src/sources/log/resolveLogSourceOptions.js';
import { SharedBudget } from '../../src/sources/log/sharedBudget.js';
import { logLike } from '../support/logLike.js';
import { monitoredRun } from '../support/monitoredRun.js';

const directory = mkdtempSync(join(tmpdir(), 'dstream-metrics-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** The metrics of a run as text, looked at in each of its batches; the last look counts. */
async function watched(run: (monitor: GroupMonitor, look: () => void) => Observable<unknown> | undefined) {
  const registry = new client.Registry();
  let text: Promise<string> | undefined;
  const look = () => {
    text = registry.metrics();
  };
  const running = run(prometheusMonitor({ client, registry }), look);
  if (running) await lastValueFrom(running, { defaultValue: undefined });
  return (await text) ?? '';
}

const standbyEvent = {
  type: 'standby-behind',
  at: 0,
  groupId: 'g',
  memberId: 'm',
  generation: 1,
  tasks: ['3'],
} as const;
const onStandby = () =>
  watched((monitor, look) => {
    monitor.next({ ...standbyEvent, behind: 7 });
    look();
    return undefined;
  });

const scripted = () =>
  watched((monitor, look) => {
    monitoredRun([monitor], look);
    return undefined;
  });

/** State and checkpoint on disk. */
const stored = () =>
  watched((monitor, look) =>
    fromBatches([['a'], ['b'], ['c']], {
      interval: 5,
      name: 'stored',
      checkpoint: lmdbCheckpoint(join(directory, 'lmdb'), { cacheKeys: 2 }),
      monitors: [monitor],
    }).pipe(
      mapRecords((letter) => [letter, 1]),
      updateStateByKey((values: readonly number[], sum: number = 0) => sum + values.length, { id: 'counts' }),
      foreachBatch(look),
    ),
  );

const received = () =>
  watched((monitor, look) =>
    receiverBatches<string>(
      ({ store, complete }) => {
        store('a');
        complete();
      },
      {
        interval: 5,
        name: 'received',
        checkpoint: fileCheckpoint(join(directory, 'checkpoint')),
        writeAheadLog: fileWriteAheadLog(join(directory, 'wal')),
        monitors: [monitor],
      },
    ).pipe(foreachBatch(look)),
  );

const timed = () =>
  watched((monitor, look) =>
    fromBatches([[1], [2], [3]], { interval: 5, name: 'timed', monitors: [monitor] }).pipe(
      eventTime({ timestamp: (at) => at, outOfOrderness: 0 }),
      foreachBatch(look),
    ),
  );

/** A broker that throttles, and has deleted what comes next. */
const throttled = () =>
  watched((monitor, look) => {
    const log = memoryLog({ topics: { t: 1 } });
    log.append('t', [{ value: '1' }, { value: '2' }]);
    const throttling = logLike(log, {
      fetch: (requests, options) => {
        options.throttled?.(50);
        return log.fetch(requests, options);
      },
    });
    const stream = logBatches(throttling, {
      topics: ['t'],
      start: 'earliest',
      interval: 5,
      deserialize: json<number>(),
      offsetOutOfRange: 'earliest',
      maxRatePerPartition: 200,
      name: 'throttled',
      monitors: [monitor],
    });
    let batches = 0;
    return stream.pipe(
      foreachBatch(() => {
        look();
        if (++batches > 1) return;
        log.append('t', [{ value: '3' }, { value: '4' }]);
        log.truncate('t', 0, 3);
      }),
      take(8),
    );
  });

/** A stream with the budget of a runtime. */
const shared = () =>
  watched((monitor, look) => {
    const log = memoryLog({ topics: { t: 1 } });
    log.append('t', [{ value: '1' }]);
    const options = resolveLogSourceOptions('logBatches', { topics: ['t'], start: 'earliest', deserialize: String });
    const budget = new SharedBudget(1_000, { later: queueMicrotask });
    const source = resolvedLogSource('logBatches', () => log, { ...options, budget });
    const driver = resolveDriverOptions('logBatches', { interval: 5, name: 'shared', monitors: [monitor] });
    return batchesOf('log', source, driver).pipe(foreachBatch(look), take(2));
  });

describe('the table of metrics', () => {
  it('has no metric that is never set', async () => {
    const texts = [
      await scripted(),
      await stored(),
      await received(),
      await timed(),
      await throttled(),
      await shared(),
      await onStandby(),
    ];
    const silent = Object.values(metrics)
      .map(({ prometheus }) => `dstream_${prometheus}`)
      .filter((name) => !texts.some((text) => new RegExp(`^${name}(_count)?\\{`, 'm').test(text)));
    expect(silent).toEqual([]);
  });

  it('has a name, a unit and a help of its own for each', () => {
    const all = Object.values(metrics);
    expect(new Set(all.map(({ prometheus }) => prometheus)).size).toBe(all.length);
    expect(new Set(all.map(({ opentelemetry }) => opentelemetry)).size).toBe(all.length);
    for (const { prometheus, unit, help } of all) {
      expect(help, prometheus).toMatch(/\.$/);
      if (unit === 's') expect(prometheus).toMatch(/seconds/);
      if (unit === 'By') expect(prometheus).toMatch(/bytes/);
    }
  });

  it.each([
    ['docs/monitoring.md', '../../docs/monitoring.md'],
    ['docs/observability.md', '../../docs/observability.md'],
    ['docs/monitoring/alerts.yml', '../../docs/monitoring/alerts.yml'],
    ['docs/monitoring/grafana.json', '../../docs/monitoring/grafana.json'],
  ])('has every metric that %s names', (_, file) => {
    const text = readFileSync(new URL(file, import.meta.url), 'utf8');
    const histogram = ({ kind }: { readonly kind: string }) => kind === 'histogram';
    const known = new Set(
      Object.values(metrics).flatMap((metric) => {
        const name = `dstream_${metric.prometheus}`;
        return histogram(metric) ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
      }),
    );
    const named = [...new Set(text.match(/\bdstream_[a-z_]+[a-z]/g))];
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  it('is all in the dashboard of Grafana', () => {
    const text = readFileSync(new URL('../../docs/monitoring/grafana.json', import.meta.url), 'utf8');
    const unused = Object.values(metrics).filter(({ prometheus }) => !text.includes(`dstream_${prometheus}`));
    expect(unused.map(({ prometheus }) => prometheus)).toEqual([]);
    const { panels } = JSON.parse(text) as { panels: { id: number; title: string; gridPos: object }[] };
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });

  it('shows the version of the package', () => {
    const { version: published } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(version).toBe(published);
  });
});
