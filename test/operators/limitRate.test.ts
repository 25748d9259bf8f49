import { foreachBatch, fromBatches, limitRate } from 'dstream';
import { from, Observable } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';

const run = (test: Parameters<TestScheduler['run']>[0]) =>
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(test);

describe('limitRate', () => {
  it('lets a burst pass, then keeps the rate, and completes after the queue', () => {
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' (abcd)-|');
      expectObservable(source.pipe(limitRate({ rate: 250, burst: 2 }))).toBe('(ab)c---(d|)');
      expectSubscriptions(source.subscriptions).toBe('^------!');
    });
  });

  it('fails when more wait than may, or drops and tells', () => {
    const dropped: unknown[] = [];
    const limited = (overflow: 'error' | 'drop-oldest' | 'drop-newest') =>
      from('abcd').pipe(
        limitRate({ rate: 500, burst: 1, maxQueue: 2, overflow, onDrop: (value) => dropped.push(value) }),
      );
    run(({ expectObservable }) => expectObservable(limited('drop-oldest')).toBe('a-c-(d|)'));
    run(({ expectObservable }) => expectObservable(limited('drop-newest')).toBe('a-b-(c|)'));
    expect(dropped).toEqual(['b', 'd']);
    const errors: unknown[] = [];
    limited('error').subscribe({ error: (error) => errors.push(error.message) });
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

  it('begins anew for each subscription', () => {
    run(({ cold, expectObservable }) => {
      const limited = cold('(ab|)').pipe(limitRate({ rate: 500, burst: 1 }));
      expectObservable(limited).toBe('a-(b|)');
      expectObservable(limited).toBe('a-(b|)');
    });
  });

  it('refuses options out of range', () => {
    expect(() => limitRate({ rate: 0 })).toThrow('limitRate: rate (0)');
    expect(() => limitRate({ rate: 1, maxQueue: 0 })).toThrow('maxQueue (0)');
  });
});
