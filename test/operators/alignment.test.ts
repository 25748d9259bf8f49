import {
  AbandonedBatchError,
  type Batch,
  type BatchInfo,
  batchesFrom,
  batchesSource,
  concatMapBatch,
  countByWindow,
  type DriverOptions,
  ForeignStreamError,
  filterBatches,
  foreachBatch,
  fromBatches,
  LateBatchError,
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
import { delay, finalize, from, lastValueFrom, map, merge, type Observable, retry, share, tap, timer } from 'rxjs';
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

const given = (text: string) =>
  batchesSource(
    text.split('').map((letter) => [letter]),
    { partitions: 1 },
  );

/** Two sources of one driver. */
const both = (left: string, right: string, options: Partial<DriverOptions> = {}) => {
  const streams = batchesFrom({ left: given(left), right: given(right) }, { interval: 10, ...options });
  return [streams.left, streams.right] as const;
};

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

describe('several sources of one driver', () => {
  it('keep a batch open until the effect on its row has settled', () => {
    const [told, events] = [observer(), [] as unknown[]];
    virtual(() => {
      const [left, right] = both('ab', 'cd', { batchObserver: told.batchObserver });
      collect(
        left.pipe(
          row(right),
          foreachBatch(() => timer(4)),
        ),
        events,
      );
    });
    expect(events).toEqual(['10 a|c', '20 b|d', 'complete']);
    expect(told.completed).toEqual(['10 at 14 after 4', '20 at 24 after 4']);
  });

  it('go on when one of them swallows a batch', () => {
    const [told, events] = [observer(), [] as unknown[]];
    virtual(() => {
      const [left, right] = both('abc', 'def', { batchObserver: told.batchObserver });
      collect(left.pipe(without('b'), row(right.pipe(without('d'), late(2)))), events);
    });
    expect(events).toEqual(['10 a|', '20 |e', '30 c|f', 'complete']);
    expect(told.completed).toEqual(['10 at 10 after 0', '20 at 22 after 2', '30 at 32 after 2']);
  });

  it('complete when the last of them does', () => {
    const events: unknown[] = [];
    virtual((scheduler) => {
      const a = batchesSource([['a']], { partitions: 1 });
      const b = batchesSource([['b'], ['c'], ['d']], { partitions: 1 });
      const streams = batchesFrom({ a, b }, { interval: 10 });
      streams.a.pipe(unionBatches(streams.b)).subscribe({
        next: ({ records }) => events.push(`${scheduler.now()} ${records.join('')}`),
        complete: () => events.push(`complete at ${scheduler.now()}`),
      });
    });
    expect(events).toEqual(['10 ab', '20 c', '30 d', 'complete at 40']);
  });

  it('keep the order of the batches when several are open at once', () => {
    const [told, events] = [observer(), [] as unknown[]];
    virtual(() => {
      const [left, right] = both('abc', 'def', { batchObserver: told.batchObserver, concurrentBatches: 3 });
      const settle = ({ length }: readonly string[], { time }: { readonly time: number }) => timer(50 - time + length);
      collect(left.pipe(row(right.pipe(late(15))), foreachBatch(settle)), events);
    });
    expect(events).toEqual(['10 a|d', '20 b|e', '30 c|f', 'complete']);
    expect(told.completed).toEqual(['10 at 66 after 56', '20 at 71 after 51', '30 at 76 after 46']);
  });

  it('may be joined one after the other, or inside each other', () => {
    const events: unknown[] = [];
    virtual(() => {
      const sources = { a: given('ab'), b: given('cd'), c: given('ef') };
      const { a, b, c } = batchesFrom(sources, { interval: 10 });
      collect(a.pipe(row(b), row(c)), events);
      collect(a.pipe(row(b.pipe(without('c'), row(c.pipe(late(3)))))), events);
    });
    expect(events.filter((event) => event !== 'complete')).toEqual(['10 a|c|e', '10 a||e', '20 b|d|f', '20 b|d|f']);
  });
});

describe('joins inside joins, where every batch lacks a partner', () => {
  const sources = () => batchesFrom({ a: given('xy'), b: given('xy'), c: given('xy') }, { interval: 10 });
  const none = filterBatches<string>(() => false);
  const inner = ({ b, c }: ReturnType<typeof sources>) => b.pipe(row(c.pipe(none)));
  const expected = ['10 x|x|', '20 y|y|', 'complete'];

  it('emit the inner row first', () => {
    const events: unknown[] = [];
    virtual(() => {
      const streams = sources();
      collect(streams.a.pipe(row(inner(streams))), events);
    });
    expect(events).toEqual(expected);
  });

  it('emit the inner row first when it is shared and was subscribed to before', () => {
    const events: unknown[] = [];
    virtual(() => {
      const streams = sources();
      const shared = inner(streams).pipe(share());
      shared.subscribe();
      collect(streams.a.pipe(row(shared)), events);
    });
    expect(events).toEqual(expected);
  });

  it('emit the inner row first when a retry() has subscribed to it again', () => {
    const events: unknown[] = [];
    let crashes = 1;
    virtual(() => {
      const streams = sources();
      const crashing = tap(({ context }: Batch<string>) => {
        if (context.time === 10 && crashes-- > 0) throw new Error('crash');
      });
      collect(streams.a.pipe(row(inner(streams).pipe(crashing, retry(1)))), events);
    });
    // What failed is not there any more: the batch itself has no second chance without a checkpoint.
    expect(events).toEqual(['10 x|', '20 y|y|', 'complete']);
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

  it('is streams of different drivers', () => {
    const error = failure(() => letters('ab').pipe(row(letters('ab'))));
    expect(error).toBeInstanceOf(ForeignStreamError);
    expect(error).toMatchObject({
      message:
        'transformBatches: the streams are of different drivers: take all their sources together in batchesFrom, or ' +
        'share() a stream that is used twice',
      operator: 'transformBatches',
    });
    expect(failure(() => letters('ab').pipe(row(letters('ab', { interval: 20 }))))).toBeInstanceOf(ForeignStreamError);
  });

  it('is one stream twice without share()', () => {
    const source = letters('ab');
    expect(failure(() => source.pipe(unionBatches(source)))).toBeInstanceOf(ForeignStreamError);
  });

  it('is a batch that comes after its row, delayed by an operator that takes no hold', () => {
    const delayed = () => {
      const [left, right] = both('ab', 'cd');
      return left.pipe(delay(3), row(right));
    };
    expect(failure(delayed)).toBeInstanceOf(LateBatchError);
    const heldLonger = (): Observable<Batch<string>> => {
      const [left, right] = both('ab', 'cd');
      return left.pipe(
        delay(3),
        row(right),
        foreachBatch(() => timer(8)),
      );
    };
    expect(failure(heldLonger)).toBeInstanceOf(LateBatchError);
  });

  it('is two batches of one time in one stream', () => {
    const merged = () => {
      const [left, right] = both('ab', 'cd');
      return merge(left, left).pipe(row(right));
    };
    expect(failure(merged)).toBeInstanceOf(LateBatchError);
  });
});

describe('failing, unsubscribing and stopping', () => {
  it('fails the batch when an effect on the row fails, and retry() begins anew', () => {
    const [told, events] = [observer(), [] as unknown[]];
    let crashes = 1;
    virtual(() => {
      const [left, right] = both('ab', 'cd', { batchObserver: told.batchObserver });
      const crash = foreachBatch<string>((_, { time }) => {
        if (time === 20 && crashes-- > 0) throw new Error('crash');
      });
      collect(left.pipe(row(right), crash, retry(1)), events);
    });
    expect(events).toEqual(['10 a|c', '30 a|c', '40 b|d', 'complete']);
    expect(told.completed.map((line) => line.split(' ')[0])).toEqual(['10', '30', '40']);
  });

  it('fails with the error of the effect while earlier rows are still open', () => {
    const [told, events, boom] = [observer(), [] as unknown[], new Error('boom')];
    virtual(() => {
      const [left, right] = both('ab', 'cd', { batchObserver: told.batchObserver, concurrentBatches: 2 });
      const effect = foreachBatch<string>((_, { time }) => {
        if (time === 20) throw boom;
        return timer(35);
      });
      collect(left.pipe(row(right), effect), events);
    });
    expect(events).toEqual([boom]);
    expect(told.completed).toEqual([]);
  });

  it('fails with the error of the one stream, and does not go on as if its batch were empty', () => {
    for (const broken of ['a', 'b']) {
      const [told, events] = [observer(), [] as unknown[]];
      const boom = new Error('boom');
      const breaking = concatMapBatch<string, string>((records) =>
        timer(5).pipe(
          map(() => {
            if (records.includes(broken)) throw boom;
            return records;
          }),
        ),
      );
      virtual(() => {
        const [left, right] = both('ab', 'cd', { batchObserver: told.batchObserver });
        collect(left.pipe(breaking, row(right)), events);
      });
      expect(events).toEqual(broken === 'a' ? [boom] : ['10 a|c', boom]);
      expect(told.completed.length).toBe(broken === 'a' ? 0 : 1);
    }
  });

  it('tells those that share the driver what has failed, and not that they were left', () => {
    const [others, events, boom] = [[] as unknown[], [] as unknown[], new Error('boom')];
    virtual(() => {
      const [left, right] = both('ab', 'cd');
      collect(left, others);
      const failing = tap(({ context }: Batch<string>) => {
        if (context.time === 20) throw boom;
      });
      collect(left.pipe(row(right.pipe(failing))), events);
    });
    expect(events).toEqual(['10 a|c', boom]);
    expect(others).toEqual(['10 a', '20 b', boom]);
  });

  it('makes every row once when both streams are restored further up', () => {
    const [told, events] = [observer(), [] as unknown[]];
    let crashes = 1;
    virtual(() => {
      const [left, right] = both('ab', 'cd', { batchObserver: told.batchObserver, checkpoint: memoryCheckpoint() });
      const crashing = concatMapBatch<string, string>((records) =>
        timer(5).pipe(
          map(() => {
            if (crashes-- > 0) throw new Error('crash');
            return records;
          }),
        ),
      );
      const rows = left.pipe(crashing, retry(1), row(right.pipe(retry(1))));
      collect(rows.pipe(foreachBatch(() => {})), events);
    });
    expect(events).toEqual(['10 a|c', '20 b|d', 'complete']);
    expect(told.completed.map((line) => line.split(' ')[0])).toEqual(['10', '20']);
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

  it('leaves every stream before it passes an error on', () => {
    const events: string[] = [];
    const boom = new Error('boom');
    virtual(() => {
      const [left, right] = both('ab', 'cd');
      const failing = tap<Batch<string>>(() => {
        throw boom;
      });
      const noting = right.pipe(finalize(() => events.push('left')));
      left.pipe(failing, row(noting)).subscribe({ error: () => events.push('error') });
    });
    expect(events).toEqual(['left', 'error']);
  });

  it('aborts what waits when it is unsubscribed, and begins clean when it is subscribed to again', () => {
    const [told, events] = [observer(), [] as unknown[]];
    virtual((scheduler) => {
      const [left, right] = both('ab', 'cd', { batchObserver: told.batchObserver });
      const rows = left.pipe(row(right.pipe(late(6))));
      const subscription = collect(rows, events);
      scheduler.schedule(() => subscription.unsubscribe(), 13);
      scheduler.schedule(() => collect(rows, events), 95);
    });
    expect(events).toEqual(['100 a|c', '110 b|d', 'complete']);
    expect(told.completed).toEqual(['100 at 106 after 6', '110 at 116 after 6']);
  });

  it('tells those that share a stream when what waits is abandoned', () => {
    const [shared, events] = [[] as unknown[], [] as unknown[]];
    virtual((scheduler) => {
      const [left, right] = both('ab', 'cd');
      collect(left, shared);
      const subscription = collect(left.pipe(row(right.pipe(late(6)))), events);
      scheduler.schedule(() => subscription.unsubscribe(), 13);
    });
    expect(events).toEqual([]);
    expect(shared).toEqual(['10 a', expect.any(AbandonedBatchError)]);
  });

  it('leaves those that share a stream alone when nothing waits', () => {
    const [shared, events] = [[] as unknown[], [] as unknown[]];
    virtual((scheduler) => {
      const [left, right] = both('ab', 'cd');
      collect(left, shared);
      const subscription = collect(left.pipe(row(right)), events);
      scheduler.schedule(() => subscription.unsubscribe(), 13);
    });
    expect(events).toEqual(['10 a|c']);
    expect(shared).toEqual(['10 a', '20 b', 'complete']);
  });

  it('finishes what waits when it is stopped', async () => {
    const events: unknown[] = [];
    let report: Promise<StopReport> | undefined;
    virtual((scheduler) => {
      const [left, right] = both('abcd', 'efgh');
      collect(
        left.pipe(
          row(right.pipe(late(6))),
          foreachBatch(() => timer(1)),
        ),
        events,
      );
      scheduler.schedule(() => {
        report = left.stop();
      }, 23);
    });
    expect(events).toEqual(['10 a|e', '20 b|f', 'complete']);
    expect(await report).toEqual({ completed: [20], aborted: [] });
  });

  it('completes without a row that a stop did not wait for', async () => {
    const events: unknown[] = [];
    let report: Promise<StopReport> | undefined;
    virtual((scheduler) => {
      const [left, right] = both('ab', 'cd');
      collect(left.pipe(late(50), row(right)), events);
      scheduler.schedule(() => {
        report = left.stop({ drainTimeout: 5 });
      }, 12);
    });
    expect(events).toEqual(['complete']);
    expect(await report).toEqual({ completed: [], aborted: [10] });
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
