import { type Checkpoint, foreachPartition, pid, type Task } from 'dstream';
import { type Observable, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { TaskCluster } from '../../support/taskCluster.js';
import { VirtualClock } from '../../support/virtualClock.js';

const interval = 100;
const tasks = 8;
const ids = Array.from({ length: tasks }, (_, i) => String(i));
const overload = 2;

/** What a process has one of: work is done one piece after the other. */
class Processor {
  readonly #clock: VirtualClock;
  #busyUntil = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  work(ms: number): Observable<unknown> {
    this.#busyUntil = Math.max(this.#busyUntil, this.#clock.now()) + ms;
    return timer(this.#busyUntil - this.#clock.now(), this.#clock);
  }
}

interface Overload {
  /** What a record of each task costs, in ms of the processor. */
  readonly costs?: readonly number[];
  /** A task whose output hangs, from when to when. */
  readonly hangs?: { readonly task: string; readonly from: number; readonly until: number };
  readonly until: number;
}

/** What one process does with records that come twice as fast as it can work, as many in each partition. */
function overloaded({ costs = ids.map(() => 1), hangs, until }: Overload) {
  const clock = new VirtualClock();
  const cluster = new TaskCluster(clock, tasks);
  const processor = new Processor(clock);
  const done: { readonly at: number; readonly task: string; readonly time: number; readonly records: number }[] = [];
  const capacity = tasks / costs.reduce((sum, cost) => sum + cost, 0);
  const perPartition = Math.round((overload * capacity * interval) / tasks);
  const send = (): void => {
    for (let partition = 0; partition < tasks; partition++) {
      cluster.log.append(
        'words',
        Array.from({ length: perPartition }, () => ({ partition, value: '0' })),
      );
    }
    if (clock.now() < until) clock.schedule(send, interval);
  };
  send();
  const work = (task: Task<string, Checkpoint>): Observable<unknown> => {
    const { id } = task.task;
    const cost = costs[Number(id)] as number;
    return task.pipe(
      foreachPartition(({ records }, { time }) => {
        const at = clock.now();
        if (hangs?.task === id && at >= hangs.from && at < hangs.until) return timer(hangs.until - at, clock);
        done.push({ at, task: id, time, records: records.length });
        return processor.work(records.length * cost);
      }),
    );
  };
  const process = cluster.start(
    'first',
    { backpressure: pid(), maxRatePerPartition: 1e6, initialRate: 100 } as never,
    work as never,
  );
  cluster.at(until, () => process.unsubscribe());
  clock.flush();
  expect(process.error).toBeUndefined();
  /** Records a second of each task in a time. */
  const rates = (from: number, to: number) =>
    ids.map((id) => {
      const own = done.filter(({ task, at }) => task === id && at >= from && at < to);
      return (own.reduce((sum, { records }) => sum + records, 0) * 1_000) / (to - from);
    });
  return { done, rates, capacity: capacity * 1_000 };
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describe('a process with twice as much to do as it can', () => {
  it('gives each of its tasks an even share, within a tenth', () => {
    const { rates, capacity } = overloaded({ until: 20_000 });
    const shares = rates(10_000, 20_000);
    for (const share of shares) expect(Math.abs(share / mean(shares) - 1)).toBeLessThan(0.1);
    expect(mean(shares) * tasks).toBeGreaterThan(0.8 * capacity);
  });

  it('shares records evenly where those of some tasks cost eight times as much as those of others', () => {
    const { rates, capacity } = overloaded({ until: 20_000, costs: [4, 2, 1, 1, 0.5, 0.5, 0.5, 0.5] });
    const shares = rates(10_000, 20_000);
    for (const share of shares) expect(Math.abs(share / mean(shares) - 1)).toBeLessThan(0.1);
    expect(mean(shares) * tasks).toBeGreaterThan(0.8 * capacity);
  });

  it('lets the others keep nine tenths of their shares while a task that is 100 batches behind catches up', () => {
    const hangs = { task: '3', from: 10_000, until: 10_000 + 101 * interval };
    const { rates, done } = overloaded({ until: 25_000, hangs });
    const before = mean(rates(5_000, 10_000));
    const late = done.find(({ task, at }) => task === hangs.task && at >= hangs.until);
    expect((late?.at ?? 0) - (late?.time ?? 0)).toBeGreaterThanOrEqual(100 * interval);
    for (const lasts of [1_000, 2_000]) {
      const shares = rates(hangs.until, hangs.until + lasts);
      for (const share of shares.filter((_, i) => String(i) !== hangs.task))
        expect(share).toBeGreaterThan(0.9 * before);
    }
  });
});
