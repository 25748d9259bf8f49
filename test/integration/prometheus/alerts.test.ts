import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type DriverOptions,
  fixedRate,
  foreachBatch,
  foreachPartition,
  type GroupMonitor,
  json,
  type LogSourceOptions,
  logBatches,
  memoryCheckpoint,
  memoryLog,
  pid,
} from 'dstream';
import { prometheusMonitor } from 'dstream/prometheus';
import * as client from 'prom-client';
import {
  delay,
  endWith,
  ignoreElements,
  merge,
  NEVER,
  type Observable,
  of,
  retry,
  type SchedulerLike,
  switchMap,
  takeWhile,
  tap,
  throwError,
  timer,
  VirtualTimeScheduler,
} from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';

const rules = fileURLToPath(new URL('../../../docs/monitoring/alerts.yml', import.meta.url));
const promtool = process.env.PROMTOOL ?? 'promtool';
const directory = mkdtempSync(join(tmpdir(), 'dstream-alerts-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Scrapes are this far apart, in seconds: promtool takes one sample of each series an interval. */
const scrapeInterval = 30;
const minutes = 30;

type Job = (monitor: GroupMonitor, scheduler: SchedulerLike) => Observable<unknown>;

/**
 * The series of a job that runs in virtual time, as `input_series` of promtool. An absent sample is `_`, as where a series has not
 * begun. Time stops at each scrape, because prom-client answers later and shows what its counters are by then. With `lifetime`, in scrapes,
 * the process ends after as many, and another takes its place.
 */
async function seriesOf(job: Job, lifetime = Infinity) {
  const scrapes: string[] = [];
  const scheduler = new VirtualTimeScheduler();
  const start = () => {
    const registry = new client.Registry();
    const monitor = prometheusMonitor({ client, registry });
    return { registry, subscription: job(monitor, scheduler).subscribe({ error: () => {} }) };
  };
  let life = start();
  for (let i = 0; i <= (minutes * 60) / scrapeInterval; i++) {
    // Gauges tell the time, which has come as far as the last thing that was scheduled.
    scheduler.schedule(() => {}, i * scrapeInterval * 1_000 - scheduler.now());
    scheduler.maxFrames = i * scrapeInterval * 1_000;
    scheduler.flush();
    scrapes.push(await life.registry.metrics());
    if ((i + 1) % lifetime > 0) continue;
    life.subscription.unsubscribe();
    life = start();
  }
  life.subscription.unsubscribe();
  const series = new Map<string, string[]>();
  for (const [i, scrape] of scrapes.entries()) {
    for (const line of scrape.split('\n')) {
      const [, name, value] = /^(dstream_\S*?\{.*\}) (\S+)$/.exec(line) ?? [];
      if (name === undefined || value === undefined) continue;
      const samples = series.get(name) ?? Array.from({ length: i }, () => '_');
      series.set(name, samples);
      while (samples.length < i) samples.push('_');
      samples.push(value);
    }
  }
  return [...series].map(([name, samples]) => ({ series: name, values: samples.join(' ') }));
}

const options = { interval: 1_000, deserialize: json<number>(), topics: ['t'], start: 'earliest' } as const;

/** A log that gets a record a second, under a stream. */
function fed(scheduler: SchedulerLike, more: Partial<LogSourceOptions<number> & DriverOptions>) {
  const log = memoryLog({ topics: { t: 1 }, scheduler });
  const append = () => log.append('t', [{ value: '1', timestamp: scheduler.now() }]);
  timer(0, 1_000, scheduler).subscribe(append);
  return logBatches(log, { ...options, scheduler, ...more });
}

/** Copies that say how far they are behind every ten seconds, until brokers do not answer any more. */
function copies(monitor: GroupMonitor, scheduler: SchedulerLike, until = Infinity) {
  const event = { groupId: 'g', memberId: 'm', generation: 1, tasks: ['3'] } as const;
  return timer(0, 10_000, scheduler).pipe(
    takeWhile((n) => n * 10_000 < until),
    tap(() => monitor.next({ ...event, type: 'standby-behind', at: scheduler.now(), behind: 7 })),
    ignoreElements(),
    endWith(null),
    delay(30_000, scheduler),
    tap(() => monitor.next({ ...event, type: 'standby-stale', at: scheduler.now() })),
  );
}

const fails = () => throwError(() => new Error('no'));

const jobs: Readonly<Record<string, Job>> = {
  healthy: (monitor, scheduler) =>
    merge(
      fed(scheduler, { checkpoint: memoryCheckpoint(), monitors: [monitor] }).pipe(
        foreachBatch(() => timer(20, scheduler)),
      ),
      copies(monitor, scheduler),
    ),
  unsure: (monitor, scheduler) =>
    merge(
      fed(scheduler, { monitors: [monitor] }).pipe(foreachBatch(() => timer(20, scheduler))),
      copies(monitor, scheduler, 600_000),
    ),
  hanging: (monitor, scheduler) =>
    fed(scheduler, { checkpoint: memoryCheckpoint(), outputTimeout: Infinity, monitors: [monitor] }).pipe(
      foreachBatch((_, { time }) => (time > 60_000 ? NEVER : of(0))),
    ),
  hangingFirst: (monitor, scheduler) =>
    fed(scheduler, { outputTimeout: Infinity, monitors: [monitor] }).pipe(foreachBatch(() => NEVER)),
  slow: (monitor, scheduler) =>
    fed(scheduler, { backpressure: pid({ minRate: 1 }), initialRate: 10, monitors: [monitor] }).pipe(
      foreachBatch(() => timer(5_000, scheduler)),
    ),
  late: (monitor, scheduler) =>
    fed(scheduler, { backpressure: fixedRate(0.2), monitors: [monitor] }).pipe(foreachBatch(() => {})),
  losing: (monitor, scheduler) => {
    const log = memoryLog({ topics: { t: 1 }, scheduler });
    for (let i = 0; i < 10; i++) log.append('t', [{ value: '1' }]);
    const lose = (time: number) => {
      if (time !== 1_200_000) return;
      for (let i = 0; i < 10; i++) log.append('t', [{ value: '1' }]);
      log.truncate('t', 0, 15);
    };
    return logBatches(log, { ...options, scheduler, offsetOutOfRange: 'earliest', monitors: [monitor] }).pipe(
      foreachBatch((_, { time }) => lose(time)),
    );
  },
  refusing: (monitor, scheduler) =>
    fed(scheduler, { monitors: [monitor] }).pipe(foreachPartition(fails, { onError: { next: () => {} } })),
  // Never running at the time of a scrape.
  failing: (monitor, scheduler) =>
    timer(10_000, scheduler).pipe(
      switchMap(() => fed(scheduler, { monitors: [monitor] })),
      foreachBatch(fails),
      retry({ delay: () => timer(49_000, scheduler) }),
    ),
  // Its process ends at the error, and a supervisor starts it again.
  crashing: (monitor, scheduler) =>
    fed(scheduler, { monitors: [monitor] }).pipe(foreachBatch(() => timer(20, scheduler))),
  failed: (monitor, scheduler) =>
    fed(scheduler, { monitors: [monitor] }).pipe(foreachBatch((_, { time }) => (time > 60_000 ? fails() : of(0)))),
};

/** How many scrapes a process of the job sees before it ends. */
const lifetimes: Readonly<Record<string, number>> = { crashing: 4 };

/** The alerts that fire at the end of each job, or shortly after what happened once. */
const expected: Readonly<Record<string, { readonly at: string; readonly alerts: readonly string[] }>> = {
  healthy: { at: '25m', alerts: [] },
  unsure: { at: '20m', alerts: ['DStreamStandbyUnknown'] },
  hanging: { at: '8m', alerts: ['DStreamNotRunning', 'DStreamStalled', 'DStreamCheckpointOld'] },
  hangingFirst: { at: '4m', alerts: ['DStreamStalled'] },
  slow: { at: '25m', alerts: ['DStreamFallsBehind', 'DStreamRateAtFloor', 'DStreamLagGrows'] },
  late: { at: '29m', alerts: ['DStreamLagGrows'] },
  losing: { at: '21m', alerts: ['DStreamRecordsLost'] },
  refusing: { at: '5m', alerts: ['DStreamDeadLetters'] },
  failing: { at: '15m', alerts: ['DStreamErrors', 'DStreamNotRunning'] },
  crashing: { at: '25m', alerts: ['DStreamErrors'] },
  failed: { at: '25m', alerts: ['DStreamNotRunning', 'DStreamStalled', 'DStreamLagGrows'] },
};

/** Prometheus of Debian: .ci/run installs it. Elsewhere the test says that it was left out. */
const missing = spawnSync(promtool, ['--version']).error !== undefined;

describe.skipIf(missing)('the alerts', () => {
  it('are rules that Prometheus takes', () => {
    expect(execFileSync(promtool, ['check', 'rules', rules], { encoding: 'utf8' })).toContain('10 rules found');
  });

  it.each(Object.keys(jobs))('fire as they should for a job that is %s', async (name) => {
    const { at, alerts } = expected[name] ?? { at: '', alerts: [] };
    const series = await seriesOf(jobs[name] as Job, lifetimes[name]);
    expect(series.length).toBeGreaterThan(10);
    copyFileSync(rules, join(directory, 'alerts.yml'));
    const all = [...new Set(Object.values(expected).flatMap((one) => one.alerts))];
    // Whether an alert fires, whatever its labels say.
    const firing = all.map((alert) => ({
      expr: `count(ALERTS{alertname="${alert}", alertstate="firing"}) > bool 0 or vector(0)`,
      eval_time: at,
      exp_samples: [{ labels: '{}', value: alerts.includes(alert) ? 1 : 0 }],
    }));
    const test = {
      rule_files: ['alerts.yml'],
      evaluation_interval: `${scrapeInterval}s`,
      tests: [{ name, interval: `${scrapeInterval}s`, input_series: series, promql_expr_test: firing }],
    };
    const file = join(directory, `${name}.json`);
    writeFileSync(file, JSON.stringify(test));
    const { stdout, stderr } = spawnSync(promtool, ['test', 'rules', file], { encoding: 'utf8' });
    expect(`${stdout}${stderr}`).toContain('SUCCESS');
    expect(`${stdout}${stderr}`).not.toContain('FAILED');
  });
});
