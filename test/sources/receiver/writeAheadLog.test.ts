import {
  type BatchInfo,
  batchesFrom,
  fixedRate,
  foreachBatch,
  InvalidOptionError,
  memoryCheckpoint,
  memoryWriteAheadLog,
  QueueOverflowError,
  type ReceiverBatchesOptions,
  type ReceiverSink,
  receiverBatches,
  receiverSource,
  type WriteAheadLog,
  type WriteAheadLogSession,
} from 'dstream';
import { concat, EMPTY, from, NEVER, retry, Subject, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type SlowWrite, slowWriteAheadLog } from '../../support/slowWriteAheadLog.js';
import { virtual } from '../../support/virtual.js';

const logged = (): ReceiverBatchesOptions => ({
  interval: 100,
  checkpoint: memoryCheckpoint(),
  writeAheadLog: memoryWriteAheadLog(),
});
const slow = (before: number, fails = false): SlowWrite => ({ before, after: 0, fails });
const count = (n: number) => Array.from({ length: n }, (_, i) => i);

/** A function receiver whose sink the test has. */
function sinkOf<T>(): { sink: ReceiverSink<T>; left: number; receiver: (sink: ReceiverSink<T>) => () => void } {
  const held = {
    sink: undefined as unknown as ReceiverSink<T>,
    left: 0,
    receiver: (sink: ReceiverSink<T>) => {
      held.sink = sink;
      return () => held.left++;
    },
  };
  return held;
}

describe('a receiver with a write-ahead log', () => {
  it('lets a batch take only what is durable, and tells the receiver when that is', () => {
    const held = sinkOf<string>();
    const seen: unknown[] = [];
    const log = slowWriteAheadLog(memoryWriteAheadLog(), () => slow(140));
    virtual((scheduler) => {
      const stream = receiverBatches(held.receiver, { ...logged(), writeAheadLog: log });
      stream.pipe(foreachBatch((records, { time }) => void seen.push([time, ...records]))).subscribe();
      for (const record of ['a', 'b', 'c']) held.sink.store(record, () => seen.push(`${record} at ${scheduler.now()}`));
      scheduler.schedule(() => held.sink.complete(), 10);
    });
    // One write is under way, and what comes meanwhile is the next.
    expect(log.blocks).toEqual([
      { from: 0, records: ['a'] },
      { from: 1, records: ['b', 'c'] },
    ]);
    expect(seen).toEqual([[100], 'a at 140', [200, 'a'], 'b at 280', 'c at 280', [300, 'b', 'c']]);
  });

  it('replays a batch that was planned with the same records, and gives what no batch had taken once, afterwards', () => {
    const options = { ...logged(), backpressure: fixedRate(30) };
    const infos: BatchInfo[] = [];
    const seen: unknown[] = [];
    virtual((scheduler) => {
      const clicks = new Subject<number>();
      const stream = receiverBatches(clicks, { ...options, batchObserver: { next: (info) => infos.push(info) } });
      const first = stream
        .pipe(
          foreachBatch((records, { time }) => {
            seen.push([time, ...records]);
            return time < 200 ? EMPTY : NEVER;
          }),
        )
        .subscribe();
      for (const n of count(10)) clicks.next(n);
      scheduler.schedule(() => first.unsubscribe(), 350);
      scheduler.schedule(() => {
        const second = stream.pipe(foreachBatch((records, { time }) => void seen.push([time, ...records]))).subscribe();
        for (const n of [10, 11]) clicks.next(n);
        scheduler.schedule(() => second.unsubscribe(), 550);
      }, 360);
    });
    expect(seen).toEqual([
      [100, 0, 1, 2],
      [200, 3, 4, 5],
      // After the crash: 200 and 300 were planned, 9 was in no plan.
      [200, 3, 4, 5],
      [300, 6, 7, 8],
      [400, 9, 10, 11],
      [500],
      [600],
      [700],
      [800],
      [900],
    ]);
    expect(infos.flatMap(({ inputs }) => inputs.receiver?.lost ?? [])).toEqual([]);
    expect(
      infos.map(({ inputs }) => inputs.receiver?.ranges.map(({ from, until }) => [from, until])).slice(0, 4),
    ).toEqual([[[0, 3]], [[3, 6]], [[6, 9]], [[9, 12]]]);
  });

  it('lets go of what is saved, and of nothing before', () => {
    const log = slowWriteAheadLog(memoryWriteAheadLog(), () => slow(0));
    const known: unknown[] = [];
    virtual((scheduler) => {
      const clicks = new Subject<number>();
      const stream = receiverBatches(clicks, { ...logged(), writeAheadLog: log, concurrentBatches: 3 });
      const subscription = stream
        // The first batch takes longest: those behind it are complete, and not saved.
        .pipe(foreachBatch((_, { time }) => timer(time === 100 ? 250 : 10)))
        .subscribe();
      for (const n of count(6)) scheduler.schedule(() => clicks.next(n), 10 + 50 * n);
      for (const at of [340, 400]) scheduler.schedule(() => known.push([...log.released]), at);
      scheduler.schedule(() => subscription.unsubscribe(), 450);
    });
    expect(known).toEqual([[], [2, 4, 6]]);
  });

  it('fails with what the log fails with: nothing that was not written is taken, or told as stored', () => {
    const held = sinkOf<string>();
    const seen: unknown[] = [];
    let writes = 0;
    const log = slowWriteAheadLog(memoryWriteAheadLog(), () => slow(10, ++writes === 2));
    virtual((scheduler) => {
      receiverBatches(held.receiver, { ...logged(), writeAheadLog: log })
        .pipe(foreachBatch((records) => void seen.push([...records])))
        .subscribe({ error: (error) => seen.push(error) });
      held.sink.store('a', () => seen.push('a is stored'));
      scheduler.schedule(() => held.sink.store('b', () => seen.push('b is stored')), 110);
      scheduler.schedule(() => held.sink.store('c', () => seen.push('c is stored')), 130);
    });
    expect(seen).toEqual(['a is stored', ['a'], new Error('disk lost')]);
    expect(held.left).toBe(1);
    expect(writes).toBe(2);
  });

  it('completes, and stops, with what is on its way into the log', () => {
    const seen: unknown[] = [];
    virtual((scheduler) => {
      const log = () => slowWriteAheadLog(memoryWriteAheadLog(), () => slow(120));
      const options = () => ({ ...logged(), writeAheadLog: log() });
      receiverBatches(from(['a', 'b']), options())
        .pipe(foreachBatch((records) => void seen.push(...records)))
        .subscribe({ complete: () => seen.push(`complete at ${scheduler.now()}`) });
      const stopped = receiverBatches(concat(from(['c', 'd']), NEVER), options());
      stopped
        .pipe(foreachBatch((records) => void seen.push(...records)))
        .subscribe({ complete: () => seen.push(`stopped at ${scheduler.now()}`) });
      scheduler.schedule(() => void stopped.stop(), 10);
    });
    expect(seen).toEqual(['a', 'c', 'b', 'd', 'complete at 400', 'stopped at 400']);
  });

  it('keeps for the next life what a stop had no time for, though its sender has forgotten it', () => {
    const held = sinkOf<number>();
    const options = logged();
    const [stored, first, second, done]: number[][] = [[], [], [], []];
    virtual((scheduler) => {
      const stream = receiverBatches(held.receiver, { ...options, maxQueue: 100 });
      // An output of a slow machine: a batch takes longer than the time that a stop has by default.
      const output = foreachBatch<number>((records) => {
        if (records.length === 0) return;
        first?.push(...records);
        return timer(1_500);
      });
      stream.pipe(output).subscribe({ complete: () => done?.push(scheduler.now()) });
      for (const n of count(3)) held.sink.store(n, () => stored?.push(n));
      scheduler.schedule(() => {
        for (const n of count(5)) held.sink.store(3 + n, () => stored?.push(3 + n));
        void stream.stop();
      }, 150);
    });
    expect(stored).toEqual(count(8));
    // 10 batch intervals after the stop.
    expect(done).toEqual([1_150]);
    expect(first).toEqual([0, 1, 2]);
    virtual(() => {
      receiverBatches<number>(EMPTY, options)
        .pipe(foreachBatch((records) => void second?.push(...records)))
        .subscribe();
    });
    // The output of the first batch was under way: it is not known to have taken effect.
    expect(second).toEqual(count(8));
  });

  it('takes as long as it is given to stop, and has everything that was acknowledged in its output then', () => {
    const held = sinkOf<number>();
    const seen: number[] = [];
    const done: number[] = [];
    virtual((scheduler) => {
      const stream = receiverBatches(held.receiver, logged());
      const output = foreachBatch<number>((records) => {
        seen.push(...records);
        return records.length > 0 ? timer(1_500) : undefined;
      });
      stream.pipe(output).subscribe({ complete: () => done.push(scheduler.now()) });
      for (const n of count(3)) held.sink.store(n);
      scheduler.schedule(() => {
        for (const n of count(5)) held.sink.store(3 + n);
        void stream.stop({ drainTimeout: 300_000 });
      }, 150);
    });
    expect(seen).toEqual(count(8));
    expect(done).toEqual([3_100]);
  });

  it('does not pull while what is not durable fills the queue', () => {
    let pulled = 0;
    function* numbers() {
      for (let n = 0; n < 12; n++) {
        pulled++;
        yield n;
      }
    }
    const seen: unknown[] = [];
    virtual(() => {
      const log = slowWriteAheadLog(memoryWriteAheadLog(), () => slow(40));
      receiverBatches(numbers(), { ...logged(), writeAheadLog: log, maxQueue: 5 })
        .pipe(foreachBatch((records) => void seen.push([...records])))
        .subscribe({ complete: () => seen.push('complete') });
      expect(pulled).toBe(5);
    });
    expect(seen).toEqual([[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11], 'complete']);
  });

  it('starts a receiver only when there is room beside what was recovered, so that a full queue empties', () => {
    const seen: unknown[] = [];
    let overflows = 0;
    virtual((scheduler) => {
      let sent = 0;
      const stream = receiverBatches<number>(
        ({ store }) => {
          const timer = scheduler.schedule(function () {
            store(sent++);
            if (sent < 30) this.schedule(undefined, 5);
          }, 5);
          return () => timer.unsubscribe();
        },
        { ...logged(), maxQueue: 10 },
      );
      const subscription = stream
        .pipe(
          foreachBatch((records) => void seen.push(...records)),
          retry({
            delay: (error) => {
              expect(error).toBeInstanceOf(QueueOverflowError);
              overflows++;
              return timer(1);
            },
          }),
        )
        .subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 2_000);
    });
    expect(overflows).toBeGreaterThan(0);
    expect(overflows).toBeLessThan(10);
    // In order, and none twice: only what came to a full queue is missing.
    expect(seen).toEqual([...new Set(seen as number[])].sort((a, b) => a - b));
    expect(seen.slice(0, 10)).toEqual(count(10));
    expect(seen.at(-1)).toBe(29);
  });

  it('tells at once without a log, and never of a record that is dropped', () => {
    const held = sinkOf<number>();
    const stored: number[] = [];
    virtual((scheduler) => {
      const stream = receiverBatches(held.receiver, { interval: 100, maxQueue: 2, overflow: 'drop-newest' });
      const subscription = stream.subscribe();
      for (const n of count(4)) held.sink.store(n, () => stored.push(n));
      scheduler.schedule(() => subscription.unsubscribe(), 50);
    });
    expect(stored).toEqual([0, 1]);
  });

  it('takes what is thrown when a record is told as stored for a failure of the receiver', () => {
    for (const options of [logged(), { interval: 100 }]) {
      const held = sinkOf<string>();
      const seen: unknown[] = [];
      virtual(() => {
        receiverBatches(held.receiver, options)
          .pipe(foreachBatch((records) => void seen.push(...records)))
          .subscribe({ error: (error) => seen.push(error) });
        held.sink.store('a', () => {
          throw new Error('the sender is gone');
        });
      });
      expect(seen).toEqual(['a', new Error('the sender is gone')]);
    }
  });

  it('fails with what is thrown when a record is told as stored after the receiver has completed', () => {
    const held = sinkOf<string>();
    const seen: unknown[] = [];
    const log = slowWriteAheadLog(memoryWriteAheadLog(), () => slow(50));
    virtual(() => {
      receiverBatches(held.receiver, { ...logged(), writeAheadLog: log, restartDelay: 20 })
        .pipe(foreachBatch((records) => void seen.push(...records)))
        .subscribe({ error: (error) => seen.push(error) });
      held.sink.store('a', () => {
        throw new Error('the sender is gone');
      });
      held.sink.complete();
    });
    expect(seen).toEqual([new Error('the sender is gone')]);
  });

  it('closes a log that opens when nobody waits for it any more', () => {
    let closed = 0;
    virtual((scheduler) => {
      const opening = new Subject<WriteAheadLogSession>();
      const close = () => {
        closed++;
        return EMPTY;
      };
      const writeAheadLog = { location: 'late', open: () => opening };
      const stream = receiverBatches(NEVER, { ...logged(), writeAheadLog });
      const subscription = stream.subscribe();
      subscription.unsubscribe();
      scheduler.schedule(() => {
        opening.next({ recovered: () => [], append: () => EMPTY, release: () => EMPTY, close });
        opening.complete();
      }, 10);
    });
    expect(closed).toBe(1);
  });

  it('has a log for each source of a driver', () => {
    const seen: unknown[] = [];
    const checkpoint = memoryCheckpoint();
    const logs = [memoryWriteAheadLog(), memoryWriteAheadLog()] as const;
    virtual((scheduler) => {
      const run = (a: Subject<string>, b: Subject<string>, done: boolean) => {
        const streams = batchesFrom(
          { a: receiverSource(a, { writeAheadLog: logs[0] }), b: receiverSource(b, { writeAheadLog: logs[1] }) },
          { interval: 100, checkpoint },
        );
        const save = foreachBatch<string>((records, { time }) => {
          if (records.length > 0) seen.push([time, ...records]);
          return done ? EMPTY : NEVER;
        });
        // Left one after the other, the first takes a batch from the second.
        return [streams.a, streams.b].map((stream) => stream.pipe(save).subscribe({ error: () => {} }));
      };
      const [a, b] = [new Subject<string>(), new Subject<string>()];
      const first = run(a, b, false);
      scheduler.schedule(() => {
        a.next('a1');
        b.next('b1');
      }, 10);
      scheduler.schedule(() => b.next('b2'), 110);
      scheduler.schedule(() => {
        for (const subscription of first) subscription.unsubscribe();
      }, 150);
      scheduler.schedule(() => {
        const second = run(a, b, true);
        scheduler.schedule(() => {
          for (const subscription of second) subscription.unsubscribe();
        }, 150);
      }, 160);
    });
    expect(seen).toEqual([
      [100, 'a1'],
      [100, 'b1'],
      [100, 'a1'],
      [100, 'b1'],
      [200, 'b2'],
    ]);
  });

  it('needs a checkpoint, and drops nothing that was told as stored', () => {
    const writeAheadLog = memoryWriteAheadLog();
    const bare = () => receiverBatches(EMPTY, { interval: 100, writeAheadLog });
    expect(bare).toThrow(InvalidOptionError);
    expect(bare).toThrow(
      'receiverBatches: checkpoint (undefined) must be set, as source "receiver" has a writeAheadLog',
    );
    expect(() => batchesFrom({ clicks: receiverSource(EMPTY, { writeAheadLog }) }, { interval: 100 })).toThrow(
      'batchesFrom: checkpoint (undefined) must be set, as source "clicks" has a writeAheadLog',
    );
    expect(() => receiverBatches(EMPTY, { ...logged(), overflow: 'drop-oldest' })).toThrow(
      'overflow ("drop-oldest") cannot be used with writeAheadLog',
    );
    const path = './wal' as unknown as WriteAheadLog;
    expect(() => receiverBatches(EMPTY, { ...logged(), writeAheadLog: path })).toThrow(
      'writeAheadLog ("./wal") must be an object with open()',
    );
  });
});
