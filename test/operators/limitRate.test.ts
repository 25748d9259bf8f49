import { Batch, foreachBatch, fromBatches, limitRate, QueueOverflowError, rateLimiter } from 'dstream';
import {
  filter,
  from,
  map,
  mergeMap,
  Observable,
  Subject,
  type Subscription,
  startWith,
  take,
  takeLast,
  timer,
  VirtualTimeScheduler,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { standingCases } from './standing.js';

const run = (test: Parameters<TestScheduler['run']>[0]) =>
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(test);

standingCases('limitRate', {
  records: [1, 2],
  make: () => limitRate<Batch<number>>({ rate: 1_000, burst: 2 }),
  // A single record takes the one token, and the batch is dropped.
  throwing: (next) => (source) =>
    source.pipe(
      startWith('record'),
      limitRate<string | Batch<number>>({
        rate: 1,
        burst: 1,
        maxQueue: 0,
        overflow: 'drop-newest',
        dropObserver: { next },
      }),
      filter((value) => value instanceof Batch),
    ),
});

describe('limitRate', () => {
  it('shares one bucket with other operators, in the order of their values', () => {
    run(({ cold, expectObservable }) => {
      const limiter = rateLimiter({ perSecond: 500, burst: 1 });
      const left = cold('     ab----|').pipe(limitRate({ limiter }));
      const right = cold('    -xy---|').pipe(limitRate({ limiter }));
      // Tokens at 0, 2, 4 and 6: b came before x.
      expectObservable(left).toBe(' a-b---|');
      expectObservable(right).toBe('----x-(y|)');
    });
  });

  it('does not let small values pass a large one that has waited longer', () => {
    run(({ cold, expectObservable }) => {
      const limiter = rateLimiter({ perSecond: 1_000, burst: 4 });
      const granted = (at: string, tokens: number) =>
        cold(at).pipe(mergeMap((name) => limiter.take(tokens).pipe(map(() => name))));
      expectObservable(granted('a', 4)).toBe('    a');
      expectObservable(granted('-b', 4)).toBe('   ----b');
      expectObservable(granted('--c', 1)).toBe('  -----c');
    });
  });

  it('queues without a limit where the user says so', () => {
    run(({ expectObservable }) => {
      const values = Array.from({ length: 1_500 }, (_, i) => i);
      const last = from(values).pipe(limitRate({ rate: 1_000, burst: 1, maxQueue: Infinity }), takeLast(1));
      expectObservable(last).toBe('1499ms (a|)', { a: 1_499 });
    });
  });

  it('leaves the tokens of who does not wait any more to the others', () => {
    run(({ cold, expectObservable }) => {
      const limiter = rateLimiter({ perSecond: 100, burst: 1 });
      const values = cold('ab---').pipe(limitRate({ limiter }));
      expectObservable(values, '---!').toBe('a--');
      expectObservable(cold('-----c').pipe(limitRate({ limiter }))).toBe('10ms c');
    });
  });

  it('takes one rate only', () => {
    const limiter = rateLimiter({ perSecond: 1 });
    expect(() => limitRate({ limiter, rate: 1 })).toThrow('rate (1) cannot be set beside `limiter`');
    expect(() => limitRate({ limiter: {} as never })).toThrow('limiter.take (undefined) must be a function');
    expect(() => limitRate({})).toThrow('limitRate: rate');
  });

  it('lets a burst pass, then keeps the rate, and completes after the queue', () => {
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' (abcd)-|');
      const subs = '        ^------!';
      const expected = '    (ab)c---(d|)';
      expectObservable(source.pipe(limitRate({ rate: 250, burst: 2 }))).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('unsubscribes from the source when it is unsubscribed while values wait, and when the queue overflows', () => {
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' abc-------|');
      const subs = '        ^---!';
      const unsub = '       ----!';
      const expected = '    a---';
      expectObservable(source.pipe(limitRate({ rate: 250, burst: 1 })), unsub).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' abc-------|');
      const subs = '        ^-!';
      const expected = '    a-#';
      const limited = source.pipe(limitRate({ rate: 250, burst: 1, maxQueue: 1 }));
      expectObservable(limited).toBe(expected, undefined, new QueueOverflowError('limitRate', 1));
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('fails when more wait than may, or drops and tells', () => {
    const dropped: unknown[] = [];
    const limited = (overflow: 'error' | 'drop-oldest' | 'drop-newest') =>
      from('abcd').pipe(
        limitRate({
          rate: 500,
          burst: 1,
          maxQueue: 2,
          overflow,
          dropObserver: { next: ({ value }) => dropped.push(value) },
        }),
      );
    run(({ expectObservable }) => expectObservable(limited('drop-oldest')).toBe('a-c-(d|)'));
    run(({ expectObservable }) => expectObservable(limited('drop-newest')).toBe('a-b-(c|)'));
    expect(dropped).toEqual(['b', 'd']);
    const errors: unknown[] = [];
    // In virtual time: by the real clock a slow machine may let another one pass meanwhile.
    run(() => limited('error').subscribe({ error: (error) => errors.push(error.message) }));
    expect(errors).toEqual(['limitRate: more than 2 records wait: raise the bound, or choose a policy that drops']);
  });

  it('passes an error on at once, and stops a synchronous source when unsubscribed', () => {
    run(({ cold, expectObservable }) => {
      expectObservable(cold('(ab#)').pipe(limitRate({ rate: 100, burst: 1 }))).toBe('(a#)');
      expectObservable(cold('abc').pipe(limitRate({ rate: 100, burst: 1 })), '^-!').toBe('a');
    });
    let produced = 0;
    const endless = new Observable<number>((subscriber) => {
      while (!subscriber.closed && produced < 100) subscriber.next(produced++);
    });
    const seen: number[] = [];
    endless
      .pipe(limitRate({ rate: 1, burst: 1, maxQueue: 5 }))
      .subscribe({ next: (n) => seen.push(n), error: () => {} });
    expect(seen).toEqual([0]);
    // One passes, five wait, and the seventh is too many.
    expect(produced).toBe(7);
  });

  it('holds a batch while it waits, and counts its records', () => {
    const times: unknown[] = [];
    run(({ flush }) => {
      fromBatches([[1, 2], [3, 4], []], {
        interval: 10,
        batchObserver: { next: (i) => times.push([i.time, i.processingEndTime]) },
      })
        .pipe(
          limitRate({ rate: 100, burst: 2 }),
          foreachBatch(() => {}),
        )
        .subscribe();
      flush();
    });
    expect(times).toEqual([
      [10, 10],
      [20, 30],
      [30, 30],
    ]);
  });

  it('gives up the batches that its driver gives up, and completes with it', () => {
    const events: unknown[] = [];
    run(({ flush }) => {
      const batches = fromBatches([[1], [2], [3], [4]], { interval: 10, concurrentBatches: 4, emptyAfter: Infinity });
      const limited = batches.pipe(
        limitRate({ rate: 1, burst: 1 }),
        foreachBatch((records) => void events.push(...records)),
      );
      limited.subscribe({ error: (error) => events.push(error), complete: () => events.push('complete') });
      timer(35).subscribe(() => void batches.stop({ drainTimeout: 10 }));
      const taken = fromBatches([['a'], ['b'], ['c']], { interval: 10, concurrentBatches: 3 }).pipe(
        take(2),
        limitRate({ rate: 1, burst: 1 }),
      );
      taken.subscribe({ next: ({ records }) => events.push(...records), complete: () => events.push('complete') });
      flush();
    });
    expect(events).toEqual([1, 'a', 'complete', 'complete']);
  });

  it('lets nothing wait with a queue of 0: passes, drops or fails', () => {
    const limited = (overflow: 'error' | 'drop-oldest' | 'drop-newest') =>
      limitRate<string>({ rate: 500, burst: 1, maxQueue: 0, overflow });
    run(({ cold, expectObservable }) => {
      expectObservable(cold('a-bcd|').pipe(limited('drop-newest'))).toBe('a-b-d|');
      expectObservable(cold('a-bcd|').pipe(limited('drop-oldest'))).toBe('a-b-d|');
    });
    const codes: unknown[] = [];
    from('ab')
      .pipe(limited('error'))
      .subscribe({ error: ({ code }) => codes.push(code) });
    expect(codes).toEqual(['QUEUE_OVERFLOW']);
  });

  it('counts what it drops, from 1 for each subscription', () => {
    const counts: number[] = [];
    const limited = from('abcd').pipe(
      limitRate({
        rate: 1,
        burst: 1,
        maxQueue: 1,
        overflow: 'drop-newest',
        dropObserver: { next: ({ dropped }) => counts.push(dropped) },
      }),
    );
    for (let i = 0; i < 2; i++) limited.subscribe().unsubscribe();
    expect(counts).toEqual([1, 2, 1, 2]);
  });

  it('fails when the dropObserver throws', () => {
    const boom = new Error('boom');
    const dropObserver = {
      next: () => {
        throw boom;
      },
    };
    const errors: unknown[] = [];
    from('abc')
      .pipe(limitRate({ rate: 1, burst: 1, maxQueue: 1, overflow: 'drop-oldest', dropObserver }))
      .subscribe({ error: (error) => errors.push(error) });
    expect(errors).toEqual([boom]);
  });

  it('loses nothing when the consumer completes the source, and keeps order when it makes it emit', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<number>();
    const seen: unknown[] = [];
    source.pipe(limitRate({ rate: 500, burst: 2, scheduler })).subscribe({
      next: (n) => {
        seen.push([n, scheduler.now()]);
        if (n === 1) source.next(9);
        if (n === 3) source.complete();
      },
      complete: () => seen.push('complete'),
    });
    for (const n of [1, 2, 3, 4]) source.next(n);
    scheduler.flush();
    expect(seen).toEqual([[1, 0], [9, 0], [2, 2], [3, 4], [4, 6], 'complete']);
  });

  it('schedules once for each wait, and keeps no timer that has fired', () => {
    const scheduler = new VirtualTimeScheduler();
    const open = new Set<Subscription>();
    const schedule = scheduler.schedule.bind(scheduler);
    let scheduled = 0;
    scheduler.schedule = ((...args: Parameters<typeof schedule>) => {
      scheduled++;
      const action = schedule(...args);
      open.add(action);
      action.add(() => open.delete(action));
      return action;
    }) as typeof scheduler.schedule;
    const source = new Subject<number>();
    let seen = 0;
    source.pipe(limitRate({ rate: 500, burst: 1, scheduler })).subscribe((n) => {
      seen++;
      if (n < 20) for (let i = 0; i < 3 && seen < 20; i++) source.next(n + 1);
    });
    for (let n = 20; n < 120; n++) source.next(n);
    source.next(0);
    scheduler.flush();
    expect(seen).toBeGreaterThan(100);
    expect(scheduled).toBe(seen - 1);
    expect(open.size).toBe(0);
  });

  it('fails the batch that is one too many', () => {
    const errors: unknown[] = [];
    const completed: number[] = [];
    run(({ flush }) => {
      fromBatches([[1], [2], [3], [4]], { interval: 10, batchObserver: { next: ({ time }) => completed.push(time) } })
        .pipe(limitRate<Batch<number>>({ rate: 1, burst: 1, maxQueue: 0 }))
        .subscribe({ error: ({ code }) => errors.push(code) });
      flush();
    });
    expect(errors).toEqual(['QUEUE_OVERFLOW']);
    expect(completed).toEqual([10]);
  });

  it('begins anew for each subscription', () => {
    run(({ cold, expectObservable }) => {
      const limited = cold('(ab|)').pipe(limitRate({ rate: 500, burst: 1 }));
      expectObservable(limited).toBe('a-(b|)');
      expectObservable(limited).toBe('a-(b|)');
    });
  });

  it('refuses options out of range', () => {
    expect(() => limitRate({ rate: 0 })).toThrow('limitRate: rate (0)');
    expect(() => limitRate({ rate: 1, maxQueue: -1 })).toThrow('maxQueue (-1)');
    expect(() => limitRate({ rate: 1, burst: 0 })).toThrow('burst (0)');
    expect(() => limitRate({ rate: 1, overflow: 'drop' as 'error' })).toThrow('overflow');
    const notObserver = (() => {}) as never;
    expect(() => limitRate({ rate: 1, dropObserver: notObserver })).toThrow(/dropObserver .* must be an Observer/);
    expect(() => limitRate({ rate: 1, dropObserver: { next: 1 as never } })).toThrow('dropObserver');
    expect(() => limitRate({ rate: 1, dropObserver: {} })).not.toThrow();
  });
});
