import {
  type BatchInfo,
  ConnectionError,
  foreachBatch,
  InvalidOptionError,
  InvalidRecordError,
  logBatches,
  mapRecords,
  memoryCheckpoint,
  memoryLog,
  type StreamMonitor,
  string,
  updateStateByKey,
} from 'dstream';
import { asyncScheduler, map, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { collect, scripted } from '../support/scripted.js';
import { slowClosing } from '../support/slowClosing.js';
import { virtual } from '../support/virtual.js';

const unreachable = () => new ConnectionError(['b:1']);

describe('retry', () => {
  it('starts the stream again after a pause that doubles, with no error to its subscriber', () => {
    const failures = [2, 1, 0];
    const { log, stream } = scripted({ count: 1 });
    const events: unknown[] = [];
    const started: number[] = [];
    virtual((scheduler) => {
      const batches = stream({ retry: { delay: 100 } }).pipe(
        foreachBatch(() => {
          started.push(scheduler.now());
          if (failures.shift()) throw unreachable();
        }),
      );
      collect(batches, events, ({ records }) => records);
    });
    // Each start waits for the next multiple of the interval.
    expect(started).toEqual([10, 120, 330]);
    expect(events).toEqual([[0], 'complete']);
    expect(log).toMatchObject({ opened: 3, closed: 3, committed: [1] });
  });

  it('begins with the first pause again when a batch got through', () => {
    const { log, stream } = scripted({ count: 3 });
    const started: number[] = [];
    let calls = 0;
    virtual((scheduler) => {
      stream({ retry: { delay: 100, maxDelay: 150 } })
        .pipe(
          foreachBatch(() => {
            started.push(scheduler.now());
            if ([0, 1, 2, 4].includes(calls++)) throw unreachable();
          }),
        )
        .subscribe();
    });
    expect(started.slice(1).map((at, i) => at - (started[i] ?? 0))).toEqual([110, 160, 160, 10, 110, 10]);
    expect(log.committed).toEqual([1, 2, 3]);
  });

  it('fails at once with what cannot succeed another time, and after `count` restarts', () => {
    const failing = (error: () => unknown, count?: number) => {
      const { log, stream } = scripted({ count: 1 });
      const events: unknown[] = [];
      virtual(() => {
        const batches = stream({ retry: { delay: 1, ...(count !== undefined && { count }) } }).pipe(
          foreachBatch(() => {
            throw error();
          }),
        );
        collect(batches, events, () => 'batch');
      });
      return [...events, log.opened];
    };
    expect(failing(() => new InvalidRecordError('f', 1, 'is bad'))).toEqual(['INVALID_RECORD', 1]);
    expect(failing(unreachable, 3)).toEqual(['CONNECTION', 4]);
    expect(failing(() => new Error('boom'), 0)).toEqual([new Error('boom'), 1]);
  });

  it('restores state and positions from the checkpoint, with an operator that fails too', () => {
    const sums: unknown[] = [];
    let failures = 2;
    virtual(() => {
      const log = memoryLog({ topics: { t: 1 } });
      log.append(
        't',
        ['1', '2', '3'].map((value) => ({ value })),
      );
      const subscription = logBatches(log, {
        topics: ['t'],
        start: 'earliest',
        interval: 10,
        maxRatePerPartition: 100,
        deserialize: string(),
        checkpoint: memoryCheckpoint(),
        retry: { delay: 5 },
      })
        .pipe(
          mapRecords((text) => ['sum', Number(text)]),
          updateStateByKey<string, number, number>((values, sum = 0) => values.reduce((a, b) => a + b, sum), {
            id: 'sum',
          }),
          mapRecords(([, sum]) => {
            if (sum === 3 && failures-- > 0) throw new Error('boom');
            return sum;
          }),
          foreachBatch((records) => void sums.push(...records)),
        )
        .subscribe();
      timer(75).subscribe(() => subscription.unsubscribe());
    });
    expect(sums.slice(0, 3)).toEqual([1, 3, 6]);
    expect(failures).toBe(-1);
  });

  it('does not start a stream again that is stopped while a failed run is closing', () => {
    const events: unknown[] = [];
    virtual(() => {
      const log = memoryLog({ topics: { t: 1 } });
      const stream = logBatches(log, {
        topics: ['t'],
        interval: 10,
        deserialize: string(),
        checkpoint: slowClosing(memoryCheckpoint(), 50),
        retry: { delay: 5 },
      });
      const failing = foreachBatch(() => {
        throw unreachable();
      });
      const subscription = collect(stream.pipe(failing), events, () => 'batch');
      timer(15).subscribe(() => void stream.stop());
      timer(500).subscribe(() => {
        events.push(stream.snapshot()?.status);
        subscription.unsubscribe();
      });
    });
    expect(events).toEqual(['CONNECTION', 'failed']);
  });

  it('leaves errors of RxJS operators to their subscriber', () => {
    const { log, stream } = scripted({ count: 1 });
    const events: unknown[] = [];
    virtual(() => {
      const batches = stream({ retry: { delay: 1 } }).pipe(
        foreachBatch(() => {}),
        map(() => {
          throw new Error('boom');
        }),
      );
      collect(batches, events, () => 'batch');
    });
    expect(events).toEqual([new Error('boom')]);
    expect(log.opened).toBe(1);
  });

  it('tells monitors why it waits, and how long', () => {
    const told: unknown[] = [];
    const monitor: StreamMonitor = {
      run: ({ attempt }) => {
        told.push(['run', attempt]);
        return {
          restarting: ({ time, attempt: restarts, delay, error }) =>
            told.push(['restarting', time, restarts, delay, (error as Error).message]),
          failed: () => told.push('failed'),
        };
      },
    };
    let failures = 1;
    virtual(() => {
      scripted({ count: 1 })
        .stream({ retry: { delay: 7 }, monitors: [monitor] })
        .pipe(
          foreachBatch(() => {
            if (failures-- > 0) throw new Error('boom');
          }),
        )
        .subscribe();
    });
    expect(told).toEqual([['run', 0], ['restarting', 10, 1, 7, 'boom'], 'failed', ['run', 1]]);
  });

  it('ends while it waits, when it is stopped or unsubscribed', async () => {
    const { log, stream } = scripted({ count: 1 });
    const batches = stream({ retry: { delay: 1e9 }, scheduler: asyncScheduler });
    const failing = batches.pipe(
      foreachBatch(() => {
        throw unreachable();
      }),
    );
    const completed = new Promise<void>((complete) => {
      failing.subscribe({ complete });
    });
    while (batches.snapshot()?.status !== 'failed') await new Promise((resolve) => setImmediate(resolve));
    expect(await batches.stop()).toEqual({ completed: [], aborted: [] });
    await completed;
    expect(log.opened).toBe(1);
  });

  it('refuses options that are out of range', () => {
    const { stream } = scripted();
    expect(() => stream({ retry: 5 as never })).toThrow(InvalidOptionError);
    expect(() => stream({ retry: { count: -1 } })).toThrow(InvalidOptionError);
    expect(() => stream({ retry: { delay: -1 } })).toThrow(InvalidOptionError);
    expect(() => stream({ retry: { maxDelay: Number.NaN } })).toThrow(InvalidOptionError);
    expect(() => stream({ onBatchError: 'skip' })).toThrow('needs retry and checkpoint');
    expect(() => stream({ onBatchError: 'bisect' })).toThrow('needs retry and checkpoint');
    expect(() => stream({ onBatchError: 'halve' as 'skip' })).toThrow(InvalidOptionError);
  });
});

it('onBatchError "skip" passes a batch over that fails for the last time, and reports its ranges as lost', () => {
  const infos: BatchInfo[] = [];
  const written: unknown[] = [];
  let attempts = 0;
  virtual(() => {
    const log = memoryLog({ topics: { t: 1 } });
    log.append(
      't',
      ['a', 'bad', 'c'].map((value) => ({ value })),
    );
    const subscription = logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      interval: 10,
      maxRatePerPartition: 100,
      deserialize: string(),
      checkpoint: memoryCheckpoint(),
      retry: { count: 2, delay: 1 },
      onBatchError: 'skip',
      batchObserver: { next: (info) => infos.push(info) },
    })
      .pipe(
        foreachBatch((records) => {
          if (records.includes('bad')) {
            attempts++;
            throw new Error('poison');
          }
          written.push(...records);
        }),
      )
      .subscribe();
    timer(200).subscribe(() => subscription.unsubscribe());
  });
  expect(attempts).toBe(3);
  expect(written).toEqual(['a', 'c']);
  const lost = infos.flatMap(({ inputs }) => inputs.log?.lost ?? []);
  expect(lost).toMatchObject([{ topic: 't', partition: 0, from: 1, until: 2 }]);
});
