import {
  AbandonedBatchError,
  type Batch,
  type BatchInfo,
  batchesFrom,
  concatMapBatch,
  countByWindow,
  type DriverOptions,
  filterBatches,
  foreachBatch,
  fromBatches,
  IntervalMismatchError,
  LateBatchError,
  LateHoldError,
  logSource,
  mapRecords,
  memoryCheckpoint,
  memoryLog,
  type StopReport,
  string,
  transformBatches,
  UnclaimedBatchError,
  unionBatches,
} from 'dstream';
import { runBatches } from 'dstream/testing';
import {
  delay,
  from,
  lastValueFrom,
  map,
  merge,
  type Observable,
  retry,
  share,
  switchMap,
  take,
  throwError,
  timer,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';

// What all operators over several streams share, seen through one that writes down what came together.
const row = (other: Observable<Batch<string>>) =>
  transformBatches<string, string, string>(other, (left, right) => [`${left.join('')}|${right.join('')}`]);

const late = (ms: number) => concatMapBatch<string, string>((records) => timer(ms).pipe(map(() => records)));
const without = (letter: string) => filterBatches<string>((records) => !records.includes(letter));

/** A driver of its own: one letter a batch, every 10 ms, in virtual time. */
const letters = (text: string, options: Partial<DriverOptions> = {}) =>
  fromBatches(
    text.split('').map((letter) => [letter]),
    { interval: 10, partitions: 1, ...options },
  );

/** What a driver tells of its batches: time, when it was complete, and for how long it was worked on. */
function observer() {
  const completed: string[] = [];
  const next = ({ time, processingEndTime, processingDelay }: BatchInfo) =>
    completed.push(`${time} at ${processingEndTime} after ${processingDelay}`);
  return { completed, batchObserver: { next } };
}

function collect(stream: Observable<Batch<string>>, events: unknown[]) {
  return stream.subscribe({
    next: ({ context, records }) => events.push(`${context.time} ${records.join(' ')}`),
    error: (error) => events.push(error),
    complete: () => events.push('complete'),
  });
}

describe('streams of one driver', () => {
  it('go on when one of them swallows a batch', () => {
    runBatches(({ batches, completions, flush }) => {
      const events: unknown[] = [];
      const source = batches('-a-b-c-|').pipe(share());
      collect(source.pipe(without('a'), row(source.pipe(without('b')))), events);
      flush();
      expect(events).toEqual(['1 |a', '3 b|', '5 c|c', 'complete']);
      expect(completions).toEqual([1, 3, 5].map((time) => ({ time, at: time })));
    });
  });

  it('give nothing for a batch that both swallow, and it completes', () => {
    runBatches(({ batches, completions, flush }) => {
      const events: unknown[] = [];
      const source = batches('-a-b-|').pipe(share());
      collect(source.pipe(without('a'), row(source.pipe(without('a')))), events);
      flush();
      expect(events).toEqual(['3 b|b', 'complete']);
      expect(completions.map(({ time }) => time)).toEqual([1, 3]);
    });
  });

  it('wait for the one that takes its time, in the order of the batches', () => {
    runBatches(({ batches, completions, flush }) => {
      const events: unknown[] = [];
      const source = batches('-a-b------|').pipe(share());
      collect(source.pipe(late(3), row(source)).pipe(mapRecords((text) => text)), events);
      flush();
      expect(events).toEqual(['1 a|a', '3 b|b', 'complete']);
      expect(completions).toEqual([
        { time: 1, at: 4 },
        { time: 3, at: 7 },
      ]);
    });
  });

  it('may be combined again further down', () => {
    runBatches(({ batches, completions, flush }) => {
      const events: unknown[] = [];
      const source = batches('-a-b-c-|').pipe(share());
      const inner = source.pipe(without('a'), row(source.pipe(without('b'))));
      collect(source.pipe(row(inner), row(inner.pipe(without('b|')))), events);
      flush();
      expect(events).toEqual(['1 a||a||a', '3 b|b||', '5 c|c|c|c|c', 'complete']);
      expect(completions.map(({ time }) => time)).toEqual([1, 3, 5]);
    });
  });

  it('meet where both have a result, when their windows slide differently', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches('-abcdef|').pipe(share());
      const counts = (slide: number) => source.pipe(countByWindow({ window: 6, slide }));
      const expected = '       --bcd-f|';
      expectBatches(counts(2).pipe(unionBatches(counts(3)))).toBe(expected, { b: [2], c: [3], d: [4], f: [6, 6] });
    });
  });
});

describe('streams of one driver with several batches open', () => {
  it('wait for an earlier batch that is still on its way', () => {
    const events: unknown[] = [];
    virtual(() => {
      const source = letters('ab', { concurrentBatches: 2 }).pipe(share());
      collect(source.pipe(without('b'), late(25), row(source.pipe(without('a')))), events);
    });
    expect(events).toEqual(['10 a|', '20 |b', 'complete']);
  });
});

describe('streams of two drivers', () => {
  it('keep the batches of both open until the effects of the row have settled', () => {
    const [a, b, events] = [observer(), observer(), [] as unknown[]];
    virtual(() => {
      const rows = letters('ab', a).pipe(row(letters('cd', b)));
      collect(rows.pipe(foreachBatch(({ length }) => timer(3 + length))), events);
    });
    expect(events).toEqual(['10 a|c', '20 b|d', 'complete']);
    expect(a.completed).toEqual(['10 at 14 after 4', '20 at 24 after 4']);
    expect(b.completed).toEqual(a.completed);
  });

  it('do not count waiting for the other as processing', () => {
    const [a, b, events] = [observer(), observer(), [] as unknown[]];
    virtual(() => {
      const rows = letters('ab', a).pipe(row(letters('cd', b).pipe(late(6))));
      collect(rows.pipe(foreachBatch(() => timer(2))), events);
    });
    expect(events).toEqual(['10 a|c', '20 b|d', 'complete']);
    expect(a.completed).toEqual(['10 at 18 after 2', '20 at 28 after 2']);
    expect(b.completed).toEqual(['10 at 18 after 8', '20 at 28 after 8']);
  });

  it('go on when one of them swallows a batch', () => {
    const [a, b, events] = [observer(), observer(), [] as unknown[]];
    virtual(() => {
      const rows = letters('abc', a).pipe(without('b'), row(letters('def', b).pipe(without('d'), late(2))));
      collect(rows, events);
    });
    expect(events).toEqual(['10 a|', '20 |e', '30 c|f', 'complete']);
    expect(a.completed).toEqual(['10 at 10 after 0', '20 at 20 after 0', '30 at 32 after 0']);
    expect(b.completed).toEqual(['10 at 10 after 0', '20 at 22 after 2', '30 at 32 after 2']);
  });

  it('complete when the last of them does', () => {
    const events: unknown[] = [];
    virtual((scheduler) => {
      const rows = letters('a').pipe(unionBatches(letters('bcd'), letters('ef')));
      rows.subscribe({
        next: ({ records }) => events.push(`${scheduler.now()} ${records.join('')}`),
        complete: () => events.push(`complete at ${scheduler.now()}`),
      });
    });
    expect(events).toEqual(['10 abe', '20 cf', '30 d', 'complete at 40']);
  });

  it('wait for a driver that opens late: its batches are not missed', () => {
    const events: unknown[] = [];
    virtual(() => {
      const memory = memoryCheckpoint();
      const checkpoint = { ...memory, open: () => timer(25).pipe(switchMap(() => memory.open())) };
      collect(
        letters('abcd').pipe(
          row(letters('ef', { checkpoint })),
          foreachBatch(() => {}),
        ),
        events,
      );
    });
    expect(events).toEqual(['10 a|', '20 b|', '30 c|e', '40 d|f', 'complete']);
  });

  it('keep the order of the batches when several are open at once', () => {
    const [a, b, events] = [observer(), observer(), [] as unknown[]];
    virtual(() => {
      const first = letters('abc', { ...a, concurrentBatches: 3 });
      const second = letters('def', { ...b, concurrentBatches: 3 }).pipe(late(15));
      const settle = ({ length }: readonly string[], { time }: { readonly time: number }) => timer(50 - time + length);
      collect(first.pipe(row(second), foreachBatch(settle)), events);
    });
    expect(events).toEqual(['10 a|d', '20 b|e', '30 c|f', 'complete']);
    expect(a.completed).toEqual(['10 at 66 after 41', '20 at 71 after 31', '30 at 76 after 21']);
    expect(b.completed).toEqual(['10 at 66 after 56', '20 at 71 after 51', '30 at 76 after 46']);
  });

  it('may be combined with a third, one after the other or inside', () => {
    const events: unknown[] = [];
    virtual(() => {
      collect(letters('ab').pipe(row(letters('cd')), row(letters('ef'))), events);
      collect(letters('ab').pipe(row(letters('cd').pipe(without('c'), row(letters('ef').pipe(late(3)))))), events);
    });
    expect(events.filter((event) => event !== 'complete')).toEqual(['10 a|c|e', '10 a||e', '20 b|d|f', '20 b|d|f']);
  });
});

describe('a shared stream of which nothing is known yet', () => {
  it('is waited for on every driver that is known from the other streams', () => {
    const events: unknown[] = [];
    virtual(() => {
      const shared = letters('abc', { concurrentBatches: 3 }).pipe(share());
      const union = letters('xyz', { concurrentBatches: 3 }).pipe(
        without('x'),
        unionBatches(shared.pipe(without('b'), late(25)), shared.pipe(without('a'), without('b'))),
      );
      collect(union, events);
    });
    expect(events).toEqual(['10 a', '20 y', '30 z c c', 'complete']);
  });
});

describe('what cannot be aligned', () => {
  const failure = (make: () => Observable<Batch<string>>): unknown => {
    const events: unknown[] = [];
    virtual(() => {
      collect(make(), events);
    });
    return events.at(-1);
  };

  it('is streams of different intervals', () => {
    const error = failure(() => letters('ab').pipe(row(letters('ab', { interval: 20 }))));
    expect(error).toBeInstanceOf(IntervalMismatchError);
    expect(error).toMatchObject({
      message: 'transformBatches: streams of different batch intervals (10 and 20) cannot be combined',
      intervals: [10, 20],
    });
  });

  it('is a batch that comes after its row, delayed by an operator that takes no hold', () => {
    expect(failure(() => letters('ab').pipe(delay(3), row(letters('ab'))))).toBeInstanceOf(LateHoldError);
    const held = (): Observable<Batch<string>> => {
      const source = letters('ab').pipe(share());
      source.pipe(foreachBatch(() => timer(5))).subscribe({ error: () => {} });
      return source.pipe(delay(7), row(letters('ab')));
    };
    expect(failure(held)).toBeInstanceOf(LateHoldError);
  });

  it('is two batches of one time in one stream', () => {
    const merged = () => {
      const source = letters('ab').pipe(share());
      return merge(source, source).pipe(row(letters('cd')));
    };
    expect(failure(merged)).toBeInstanceOf(LateBatchError);
  });

  it('is a stream of another driver that ran before, where it falls behind', () => {
    const behind = () => {
      const other = letters('abc').pipe(late(5), share());
      other.subscribe({ error: () => {} });
      return timer(1).pipe(switchMap(() => letters('abc').pipe(row(other))));
    };
    expect(failure(behind)).toBeInstanceOf(LateBatchError);
  });
});

describe('failing, unsubscribing and stopping', () => {
  it('fails the batches of both drivers when an effect on the row fails, and retry() begins anew', () => {
    const [a, b, events] = [observer(), observer(), [] as unknown[]];
    let crashes = 1;
    virtual(() => {
      const rows = letters('ab', a).pipe(row(letters('cd', b)));
      const crash = foreachBatch<string>((_, { time }) => {
        if (time === 20 && crashes-- > 0) throw new Error('crash');
      });
      collect(rows.pipe(crash, retry(1)), events);
    });
    expect(events).toEqual(['10 a|c', '30 a|c', '40 b|d', 'complete']);
    expect(a.completed.map((line) => line.split(' ')[0])).toEqual(['10', '30', '40']);
    expect(b.completed).toEqual(a.completed);
  });

  it('fails with the error of the effect while earlier rows are still open', () => {
    const [a, b, events, boom] = [observer(), observer(), [] as unknown[], new Error('boom')];
    virtual(() => {
      const options = { concurrentBatches: 2 };
      const rows = letters('ab', { ...a, ...options }).pipe(row(letters('cd', { ...b, ...options })));
      const effect = foreachBatch<string>((_, { time }) => {
        if (time === 20) throw boom;
        return timer(35);
      });
      collect(rows.pipe(effect), events);
    });
    expect(events).toEqual([boom]);
    expect([...a.completed, ...b.completed]).toEqual([]);
  });

  it('fails with the error of the one driver, and does not go on as if its batch were empty', () => {
    for (const broken of ['a', 'b']) {
      const [b, events] = [observer(), [] as unknown[]];
      const boom = new Error('boom');
      const breaking = concatMapBatch<string, string>((records) =>
        timer(5).pipe(
          map(() => {
            if (records.includes(broken)) throw boom;
            return records;
          }),
        ),
      );
      virtual(() => collect(letters('ab').pipe(breaking, row(letters('cd', b))), events));
      expect(events).toEqual(broken === 'a' ? [boom] : ['10 a|c', boom]);
      expect(b.completed.length).toBe(broken === 'a' ? 0 : 1);
    }
  });

  it('fails with the error of the one driver when its batch waits already', () => {
    const [b, events, boom] = [observer(), [] as unknown[], new Error('boom')];
    virtual(() => {
      const source = letters('ab').pipe(share());
      source
        .pipe(foreachBatch(() => timer(5).pipe(switchMap(() => throwError(() => boom)))))
        .subscribe({ error: () => {} });
      collect(source.pipe(row(letters('cd', b).pipe(late(8)))), events);
    });
    expect(events).toEqual([boom]);
    expect(b.completed).toEqual([]);
  });

  it('makes the row whole when a driver is restored further up, and fails what waited when it is not', () => {
    for (const restored of [true, false]) {
      const [b, events] = [observer(), [] as unknown[]];
      let crashes = 1;
      const crashing = concatMapBatch<string, string>((records) =>
        timer(5).pipe(
          map(() => {
            if (crashes-- > 0) throw new Error('crash');
            return records;
          }),
        ),
      );
      virtual(() => {
        const first = letters('ab', restored ? { checkpoint: memoryCheckpoint() } : {}).pipe(crashing, retry(1));
        collect(first.pipe(row(letters('cd', b))), events);
      });
      expect(events).toEqual(restored ? ['10 a|c', '20 b|d', 'complete'] : [expect.any(AbandonedBatchError)]);
      expect(b.completed).toEqual(restored ? ['10 at 20 after 0', '20 at 25 after 0'] : []);
    }
  });

  it('fails, in the other driver, what waited for a batch that a stop did not wait for', async () => {
    const [b, events] = [observer(), [] as unknown[]];
    let report: Promise<StopReport> | undefined;
    virtual((scheduler) => {
      const first = letters('ab');
      collect(first.pipe(late(50), row(letters('cd', b))), events);
      scheduler.schedule(() => {
        report = first.stop({ drainTimeout: 5 });
      }, 12);
    });
    expect(events).toEqual([expect.any(AbandonedBatchError)]);
    expect(await report).toEqual({ completed: [], aborted: [10] });
    expect(b.completed).toEqual([]);
  });

  it('fails, in the other driver, what waited for a batch that was given up', () => {
    const [b, events] = [observer(), [] as unknown[]];
    virtual(() => collect(letters('cd', b).pipe(row(letters('ab').pipe(take(1)))), events));
    expect(events).toEqual([expect.any(AbandonedBatchError)]);
    expect(b.completed).toEqual([]);
  });

  it('unsubscribes from all when one of them fails', () => {
    runBatches(({ batches, expectSubscriptions, flush }) => {
      const first = batches('  -a-#');
      const second = batches(' -a-----b-|');
      const events: unknown[] = [];
      collect(first.pipe(unionBatches(second)), events);
      expectSubscriptions(first.subscriptions).toBe(' ^--!');
      expectSubscriptions(second.subscriptions).toBe('^--!');
      flush();
      expect(events).toEqual(['1 a a', 'error']);
    });
  });

  it('aborts what waits when it is unsubscribed, and begins clean when it is subscribed to again', () => {
    const [a, b, events] = [observer(), observer(), [] as unknown[]];
    virtual((scheduler) => {
      const rows = letters('ab', a).pipe(row(letters('cd', b).pipe(late(6))));
      const subscription = collect(rows, events);
      scheduler.schedule(() => subscription.unsubscribe(), 13);
      scheduler.schedule(() => collect(rows, events), 95);
    });
    expect(events).toEqual(['100 a|c', '110 b|d', 'complete']);
    expect(a.completed).toEqual(['100 at 106 after 0', '110 at 116 after 0']);
    expect(b.completed).toEqual(['100 at 106 after 6', '110 at 116 after 6']);
  });

  it('tells those that share a stream when what waits is given up', () => {
    const [shared, events] = [[] as unknown[], [] as unknown[]];
    virtual((scheduler) => {
      const source = letters('ab').pipe(share());
      collect(source, shared);
      const subscription = collect(source.pipe(row(letters('cd').pipe(late(6)))), events);
      scheduler.schedule(() => subscription.unsubscribe(), 13);
    });
    expect(events).toEqual([]);
    expect(shared).toEqual(['10 a', expect.any(AbandonedBatchError)]);
  });

  it('leaves those that share a stream alone when nothing waits', () => {
    const [shared, events] = [[] as unknown[], [] as unknown[]];
    virtual((scheduler) => {
      const source = letters('ab').pipe(share());
      collect(source, shared);
      const subscription = collect(source.pipe(row(letters('cd'))), events);
      scheduler.schedule(() => subscription.unsubscribe(), 13);
    });
    expect(events).toEqual(['10 a|c']);
    expect(shared).toEqual(['10 a', '20 b', 'complete']);
  });

  it('finishes what waits when both are stopped', async () => {
    const [a, b, events] = [observer(), observer(), [] as unknown[]];
    let reports: Promise<StopReport>[] = [];
    virtual((scheduler) => {
      const [first, second] = [letters('abcd', a), letters('efgh', b)];
      collect(
        first.pipe(
          row(second.pipe(late(6))),
          foreachBatch(() => timer(1)),
        ),
        events,
      );
      scheduler.schedule(() => {
        reports = [first.stop(), second.stop()];
      }, 23);
    });
    expect(events).toEqual(['10 a|e', '20 b|f', 'complete']);
    expect(await Promise.all(reports)).toEqual([
      { completed: [20], aborted: [] },
      { completed: [20], aborted: [] },
    ]);
  });

  it('goes on with the other when one is stopped', () => {
    const events: unknown[] = [];
    virtual((scheduler) => {
      const first = letters('abcd');
      collect(first.pipe(row(letters('efg'))), events);
      scheduler.schedule(() => void first.stop(), 13);
    });
    expect(events).toEqual(['10 a|e', '20 |f', '30 |g', 'complete']);
  });
});

describe('with durable progress', () => {
  const twoTopics = () => {
    const log = memoryLog({ topics: { left: 1, right: 1 } });
    log.append('left', [{ value: 'a' }, { value: 'b' }]);
    log.append('right', [{ value: 'c' }]);
    const source = (topic: string) =>
      logSource(log, { topics: [topic], groupId: 'g', start: 'earliest', deserialize: string() });
    const streams = batchesFrom({ left: source('left'), right: source('right') }, { interval: 10 });
    const text = mapRecords((value: string | null) => value ?? '');
    return { log, left: streams.left.pipe(text), right: streams.right.pipe(text), stop: () => streams.left.stop() };
  };

  it('commits the offsets of all streams when the row is done', async () => {
    const { log, left, right, stop } = twoTopics();
    const events: unknown[] = [];
    virtual((scheduler) => {
      collect(
        left.pipe(
          row(right),
          foreachBatch(() => timer(4)),
        ),
        events,
      );
      scheduler.schedule(() => void stop(), 12);
    });
    expect(events).toEqual(['10 ab|c', 'complete']);
    const committed = await lastValueFrom(
      from(
        log.committed('g', [
          { topic: 'left', partition: 0 },
          { topic: 'right', partition: 0 },
        ]),
      ),
    );
    expect(committed.map(({ offset }) => offset)).toEqual([2, 1]);
  });

  it('does not take a batch that only waited for one that was claimed', () => {
    const { left, right } = twoTopics();
    const events: unknown[] = [];
    virtual(() => collect(left.pipe(row(right)), events));
    expect(events).toEqual(['10 ab|c', expect.any(UnclaimedBatchError)]);
  });
});
