import {
  type Batch,
  countBatch,
  countByWindow,
  dynamicInterval,
  foreachBatch,
  InvalidOptionError,
  type LogTasksOptions,
  logBatches,
  logTasks,
  memoryLog,
  string,
  type Task,
} from 'dstream';
import { mergeTasks } from 'dstream/kafka';
import { memoryGroup } from 'dstream/testing';
import { mergeMap, type OperatorFunction, type SchedulerLike, Subscription, tap, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { partialOf } from '../../src/outputs/kafka/taskPartials.js';
import { VirtualClock } from '../support/virtualClock.js';

const sum = (a: number, b: number) => a + b;
const interval = 100;
const maxInterval = 400;

interface FirstJob {
  /** By process, by how much its clock is late, in ms. */
  readonly late: readonly number[];
  readonly reduce: OperatorFunction<Batch<string | null>, Batch<number>>;
  readonly options?: Partial<LogTasksOptions<string | null>>;
  /** How long a record of a task takes, in ms. */
  readonly cost?: (task: string) => number;
}

/** Two tasks of a job in virtual time, and the job that merges what they write until 8 s, without a checkpoint. */
function run({ late, reduce, options, cost = () => 0 }: FirstJob) {
  const clock = new VirtualClock();
  const log = memoryLog({ topics: { words: 2, partials: 1 }, scheduler: clock });
  const group = memoryGroup({ log, scheduler: clock });
  const counts = mergeTasks<number>({ topic: 'partials', tasks: 2, merge: sum });
  const all = new Subscription();
  const partials: { readonly task: string; readonly time: number; readonly value?: number; readonly at: number }[] = [];
  const errors: unknown[] = [];
  for (let at = 0; at < 6_000; at += 10)
    clock.schedule(() => log.append('words', [{ partition: (at / 10) % 2, value: String(at) }]), at);
  for (const ms of late) {
    const scheduler: SchedulerLike = {
      now: () => clock.now() - ms,
      schedule: clock.schedule.bind(clock) as SchedulerLike['schedule'],
    };
    const tasks = logTasks(log, group, {
      ...{ topics: ['words'], groupId: 'g', start: 'earliest', interval, scheduler, deserialize: string() },
      ...{ sessionTimeout: 1_000, heartbeatInterval: 100, stepTimeout: Infinity, outputTimeout: Infinity },
      ...options,
    });
    const work = mergeMap((task: Task<string | null>) =>
      task.pipe(
        reduce,
        tap((batch) => {
          const partial = partialOf(batch, sum);
          partials.push({ ...partial, at: clock.now() });
          log.append('partials', [{ value: JSON.stringify(partial) }]);
        }),
        foreachBatch((_, { inputs }) => timer((inputs.log?.records ?? 0) * cost(task.task.id), clock)),
      ),
    );
    all.add(tasks.pipe(work).subscribe({ error: (error: unknown) => errors.push(error) }));
  }
  const results: { readonly time: number; readonly value: number; readonly at: number }[] = [];
  all.add(
    logBatches(log, { ...counts.source, interval, scheduler: clock })
      .pipe(
        counts.merge(),
        foreachBatch((merged) => void results.push(...merged.map((one) => ({ ...one, at: clock.now() })))),
      )
      .subscribe({ error: (error: unknown) => errors.push(error) }),
  );
  clock.schedule(() => all.unsubscribe(), 8_000);
  clock.flush();
  return { partials, results, errors };
}

/** What the results are by what the tasks have written. */
function resultsOf(partials: readonly { readonly time: number; readonly value?: number }[]) {
  const byTime = new Map<number, number>();
  for (const { time, value } of partials) if (value !== undefined) byTime.set(time, (byTime.get(time) ?? 0) + value);
  return [...byTime].sort(([a], [b]) => a - b);
}

describe('mergeTasks, in virtual time', () => {
  it('has all of each time, once, when the clock of a process is late: the results wait for it', () => {
    const { partials, results, errors } = run({ late: [0, 730], reduce: countBatch() });
    expect(errors).toEqual([]);
    expect(new Set(partials.map(({ task }) => task)).size).toBe(2);
    expect(results.map(({ time, value }) => [time, value])).toEqual(
      resultsOf(partials.filter(({ time }) => time <= (results.at(-1)?.time ?? 0))),
    );
    expect(results.map(({ value }) => value).reduce(sum)).toBe(600);
    for (const { time, at } of results) expect(at).toBeGreaterThan(time + 700);
  });

  it('merges the results of windows whose intervals change by themselves, each task by its own load', () => {
    const intervals = new Map<string, Set<number>>();
    const { partials, results, errors } = run({
      late: [0],
      reduce: countByWindow({ window: 2 * maxInterval, slide: maxInterval }),
      options: { dynamicInterval: dynamicInterval({ minInterval: 50, maxInterval }) },
      cost: (task) => (task === '0' ? 8 : 1),
    });
    expect(errors).toEqual([]);
    const last = new Map<string, number>();
    for (const { task, time } of partials) {
      const lengths = intervals.get(task) ?? new Set();
      intervals.set(task, lengths.add(time - (last.get(task) ?? time)));
      last.set(task, time);
    }
    expect(Math.min(...(intervals.get('1') ?? []))).toBeLessThan(Math.max(...(intervals.get('0') ?? [])));
    // In each of the two windows of a record.
    expect(results.map(({ value }) => value).reduce(sum)).toBe(1_200);
    expect(results.map(({ time, value }) => [time, value])).toEqual(
      resultsOf(partials.filter(({ time }) => time <= (results.at(-1)?.time ?? 0))),
    );
    for (const { time } of results) {
      const both = partials.filter((partial) => partial.time === time);
      expect([time % maxInterval, both.length]).toEqual([0, 2]);
    }
  });

  it('refuses results of single batches whose intervals change: the other tasks have none of that time', () => {
    const { errors } = run({
      late: [0],
      reduce: countBatch(),
      options: { dynamicInterval: dynamicInterval({ minInterval: 50, maxInterval }) },
      cost: (task) => (task === '0' ? 8 : 1),
    });
    expect(errors[0]).toBeInstanceOf(InvalidOptionError);
    expect(String(errors[0])).toMatch(/dynamicInterval .* windows/);
  });
});
