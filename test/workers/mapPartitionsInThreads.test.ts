import {
  type Batch,
  type InvalidOptionError,
  InvalidRecordError,
  PartitionFailedError,
  ThreadExitedError,
  TimedOutError,
  UncloneableRecordError,
} from 'dstream';
import { runBatches } from 'dstream/testing';
import { type MapPartitionsInThreadsOptions, mapPartitionsInThreads } from 'dstream/workers';
import { asyncScheduler, type OperatorFunction, type SchedulerLike } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { mapPartitionsInPool } from '../../src/workers/mapPartitionsInThreads.js';
import type { PartitionWork } from '../../src/workers/partitionMessages.js';
import { standingCases } from '../operators/standing.js';
import { type Act, answerOf, scriptedThreads } from '../support/scriptedThreads.js';

// The operator over threads in virtual time; threads.test.ts has real ones.

const url = new URL('file:///job.js');

function over<T, R>(
  scheduler: SchedulerLike,
  act: (work: PartitionWork) => Act,
  options: MapPartitionsInThreadsOptions = {},
): { readonly operator: OperatorFunction<Batch<T>, Batch<R>>; readonly log: readonly string[] } {
  const { start, log } = scriptedThreads(scheduler, act);
  return { operator: mapPartitionsInPool<T, R>(start, url, { scheduler, threads: 2, ...options }), log };
}

const doubled = (work: PartitionWork) => answerOf<number>(work, (records) => records.map((n) => n * 2));
const doublesIn = (ms: number) => (work: PartitionWork) => ({ after: ms, answer: doubled(work) });

standingCases('mapPartitionsInThreads', {
  records: [1, 2],
  make: () => over<number, number>(asyncScheduler, doublesIn(0)).operator,
});

describe('mapPartitionsInThreads', () => {
  it('keeps partitions and batches in order, whichever thread is done first, and is done with its source when that is', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions, scheduler, completions, flush }) => {
      const slow = (work: PartitionWork) => ({
        after: work.partition.records.includes(1) ? 3 : 1,
        answer: doubled(work),
      });
      const source = batches<number>('-ab-----|', { a: { partitions: [[1], [2]] }, b: { partitions: [[3], []] } });
      const subs = '                  ^-------!';
      const expected = '              ----(ab)|';
      const { operator } = over<number, number>(scheduler, slow, { threads: 3 });
      // Both in one frame: b is ready before a.
      const values = { a: { partitions: [[2], [4]] }, b: { partitions: [[6], []] } };
      expectBatches(source.pipe(operator)).toBe(expected, values);
      expectSubscriptions(source.subscriptions).toBe(subs);
      flush();
      expect(completions.map(({ time, at }) => [time, at])).toEqual([
        [1, 4],
        [2, 4],
      ]);
    });
  });

  it('has the marbles and subscriptions of any operator', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions, scheduler }) => {
      const mapPartitionsInThreads = () => over<number, number>(scheduler, doublesIn(2)).operator;
      const source = batches<number>('-a---b---|', { a: [1], b: [2] });
      const subs = '                  ^--------!';
      const expected = '              ---a---b-|';
      expectBatches(source.pipe(mapPartitionsInThreads())).toBe(expected, { a: [2], b: [4] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('has no more threads than it may, and begins partitions in order', () => {
    const { log } = run({ partitions: [[1], [2], [3]] }, doublesIn(2), { threads: 2 });
    expect(log).toEqual([
      '1 thread 1 starts',
      '1 thread 1 begins 1-0, attempt 0',
      '1 thread 2 starts',
      '1 thread 2 begins 1-1, attempt 0',
      '3 thread 1 begins 1-2, attempt 0',
      '5 thread 1 is ended',
      '5 thread 2 is ended',
    ]);
  });

  it('fails the batch by what the function threw, and ends the threads that work on its other partitions', () => {
    const thrown = Object.assign(new RangeError('too much'), { sensor: 7 });
    const failing = (work: PartitionWork): Act =>
      work.partition.index === 0
        ? {
            after: 2,
            answer: answerOf(work, () => {
              throw thrown;
            }),
          }
        : { after: 9, answer: doubled(work) };
    const { errors, failures, log } = run({ partitions: [[1], [2], [3], [4]] }, failing, { id: 'parse' });
    const [error] = errors as [PartitionFailedError];
    expect(error).toBeInstanceOf(PartitionFailedError);
    expect(error).toMatchObject({
      operator: 'mapPartitionsInThreads',
      id: 'parse',
      partition: 0,
      time: 1,
      retriable: true,
    });
    expect(error.message).toBe('mapPartitionsInThreads "parse" on partition 0 of batch 1: too much');
    expect(error.cause).toMatchObject({ name: 'RangeError', message: 'too much', sensor: 7, stack: thrown.stack });
    expect(failures).toEqual([error]);
    expect(log.filter((line) => line.includes('begins'))).toHaveLength(2);
    expect(log.slice(4)).toEqual(['3 thread 1 is ended', '3 thread 2 is ended']);
  });

  it('takes over from what was thrown that trying again does not help', () => {
    const fault = new InvalidRecordError('parse', 'x', 'is no number');
    const failing = (work: PartitionWork) => ({
      after: 1,
      answer: answerOf(work, () => {
        throw fault;
      }),
    });
    expect(run({ partitions: [[1]] }, failing).errors).toMatchObject([
      { retriable: false, cause: { code: 'INVALID_RECORD' } },
    ]);
  });

  it('names the place of a record that cannot be copied', () => {
    const { errors } = run<unknown>({ partitions: [['a', 'b', () => 1]] }, doublesIn(1));
    const [error] = errors as [UncloneableRecordError];
    expect(error).toBeInstanceOf(UncloneableRecordError);
    expect(error).toMatchObject({ topic: 'batches-1', partition: 0, offset: 2 });
    expect(error.message).toMatch(/at offset 2 of partition 0 of topic batches-1 cannot be copied between threads: /);
  });

  describe('with a thread that exits', () => {
    const exit = { exitCode: 9 };

    it('runs the partition again, before those that wait', () => {
      const dying = (work: PartitionWork): Act =>
        work.partition.index === 0 && work.context.attempt === 0 ? { after: 2, exit } : doublesIn(5)(work);
      const { seen, log } = run({ partitions: [[1], [2], [3]] }, dying);
      expect(seen).toEqual([[[2], [4], [6]]]);
      expect(log.filter((line) => !line.includes('ended')).slice(4)).toEqual([
        '3 thread 1 exits in 0',
        '3 thread 3 starts',
        '3 thread 3 begins 1-0, attempt 1',
        '6 thread 2 begins 1-2, attempt 0',
      ]);
    });

    it('fails the batch when it exits once more than allowed', () => {
      const oom = new Error('out of memory');
      const { errors, log } = run({ partitions: [[1]] }, () => ({ after: 1, exit: { exitCode: 1, error: oom } }), {
        restarts: 1,
      });
      expect(errors).toEqual([expect.any(ThreadExitedError)]);
      expect(errors).toMatchObject([{ times: 2, exitCode: 1, cause: oom, retriable: true }]);
      expect(String(errors[0])).toContain(
        'mapPartitionsInThreads on partition 0 of batch 1: the thread has ended by itself, 2 times: out of memory',
      );
      expect(log.filter((line) => line.includes('begins'))).toHaveLength(2);
    });
  });

  it('ends a partition that takes too long, with its thread', () => {
    const hanging = (work: PartitionWork): Act =>
      work.partition.index === 1 ? { after: Infinity } : doublesIn(1)(work);
    const { errors, log } = run({ partitions: [[1], [2]] }, hanging, { timeout: 5, id: 'parse' });
    expect(errors).toEqual([new TimedOutError('mapPartitionsInThreads "parse" on partition 1 of batch 1', 5)]);
    expect(log).toContain('6 thread 2 is ended');
  });

  describe('with a hedge', () => {
    /** The first copy of partition 1 takes long. */
    const straggling =
      (ms: number) =>
      (work: PartitionWork): Act =>
        work.partition.index === 1 && work.context.attempt === 0 ? doublesIn(ms)(work) : doublesIn(1)(work);

    it('begins a slow partition on a second thread, and takes the first answer', () => {
      const { seen, at, log } = run({ partitions: [[1], [2]] }, straggling(50), { hedge: { after: 4 } });
      expect(seen).toEqual([[[2], [4]]]);
      expect(at).toEqual([6]);
      expect(log).toContain('5 thread 1 begins 1-1, attempt 1');
      expect(log).toContain('6 thread 2 is ended');
    });

    it('takes the answer of the first copy when that is faster', () => {
      const slower = (work: PartitionWork): Act =>
        work.context.attempt === 1 ? doublesIn(9)(work) : straggling(6)(work);
      const { seen, at, log } = run({ partitions: [[1], [2]] }, slower, { hedge: { after: 4 } });
      expect(seen).toEqual([[[2], [4]]]);
      expect(at).toEqual([7]);
      expect(log).toContain('7 thread 1 is ended');
    });

    it('begins no copy while another partition waits', () => {
      const all = (work: PartitionWork): Act => (work.context.attempt === 1 ? doublesIn(1)(work) : doublesIn(10)(work));
      const { log } = run({ partitions: [[1], [2], [3], [4]] }, all, { hedge: { after: 2 } });
      expect(log.filter((line) => line.includes('begins')).slice(0, 4)).toEqual([
        '1 thread 1 begins 1-0, attempt 0',
        '1 thread 2 begins 1-1, attempt 0',
        '11 thread 1 begins 1-2, attempt 0',
        '11 thread 2 begins 1-3, attempt 0',
      ]);
    });

    it('waits for the copy when the thread of the first one exits', () => {
      const dying = (work: PartitionWork): Act =>
        work.context.attempt === 0 && work.partition.index === 1
          ? { after: 5, exit: { exitCode: 1 } }
          : doublesIn(3)(work);
      const { seen, log } = run({ partitions: [[1], [2]] }, dying, { hedge: { after: 4 }, restarts: 0 });
      expect(seen).toEqual([[[2], [4]]]);
      expect(log.filter((line) => line.includes('1-1'))).toHaveLength(2);
    });
  });

  it('ends its threads when it is unsubscribed, and starts none meanwhile', () => {
    runBatches(({ batches, expectObservable, scheduler, flush }) => {
      const { operator, log } = over<number, number>(scheduler, doublesIn(9));
      const source = batches<number>('-a|', { a: { partitions: [[1], [2], [3]] } });
      expectObservable(source.pipe(operator), '---!').toBe('---');
      flush();
      expect(log.slice(4)).toEqual(['3 thread 1 is ended', '3 thread 2 is ended']);
    });
  });

  it('refuses what is no URL, and a hedge without a time', () => {
    // @ts-expect-error a path is no URL
    expect(() => mapPartitionsInThreads('./job.js')).toThrow('mapPartitionsInThreads: url ("./job.js") must be a URL');
    // @ts-expect-error a hedge says after what time
    const refused = () => mapPartitionsInThreads(url, { hedge: {} });
    expect(refused).toThrow('mapPartitionsInThreads: hedge.after (undefined)' satisfies InvalidOptionError['message']);
  });
});

/** One batch at 1 through the operator, to the end: what came out by partition and when, and what the threads did. */
function run<T = number>(
  batch: { readonly partitions: readonly (readonly T[])[] },
  act: (work: PartitionWork) => Act,
  options: MapPartitionsInThreadsOptions = {},
) {
  const seen: unknown[] = [];
  const at: number[] = [];
  const errors: unknown[] = [];
  return runBatches(({ batches, scheduler, failures, flush }) => {
    const { operator, log } = over<T, number>(scheduler, act, options);
    batches<T>('-a|', { a: batch })
      .pipe(operator)
      .subscribe({
        next: ({ partitions }) => {
          at.push(scheduler.now());
          seen.push(partitions.map(({ records }) => records));
        },
        error: (error: unknown) => errors.push(error),
      });
    flush();
    return { seen, at, errors, failures, log };
  });
}
