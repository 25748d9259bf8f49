import {
  type BatchInfo,
  type BatchStream,
  batchesFrom,
  fixedRate,
  foreachBatch,
  InvalidOptionError,
  logSource,
  memoryCheckpoint,
  memoryLog,
  pid,
  QueueOverflowError,
  type Receiver,
  type ReceiverBatchesOptions,
  type ReceiverSink,
  receiverBatches,
  receiverSource,
  string,
} from 'dstream';
import { concat, EMPTY, from, map, NEVER, Observable, Subject, throwError, timer } from 'rxjs';
import type { TestScheduler } from 'rxjs/testing';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

type Seen = [time: number, ...blocks: (readonly unknown[])[]] | 'complete' | ['error', unknown];

/** Collects the blocks of each batch until `end`, where the subscription is left. */
function collect<T>(stream: BatchStream<T>, seen: Seen[], scheduler: TestScheduler, end: number): void {
  const subscription = stream.subscribe({
    next: ({ context, partitions }) => seen.push([context.time, ...partitions.map(({ records }) => records)]),
    error: (error) => seen.push(['error', error]),
    complete: () => seen.push('complete'),
  });
  scheduler.schedule(() => subscription.unsubscribe(), end);
}

function run<T>(
  receiver: (scheduler: TestScheduler) => Receiver<T>,
  options: ReceiverBatchesOptions,
  end = 10_000,
): { readonly seen: readonly Seen[]; readonly infos: readonly BatchInfo[] } {
  const seen: Seen[] = [];
  const infos: BatchInfo[] = [];
  virtual((scheduler) => {
    const observed = { ...options, batchObserver: { next: (info: BatchInfo) => infos.push(info) } };
    collect(receiverBatches(receiver(scheduler), observed), seen, scheduler, end);
  });
  return { seen, infos };
}

/** Emits each value at its time, then completes if told so. */
function at<T>(values: readonly (readonly [time: number, value: T])[], completes = true): Observable<T> {
  const emissions = values.map(([time, value]) => timer(time).pipe(map(() => value)));
  return new Observable((subscriber) => {
    let left = emissions.length;
    for (const emission of emissions) {
      subscriber.add(
        emission.subscribe((value) => {
          subscriber.next(value);
          if (--left === 0 && completes) subscriber.complete();
        }),
      );
    }
  });
}

/** A number every so many ms, by the virtual scheduler itself. */
function paced(scheduler: TestScheduler, every: number): Observable<number> {
  return new Observable((subscriber) => {
    const emit = (n: number): void => {
      subscriber.next(n);
      if (!subscriber.closed) scheduler.schedule(() => emit(n + 1), every);
    };
    scheduler.schedule(() => emit(0), every);
  });
}

const sizes = (infos: readonly BatchInfo[]) => infos.map(({ records }) => records);
const input = ({ inputs }: BatchInfo) => inputs.receiver;
const count = (n: number) => Array.from({ length: n }, (_, i) => i);
const burst = (n: number) => concat(from(count(n)), NEVER);

describe('receiverBatches', () => {
  it('makes a block of what came in each block interval, and a batch of the blocks that are there', () => {
    const records = [
      [10, 'a'],
      [150, 'b'],
      [250, 'c'],
      [900, 'd'],
      [3_100, 'e'],
    ] as const;
    const { seen, infos } = run(() => at(records), { interval: 1_000 });
    expect(seen).toEqual([[1_000, ['a', 'b'], ['c'], ['d']], [2_000], [3_000], [4_000, ['e']], 'complete']);
    expect(input(infos[0] as BatchInfo)).toMatchObject({
      records: 4,
      lag: 0,
      ranges: [
        { topic: 'receiver', partition: 0, from: 0, until: 2 },
        { topic: 'receiver', partition: 0, from: 2, until: 3 },
        { topic: 'receiver', partition: 0, from: 3, until: 4 },
      ],
    });
  });

  it('puts a record that comes after the last end of a block into the next batch', () => {
    const { seen } = run(
      () =>
        at([
          [10, 'a'],
          [250, 'b'],
        ] as const),
      { interval: 300, blockInterval: 200 },
    );
    expect(seen).toEqual([[300, ['a']], [600, ['b']], 'complete']);
  });

  it('makes no block longer than a batch unless told to', () => {
    const { seen } = run(
      () =>
        at([
          [10, 'a'],
          [60, 'b'],
        ] as const),
      { interval: 50 },
    );
    expect(seen).toEqual([[50, ['a']], [100, ['b']], 'complete']);
  });

  it('gives a batch at every tick, empty ones too, while the receiver is silent', () => {
    const { seen } = run(() => NEVER, { interval: 100 }, 350);
    expect(seen).toEqual([[100], [200], [300]]);
  });

  it('limits the batches and their blocks by a fixed rate, and gives all of it in order', () => {
    const { seen, infos } = run(
      () => from(count(12)),
      { interval: 1_000, blockInterval: 500, backpressure: fixedRate(4) },
      10_000,
    );
    expect(seen).toEqual([[1_000, [0, 1, 2, 3]], [2_000, [4, 5, 6, 7]], [3_000, [8, 9, 10, 11]], 'complete']);
    expect(infos.map((info) => [input(info)?.rate, input(info)?.lag])).toEqual([
      [4, 8],
      [4, 4],
      [4, 0],
    ]);
  });

  it('caps the batches and their blocks by maxRate, whatever a controller says, and without one', () => {
    const rates = [undefined, fixedRate(100), fixedRate(2)].map((backpressure) => {
      const options = { interval: 1_000, blockInterval: 500, maxRate: 4, ...(backpressure && { backpressure }) };
      const { infos } = run(() => from(count(12)), options, 3_500);
      return infos.map((info) => [info.records, input(info)?.rate]);
    });
    expect(rates).toEqual([Array(3).fill([4, 4]), Array(3).fill([4, 4]), Array(3).fill([2, 2])]);
  });

  it('spreads what comes at once over the blocks, by the rate of the batch before', () => {
    const { seen } = run(
      () =>
        timer(1_010).pipe(
          map(() => count(8)),
          (lists) =>
            new Observable<number>((subscriber) =>
              lists.subscribe((list) => {
                for (const n of list) subscriber.next(n);
                subscriber.complete();
              }),
            ),
        ),
      { interval: 1_000, blockInterval: 250, backpressure: fixedRate(4) },
    );
    expect(seen).toEqual([[1_000], [2_000, [0], [1], [2], [3]], [3_000, [4], [5], [6], [7]], 'complete']);
  });

  it('keeps a rate below one record an interval', () => {
    const { infos } = run(() => burst(10), { interval: 100, backpressure: fixedRate(2.5) }, 2_050);
    expect(sizes(infos)).toEqual(count(20).map((i) => (i % 4 === 3 ? 1 : 0)));
  });

  it('lets the rate of pid reach the batches: fewer records while the output is slow', () => {
    const infos: BatchInfo[] = [];
    virtual((scheduler) => {
      // 1,000 records a second come in; from second 5 on each costs 4 ms, so 250 a second can be done.
      const cost = () => (scheduler.now() >= 5_000 ? 4 : 0.2);
      const stream = receiverBatches(paced(scheduler, 1), {
        interval: 1_000,
        backpressure: pid({ minRate: 10 }),
        overflow: 'drop-oldest',
        maxQueue: 5_000,
        batchObserver: { next: (info) => infos.push(info) },
      });
      const subscription = stream.pipe(foreachBatch((records) => timer(records.length * cost()))).subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 60_000);
    });
    for (const info of infos) expect(info.records).toBeLessThanOrEqual(Math.ceil(input(info)?.rate ?? 0));
    expect(sizes(infos.slice(1, 4))).toEqual([1_000, 1_000, 1_000]);
    const late = infos.slice(-10);
    for (const { records } of late) expect(records).toBeLessThan(300);
    const skipped = late.reduce((sum, info) => sum + (input(info)?.skipped ?? 0), 0);
    expect(skipped).toBeGreaterThan(5_000);
    for (const info of late) expect(input(info)?.lag).toBeLessThanOrEqual(5_000);
  });

  it('fails when more wait than may, at the next tick, and has left the receiver by then', () => {
    let left = 0;
    const { seen } = run(
      () =>
        new Observable<number>((subscriber) => {
          for (let n = 0; !subscriber.closed; n++) subscriber.next(n);
          left++;
        }),
      { interval: 100, maxQueue: 10 },
    );
    expect(left).toBe(1);
    expect(seen).toEqual([['error', expect.any(QueueOverflowError)]]);
    expect(String((seen[0] as ['error', unknown])[1])).toContain('receiverBatches: more than 10 records wait');
  });

  it('drops the newest or the oldest when told so, and counts them in the BatchInfo', () => {
    const newest = run(() => from(count(10)), { interval: 100, maxQueue: 4, overflow: 'drop-newest' });
    expect(newest.seen).toEqual([[100, [0, 1, 2, 3]], 'complete']);
    expect(newest.infos.map((info) => input(info)?.skipped)).toEqual([6]);
    const oldest = run(() => from(count(10)), { interval: 100, maxQueue: 4, overflow: 'drop-oldest' });
    expect(oldest.seen).toEqual([[100, [6, 7, 8, 9]], 'complete']);
    expect(oldest.infos.map((info) => input(info)?.skipped)).toEqual([6]);
  });

  it('drops the oldest out of blocks that no batch has taken, whole blocks too', () => {
    const records = count(9).map((n) => [n * 100 + 50, n] as const);
    const { seen, infos } = run(() => at(records), { interval: 1_000, maxQueue: 3, overflow: 'drop-oldest' });
    expect(seen).toEqual([[1_000, [6, 7], [8]], 'complete']);
    expect(input(infos[0] as BatchInfo)).toMatchObject({ skipped: 6, ranges: [{ from: 6 }, { from: 8 }] });
  });

  it('counts what waits in planned batches too, so that a slow output cannot fill the memory', () => {
    const infos: BatchInfo[] = [];
    virtual((scheduler) => {
      const options = { interval: 100, maxQueue: 50, overflow: 'drop-oldest' } as const;
      const stream = receiverBatches(paced(scheduler, 10), {
        ...options,
        batchObserver: { next: (i) => infos.push(i) },
      });
      const subscription = stream.pipe(foreachBatch(() => timer(10_000))).subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 30_050);
    });
    expect(infos).toHaveLength(2);
    // The first batch is open; five more batches hold the 50, and all that came since was dropped.
    expect(input(infos[1] as BatchInfo)?.skipped).toBeGreaterThan(900);
    expect(infos[1]?.records).toBe(10);
  });

  it('pulls an iterable only while there is room, and loses nothing', () => {
    let pulled = 0;
    function* numbers() {
      for (let n = 0; n < 12; n++) {
        pulled++;
        yield n;
      }
    }
    const pulledAt: number[] = [];
    const seen: unknown[] = [];
    virtual(() => {
      receiverBatches(numbers(), { interval: 100, maxQueue: 5 }).subscribe({
        next: ({ records }) => {
          seen.push(records);
          pulledAt.push(pulled);
        },
        complete: () => seen.push('complete'),
      });
      expect(pulled).toBe(5);
    });
    expect(seen).toEqual([[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11], 'complete']);
    expect(pulledAt).toEqual([10, 12, 12]);
  });

  it('pulls an async iterable, and ends it when it is left', async () => {
    let ended = 0;
    let pulled = 0;
    async function* numbers() {
      try {
        for (;;) yield pulled++;
      } finally {
        ended++;
      }
    }
    const seen: number[] = [];
    await new Promise<void>((resolve) => {
      const subscription = receiverBatches(numbers(), { interval: 5, maxQueue: 4 }).subscribe(({ records }) => {
        expect(records.length).toBeLessThanOrEqual(4);
        seen.push(...records);
        if (seen.length < 12) return;
        subscription.unsubscribe();
        resolve();
      });
    });
    await Promise.resolve();
    expect(seen).toEqual(count(seen.length));
    expect(pulled).toBeLessThanOrEqual(seen.length + 5);
    expect(ended).toBe(1);
  });

  it('reads a stream of the platform, and completes with it', async () => {
    const stream = new ReadableStream<string>({
      start(controller) {
        for (const text of ['a', 'b']) controller.enqueue(text);
        controller.close();
      },
    });
    // As where a stream cannot be iterated over.
    const bare = { getReader: () => stream.getReader() } as unknown as Receiver<string>;
    const seen: string[] = [];
    await new Promise<void>((complete) => {
      receiverBatches(bare, { interval: 5 }).subscribe({ next: ({ records }) => seen.push(...records), complete });
    });
    expect(seen).toEqual(['a', 'b']);
  });

  it('fails with the receiver, once batches have taken what came before', () => {
    const error = new Error('closed');
    const { seen } = run(
      () =>
        concat(
          from(count(3)),
          throwError(() => error),
        ),
      {
        interval: 1_000,
        backpressure: fixedRate(2),
      },
    );
    expect(seen).toEqual([
      [1_000, [0, 1]],
      [2_000, [2]],
      ['error', error],
    ]);
  });

  it('starts a failed receiver anew after a delay, and tells why', () => {
    const told: unknown[] = [];
    let starts = 0;
    const { seen } = run(
      (scheduler) =>
        new Observable<string>((subscriber) => {
          subscriber.next(`${++starts} at ${scheduler.now()}`);
          if (starts < 3) subscriber.error(new Error(`lost ${starts}`));
          else subscriber.complete();
        }),
      {
        interval: 100,
        restartDelay: 130,
        restartObserver: { next: ({ error, restarts }) => told.push([String(error), restarts]) },
      },
    );
    expect(told).toEqual([
      ['Error: lost 1', 1],
      ['Error: lost 2', 2],
    ]);
    expect(seen).toEqual([[100, ['1 at 0']], [200, ['2 at 130']], [300, ['3 at 260']], 'complete']);
  });

  it('fails with what restartObserver throws', () => {
    const { seen } = run(() => throwError(() => new Error('lost')), {
      interval: 100,
      restartDelay: 50,
      restartObserver: {
        next: () => {
          throw new Error('no more');
        },
      },
    });
    expect(seen).toEqual([['error', new Error('no more')]]);
  });

  it('does not start a receiver anew that was left', () => {
    let starts = 0;
    const failing = new Observable<string>((subscriber) => {
      starts++;
      subscriber.error(new Error('lost'));
    });
    run(() => failing, { interval: 100, restartDelay: 200 }, 150);
    expect(starts).toBe(1);
  });

  it('takes a function, tells it when there is no room, and calls what it returns when it is left', () => {
    let sink: ReceiverSink<number> | undefined;
    let left = 0;
    const seen: Seen[] = [];
    const rooms: (boolean | undefined)[] = [];
    virtual((scheduler) => {
      const stream = receiverBatches<number>(
        (given) => {
          sink = given;
          return () => left++;
        },
        { interval: 100, maxQueue: 2, overflow: 'drop-newest' },
      );
      collect(stream, seen, scheduler, 350);
      rooms.push(sink?.store(1), sink?.store(2), sink?.store(3));
      scheduler.schedule(() => rooms.push(sink?.store(4)), 150);
    });
    expect(rooms).toEqual([true, false, false, true]);
    expect(seen).toEqual([[100, [1, 2]], [200, [4]], [300]]);
    expect(left).toBe(1);
    expect(sink?.store(5)).toBe(false);
  });

  it('passes on what a function receiver fails with or throws, and completes when it completes', () => {
    const failed = run<number>(
      () =>
        ({ fail }) =>
          fail(new Error('lost')),
      { interval: 100 },
    );
    expect(failed.seen).toEqual([['error', new Error('lost')]]);
    const thrown = run<number>(
      () => () => {
        throw new Error('thrown');
      },
      { interval: 100 },
    );
    expect(thrown.seen).toEqual([['error', new Error('thrown')]]);
    const completed = run<number>(
      () => (sink) => {
        sink.store(1);
        sink.complete();
      },
      { interval: 100 },
    );
    expect(completed.seen).toEqual([[100, [1]], 'complete']);
  });

  it('leaves the receiver when it is unsubscribed from, and starts clean at the second subscription', () => {
    const seen: Seen[] = [];
    const clicks = new Subject<string>();
    const observed: boolean[] = [];
    virtual((scheduler) => {
      const stream = receiverBatches(clicks, { interval: 100 });
      collect(stream, seen, scheduler, 150);
      clicks.next('a');
      scheduler.schedule(() => clicks.next('b'), 120);
      scheduler.schedule(() => observed.push(clicks.observed), 160);
      scheduler.schedule(() => {
        collect(stream, seen, scheduler, 100);
        clicks.next('c');
      }, 210);
    });
    expect(observed).toEqual([false]);
    expect(clicks.observed).toBe(false);
    expect(seen).toEqual([
      [100, ['a']],
      [300, ['c']],
    ]);
  });

  it('stops with what is gathered, at its rate, and plans nothing of the sources beside it', () => {
    const seen: Seen[] = [];
    const texts: unknown[] = [];
    const clicks = new Subject<number>();
    let observed = true;
    virtual((scheduler) => {
      const log = memoryLog({ topics: { t: 1 } });
      log.append('t', [{ value: 'x' }]);
      const { received, logged } = batchesFrom(
        {
          received: receiverSource(clicks),
          logged: logSource(log, { topics: ['t'], start: 'earliest', deserialize: string() }),
        },
        { interval: 100, backpressure: fixedRate(20) },
      );
      collect(received, seen, scheduler, 5_000);
      logged.subscribe(({ records }) => texts.push(records));
      scheduler.schedule(() => {
        for (const n of [1, 2, 3]) clicks.next(n);
      }, 110);
      scheduler.schedule(() => {
        log.append('t', [{ value: 'y' }]);
        void received.stop();
        observed = clicks.observed;
        clicks.next(4);
      }, 150);
    });
    expect(observed).toBe(false);
    expect(texts).toEqual([['x'], [], []]);
    expect(seen).toEqual([[100], [200, [1, 2]], [300, [3]], 'complete']);
  });

  it('goes on with its numbers after a restart, and tells what was planned and is gone as lost', () => {
    const infos: BatchInfo[] = [];
    const checkpoint = memoryCheckpoint();
    virtual((scheduler) => {
      const clicks = new Subject<string>();
      const options = { interval: 100, checkpoint, batchObserver: { next: (i: BatchInfo) => infos.push(i) } };
      const stream = receiverBatches(clicks, options);
      const first = stream.pipe(foreachBatch((records) => (records.includes('c') ? NEVER : EMPTY))).subscribe();
      for (const record of ['a', 'b']) clicks.next(record);
      scheduler.schedule(() => clicks.next('c'), 150);
      scheduler.schedule(() => first.unsubscribe(), 250);
      scheduler.schedule(() => {
        const second = stream.pipe(foreachBatch(() => EMPTY)).subscribe();
        clicks.next('d');
        scheduler.schedule(() => second.unsubscribe(), 200);
      }, 260);
    });
    const seen = infos.map((info) => [info.time, info.records, input(info)?.ranges, input(info)?.lost]);
    const range = (first: number, until: number) => ({ topic: 'receiver', partition: 0, from: first, until });
    expect(seen.slice(0, 3)).toEqual([
      [100, 2, [range(0, 2)], undefined],
      [200, 0, [range(2, 3)], [range(2, 3)]],
      [300, 1, [range(3, 4)], undefined],
    ]);
  });

  it('refuses options out of range, naming option and value', () => {
    const make = (options: Partial<ReceiverBatchesOptions>) => () =>
      receiverBatches(EMPTY, { interval: 100, ...options });
    expect(make({ blockInterval: 0 })).toThrow(InvalidOptionError);
    expect(make({ blockInterval: 0 })).toThrow('receiverBatches: blockInterval (0) must be a positive integer');
    expect(make({ blockInterval: 2 ** 31 })).toThrow('what a timer can wait');
    expect(make({ maxRate: 0 })).toThrow('maxRate (0)');
    expect(make({ maxQueue: 0 })).toThrow('maxQueue (0)');
    expect(make({ overflow: 'drop' as 'error' })).toThrow('overflow ("drop")');
    expect(make({ restartDelay: -1 })).toThrow('restartDelay (-1)');
    expect(make({ restartObserver: {} })).toThrow('needs restart');
    expect(make({ interval: 0 })).toThrow('interval (0)');
    expect(() => receiverSource(undefined as unknown as Receiver<number>)).toThrow('receiverSource: receiver');
  });

  it('has the type of what the receiver gives', () => {
    expectTypeOf(receiverBatches(EMPTY.pipe(map(() => 1)), { interval: 1 })).toEqualTypeOf<BatchStream<number>>();
    expectTypeOf(receiverBatches<string>(({ store }) => void store('a'), { interval: 1 })).toEqualTypeOf<
      BatchStream<string>
    >();
    expectTypeOf(receiverBatches([1, 2], { interval: 1 })).toEqualTypeOf<BatchStream<number>>();
    // @ts-expect-error a number is no receiver
    expect(() => receiverBatches(5, { interval: 1 })).toThrow('receiver (5)');
  });
});
