import {
  type Batch,
  batchesFrom,
  concatMapBatch,
  dynamicInterval,
  type FromBatchesOptions,
  foreachBatch,
  foreachPartition,
  foreachPartitionOnce,
  fromBatches,
  logBatches,
  mapRecords,
  memoryCheckpoint,
  memoryLog,
  pid,
  type Source,
  type StopOptions,
  type StopReport,
  string,
} from 'dstream';
import {
  asyncScheduler,
  EMPTY,
  from,
  lastValueFrom,
  map,
  merge,
  type OperatorFunction,
  of,
  share,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { batchesOf } from '../../src/driver/batchesOf.js';
import { resolveDriverOptions } from '../../src/driver/driverOptions.js';
import { collect, scripted } from '../support/scripted.js';
import { virtual } from '../support/virtual.js';

const noSession = { restored: undefined, encode: () => 0, plan: () => EMPTY, save: () => EMPTY };
const noRun = { plan: () => EMPTY, fetch: () => EMPTY, commit: () => EMPTY, close: () => EMPTY };

/** A stream whose every batch takes 15 ms and comes every 10, stopped when two are open. */
function stopAt22(options?: StopOptions) {
  const { log, stream } = scripted({ count: 100 });
  const events: unknown[] = [];
  let report: Promise<StopReport> | undefined;
  virtual((scheduler) => {
    const batches = stream();
    collect(batches.pipe(foreachBatch(() => timer(15))), events, ({ context }) => [scheduler.now(), context.time]);
    scheduler.schedule(() => (report = batches.stop(options)), 22);
  });
  return { log, events, report };
}

describe('graceful stop', () => {
  it('finishes what is planned, saves it, completes, and reports it', async () => {
    const { log, events, report } = stopAt22();
    expect(events).toEqual([[25, 10], [40, 20], 'complete']);
    expect(log).toMatchObject({ committed: [1, 2], closed: 1 });
    expect(await report).toEqual({ completed: [10, 20], aborted: [] });
  });

  it('aborts what is not finished within drainTimeout, and says which', async () => {
    const { log, events, report } = stopAt22({ drainTimeout: 8 });
    expect(events).toEqual([[25, 10], 'complete']);
    expect(log).toMatchObject({ committed: [1], closed: 1 });
    expect(await report).toEqual({ completed: [10], aborted: [20] });
  });

  it('gives every caller the report', async () => {
    const reports: Promise<unknown>[] = [];
    virtual((scheduler) => {
      const batches = scripted({ count: 100 }).stream();
      batches.pipe(foreachBatch(() => timer(15))).subscribe();
      scheduler.schedule(() => reports.push(batches.stop(), batches.stop()), 12);
    });
    const report = { completed: [10], aborted: [] };
    expect(await Promise.all(reports)).toEqual([report, report]);
  });

  it('closes a checkpoint that is opened after everybody has left', async () => {
    let closed = 0;
    const session = { ...noSession, close: () => of(closed++) };
    const opening = Promise.resolve(session);
    const { stream, log } = scripted();
    const subscription = stream({ checkpoint: { location: 'late', open: () => opening } }).subscribe();
    subscription.unsubscribe();
    await opening;
    await Promise.resolve();
    expect(closed).toBe(1);
    expect(log.opened).toBe(0);
  });

  it('gives the report also when it is unsubscribed meanwhile', async () => {
    let report: Promise<unknown> | undefined;
    virtual((scheduler) => {
      const batches = scripted({ count: 100 }).stream();
      const subscription = batches.pipe(foreachBatch(() => timer(15))).subscribe();
      scheduler.schedule(() => {
        report = batches.stop();
        subscription.unsubscribe();
      }, 22);
    });
    const late = new Promise((resolve) => setTimeout(() => resolve('no report'), 1_000));
    expect(await Promise.race([report, late])).toEqual({ completed: [], aborted: [10, 20] });
  });

  it('takes a drainTimeout of at least 0 only', async () => {
    await expect(fromBatches([], { interval: 10 }).stop({ drainTimeout: -1 })).rejects.toThrow('drainTimeout (-1)');
  });
});

describe('what is given up', () => {
  it('goes no further, and begins nothing, when an older batch lets it go', () => {
    const events: unknown[] = [];
    virtual(() => {
      const shared = scripted().stream({ concurrentBatches: 3 }).pipe(share());
      merge(
        shared.pipe(
          foreachBatch(([i]) => timer(i === 0 ? 100 : 1)),
          foreachBatch((records) => void events.push(['second output', ...records])),
        ),
        shared.pipe(
          concatMapBatch((records) => {
            events.push(['started', ...records]);
            return timer(100).pipe(map(() => records));
          }),
        ),
        shared.pipe(foreachBatch(([i]) => (i === 2 ? throwError(() => 'boom') : timer(1)))),
      ).subscribe({ error: (error) => events.push(error) });
    });
    expect(events).toEqual([['started', 0], 'boom']);
  });

  it('is closed: every source and the checkpoint, also when one fails at it', () => {
    const closed: unknown[] = [];
    const events: unknown[] = [];
    const failing = (name: string): Source<number> => ({
      ...scripted().source,
      open: () => of({ ...noRun, close: () => throwError(() => closed.push(name) && `${name} cannot close`) }),
    });
    const checkpoint = {
      location: 'here',
      open: () =>
        of({
          ...noSession,
          close: () => of(closed.push('checkpoint')),
        }),
    };
    virtual((scheduler) => {
      const { a } = batchesFrom({ a: failing('a'), b: failing('b') }, { interval: 10, scheduler, checkpoint });
      collect(a, events, () => 'batch');
      scheduler.schedule(() => void a.stop(), 5);
    });
    expect(closed).toEqual(['checkpoint', 'a', 'b']);
    expect(events).toEqual(['a cannot close']);
  });

  it('is closed though an effect fails at being given up', () => {
    const { log, stream } = scripted();
    virtual((scheduler) => {
      const subscription = stream().subscribe(({ context }) => {
        context.hold(() => {
          throw 'cannot stop';
        });
      });
      scheduler.schedule(() => subscription.unsubscribe(), 15);
    });
    expect(log).toMatchObject({ opened: 1, closed: 1 });
  });

  it('is closed when it opens after everybody has left', async () => {
    let closed = 0;
    const run = { ...noRun, close: () => of(closed++) };
    const opening = Promise.resolve(run);
    const { a } = batchesFrom({ a: { kind: 'late', durable: false, open: () => opening } }, { interval: 10 });
    const subscription = a.subscribe();
    await new Promise((resolve) => setTimeout(resolve, 0));
    subscription.unsubscribe();
    await opening;
    expect(closed).toBe(1);
  });

  it('is not opened when everybody has left before it could be', () => {
    const { source, log } = scripted();
    virtual((scheduler) => batchesFrom({ a: source }, { interval: 10, scheduler }).a.subscribe().unsubscribe());
    expect(log).toMatchObject({ opened: 0, closed: 0 });
  });
});

describe('closing', () => {
  it('closes the checkpoint in the turn of a failure, then every source, though one fails at it', () => {
    const events: unknown[] = [];
    const { source } = scripted();
    const session = {
      ...noSession,
      close: () => {
        events.push('checkpoint');
        return throwError(() => 'the checkpoint');
      },
    };
    const closing: Source<number> = {
      ...source,
      open: (setup) =>
        from(source.open(setup)).pipe(
          map((run) => ({ ...run, close: () => timer(5).pipe(tap(() => events.push('source'))) })),
        ),
    };
    const checkpoint = { location: 'here', open: () => of(session) };
    virtual(() => {
      const batches = batchesOf('s', closing, resolveDriverOptions('test', { interval: 10, checkpoint }));
      const thrown = mapRecords<number, number>(() => {
        events.push('throw');
        throw 'the batch';
      });
      collect(batches.pipe(thrown), events, () => 'next');
    });
    expect(events).toEqual(['throw', 'checkpoint', 'the batch', 'source']);
  });
});

describe('options of a driver', () => {
  it('are refused at once, with the option, the value and the rule', () => {
    const make = (options: object) => () => fromBatches([], { interval: 10, ...options } as never);
    expect(make({ interval: 2 ** 31 })).toThrow('fromBatches: interval (2147483648) must be at most 2147483647');
    expect(make({ batchObserver: () => {} })).toThrow('batchObserver.next (undefined) must be a function');
    expect(make({ checkpoint: memoryCheckpoint })).toThrow('checkpoint.open (undefined) must be a function');
    const stream = fromBatches([], { interval: 10 });
    expect(() => batchesFrom({ a: stream as never }, { interval: 10 })).toThrow('sources.a.open (undefined) must be a');
  });

  it('name a rate controller that is none', () => {
    const events: unknown[] = [];
    virtual((scheduler) => {
      const options = { interval: 10, scheduler, backpressure: pid as never };
      fromBatches([], options).subscribe({ error: (error) => events.push(error.message) });
    });
    const rule = 'must return a rate controller, as the result of pid() does';
    expect(events).toEqual([`fromBatches: backpressure (function pid) ${rule}`]);
  });

  it('let a checkpoint go on with an interval that fits its batch times only', () => {
    const attempt = (options: Partial<FromBatchesOptions>): unknown => {
      const checkpoint = memoryCheckpoint();
      const events: unknown[] = [];
      virtual((scheduler) => {
        const run = (more: Partial<FromBatchesOptions>) => {
          const all = { interval: 10, checkpoint, scheduler, emptyAfter: Infinity, ...more };
          const subscription = fromBatches([['a'], ['b']], all)
            .pipe(foreachBatch((records, { time }) => void (records.length && events.push([time, ...records]))))
            .subscribe({ error: (error) => events.push(error.message) });
          scheduler.schedule(() => subscription.unsubscribe(), 15);
        };
        // From the zero time 10.
        scheduler.schedule(() => run({}), 13);
        scheduler.schedule(() => run(options), 40);
      });
      return events;
    };
    const fits = 'does not fit the batch times of the checkpoint: its interval was 10';
    expect(attempt({})).toEqual([
      [20, 'a'],
      [30, 'b'],
    ]);
    expect(attempt({ interval: 5 })).toEqual([
      [20, 'a'],
      [25, 'b'],
    ]);
    expect(attempt({ interval: 7 })).toEqual([[20, 'a'], `fromBatches: interval (7) ${fits}`]);
    const dynamic = (maxInterval: number) =>
      attempt({ dynamicInterval: dynamicInterval({ minInterval: 1, maxInterval }), interval: 5 });
    expect(dynamic(10)).toEqual([
      [20, 'a'],
      [25, 'b'],
    ]);
    expect(dynamic(20)).toEqual([[20, 'a'], `fromBatches: dynamicInterval.maxInterval (20) ${fits}`]);
  });
});

const fail = (): never => {
  throw new Error('it fails');
};

describe('stop() in an output', () => {
  const stopInside = (
    output: (stop: () => Promise<StopReport>) => OperatorFunction<Batch<number>, Batch<unknown>>,
    drainTimeout = 600_000,
  ) => {
    const { log, stream } = scripted({ count: 100 });
    const batches = stream({ scheduler: asyncScheduler });
    return new Promise<readonly number[]>((resolve, reject) => {
      batches
        .pipe(output(() => batches.stop({ drainTimeout })))
        .subscribe({ complete: () => resolve(log.committed), error: reject });
    });
  };

  // Without a limit of time: what waited for the drain would never end.
  it.each<[string, (effect: () => Promise<unknown>) => OperatorFunction<Batch<number>, Batch<unknown>>]>([
    ['foreachBatch', (effect) => foreachBatch(effect)],
    ['foreachPartition', (effect) => foreachPartition(effect)],
    ['foreachPartitionOnce', (effect) => foreachPartitionOnce(effect, { written: () => [[]] })],
    [
      'the ids of foreachPartitionOnce',
      (effect) => foreachPartitionOnce(() => {}, { written: () => from(effect().then(() => [])) }),
    ],
    ['dead letters of foreachPartition', (effect) => foreachPartition(() => fail(), { onError: { next: effect } })],
    ['concatMapBatch', (effect) => concatMapBatch(async () => [await effect()])],
  ])('resolves at once when the function of %s waits for it, and its batch is saved', async (_, output) => {
    const reports: StopReport[] = [];
    const committed = await stopInside((stop) => output(async () => reports.push(await stop())));
    expect(reports[0]).toEqual({ completed: [], aborted: [], unfinished: [expect.any(Number)] });
    expect(committed).toEqual([1]);
  });

  it('resolves at once when what receives dead letters waits for it', async () => {
    const reports: StopReport[] = [];
    const log = memoryLog({ topics: { t: 1 } });
    log.append('t', [{ value: 'a' }]);
    const stopped = async () => void reports.push(await stream.stop({ drainTimeout: 600_000 }));
    const stream = logBatches(log, {
      topics: ['t'],
      groupId: 'g',
      start: 'earliest',
      interval: 5,
      deserialize: string(),
      onRecordError: { next: stopped },
    });
    await lastValueFrom(
      stream.pipe(
        mapRecords(() => fail()),
        foreachBatch(() => {}),
      ),
    );
    expect(reports).toEqual([{ completed: [], aborted: [], unfinished: [expect.any(Number)] }]);
    expect(log.committedOffset('g', 't', 0)).toBe(1);
  });

  it('resolves for others when the batch is saved, though an output has called it before', async () => {
    let others: Promise<StopReport> | undefined;
    const committed = await stopInside((stop) =>
      foreachBatch(async () => {
        const report = await stop();
        setTimeout(() => {
          others = stop();
        });
        await new Promise((resolve) => setTimeout(resolve, 1));
        return report;
      }),
    );
    expect(await others).toEqual({ completed: [expect.any(Number)], aborted: [] });
    expect(committed).toEqual([1]);
  });

  const later = () => new Promise((resolve) => setTimeout(resolve, 1));
  it.each<[string, (stop: () => Promise<unknown>) => unknown]>([
    [
      'the function',
      async (stop) => {
        await later();
        await stop();
      },
    ],
    [
      'a function that it waits for',
      async (stop) => {
        const helper = async () => {
          await later();
          await stop();
        };
        await Promise.all([helper(), later()]);
      },
    ],
    ['a callback', (stop) => later().then(() => stop())],
    ['one of several promises', (stop) => [later(), later().then(() => stop())]],
  ])('resolves at once when %s waits for it behind an await', async (_, effect) => {
    const reports: unknown[] = [];
    const committed = await stopInside((stop) => foreachBatch(() => effect(async () => reports.push(await stop()))));
    // By then more batches may have been planned.
    expect(reports[0]).toEqual({
      completed: [],
      aborted: [],
      unfinished: expect.arrayContaining([expect.any(Number)]),
    });
    expect(committed[0]).toBe(1);
  });

  it('waits for the batch where a function that the output does not wait for has called it', async () => {
    let report: Promise<StopReport> | undefined;
    const committed = await stopInside((stop) =>
      foreachBatch(async () => {
        const called = later().then(() => {
          report = stop();
        });
        await later();
        await later();
        void called;
      }),
    );
    expect(await report).toEqual({ completed: expect.arrayContaining([expect.any(Number)]), aborted: [] });
    expect(committed[0]).toBe(1);
  });

  it('aborts a batch whose output waits for it where no stack says so, after the time limit', async () => {
    let report: Promise<StopReport> | undefined;
    const committed = await stopInside(
      (stop) =>
        foreachBatch(
          () =>
            new Promise((resolve) => {
              setTimeout(() => {
                report = stop();
                void report.then(resolve);
              });
            }),
        ),
      20,
    );
    expect(await report).toEqual({ completed: [], aborted: expect.arrayContaining([expect.any(Number)]) });
    expect(committed).toEqual([]);
  });
});
