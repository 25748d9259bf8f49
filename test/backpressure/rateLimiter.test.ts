import { foreachBatch, foreachPartition, fromBatches, rateLimiter } from 'dstream';
import { concat, defer, merge, type Observable, of, retry, throwError } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';

/** The virtual times at which `post` was called, while `build` runs. */
function times(build: (post: (name: string) => Observable<string>) => Observable<unknown>): readonly string[] {
  const called: string[] = [];
  const scheduler = new TestScheduler(() => {});
  scheduler.run(({ flush }) => {
    build((name) => {
      called.push(`${scheduler.now()} ${name}`);
      return of(name);
    }).subscribe();
    flush();
  });
  return called;
}

describe('rateLimiter', () => {
  it('has one bucket for the records of a batch, for batches, and for outputs', () => {
    const called = times((post) => {
      const api = rateLimiter({ perSecond: 10, burst: 2 });
      return fromBatches([['a', 'b', 'c'], ['d']], { interval: 50, partitions: 1, concurrentBatches: 2 }).pipe(
        foreachBatch((records) => records.map((record) => api.run(() => post(record)))),
        foreachPartition(({ records }) => records.map((record) => api.run(() => post(record.toUpperCase())))),
      );
    });
    expect(called).toEqual(['50 a', '50 b', '150 c', '250 d', '350 A', '450 B', '550 C', '650 D']);
  });

  it('takes tokens again for a retry', () => {
    let failures = 2;
    const called = times((post) => {
      const api = rateLimiter({ perSecond: 10, burst: 1 });
      const failing = defer(() => (failures-- > 0 ? throwError(() => new Error('503')) : of('ok')));
      return api.run(() => concat(post('a'), failing)).pipe(retry(2));
    });
    expect(called).toEqual(['0 a', '100 a', '200 a']);
  });

  it('serves nobody during a pause, which a shorter one does not end', () => {
    const called = times((post) => {
      const api = rateLimiter({ perSecond: 1_000, burst: 1 });
      const busy = () => {
        api.pause(5_000);
        api.pause(10);
        return post('b');
      };
      return merge(
        api.run(() => post('a')),
        api.run(busy),
        api.run(() => post('c')),
      );
    });
    expect(called).toEqual(['0 a', '1 b', '5001 c']);
  });

  it('lets more tokens than a burst have be taken from a full bucket, and be paid back', () => {
    const called = times((post) => {
      const api = rateLimiter({ perSecond: 10, burst: 2 });
      return merge(
        api.run(() => post('five'), 5),
        api.run(() => post('one')),
      );
    });
    expect(called).toEqual(['0 five', '400 one']);
  });

  it('refuses numbers out of range', () => {
    expect(() => rateLimiter({ perSecond: 0 })).toThrow(
      'rateLimiter: perSecond (0) must be a finite number greater than 0',
    );
    expect(() => rateLimiter({ perSecond: 1, burst: -1 })).toThrow('burst (-1)');
    expect(() => rateLimiter({ perSecond: 1 }).take(-1)).toThrow('tokens (-1)');
    expect(() => rateLimiter({ perSecond: 1 }).pause(Number.NaN)).toThrow('ms (NaN)');
  });
});
