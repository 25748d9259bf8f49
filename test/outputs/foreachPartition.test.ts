import {
  type Batch,
  type FailedPartition,
  foreachPartition,
  fromBatches,
  memoryCheckpoint,
  type Partition,
  type PartitionContext,
  repartition,
} from 'dstream';
import { runBatches } from 'dstream/testing';
import { NEVER, type Observable, of, retry, Subject, tap, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { standingCases } from '../operators/standing.js';
import { virtual } from '../support/virtual.js';

standingCases('foreachPartition', {
  records: ['a', 'b'],
  make: () => foreachPartition<string>(() => {}),
  throwing: (boom) => foreachPartition<string>(() => boom()),
});

const three = { a: { partitions: [['a'], ['b', 'c'], ['d']] } };

/** Notes what the effect is called with, and when. */
function notes(now: () => number) {
  const calls: string[] = [];
  const note = ({ records }: Partition<string>, { id, attempt }: PartitionContext) =>
    calls.push(`${now()} ${id} ${attempt} ${records.join('')}`);
  return { calls, note };
}

describe('foreachPartition', () => {
  it('passes a batch on when the effects on all its partitions have settled', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -a-b---|', { a: { partitions: [['x'], ['y']] }, b: ['z'] });
      const subs = '           ^------!';
      const expected = '       ---ab--|';
      const result = source.pipe(foreachPartition(({ index }) => timer(index + 1)));
      expectBatches(result).toBe(expected, { a: { partitions: [['x'], ['y']] }, b: { partitions: [['z']] } });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('ends the effects when it is unsubscribed, and the source with them', () => {
    runBatches(({ batches, cold, expectBatches, expectSubscriptions }) => {
      const source = batches(' -a-|', { a: { partitions: [['x'], ['y']] } });
      const effect = cold('    ----|');
      const subs = '           ^-!';
      const effectSubs = '     -^!';
      const unsub = '          --!';
      const expected = '       ---';
      expectBatches(source.pipe(foreachPartition(() => effect)), unsub).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(effect.subscriptions).toBe([effectSubs, effectSubs]);
    });
  });

  it('calls for each partition, an empty one too, and tells time and id', () => {
    const calls: unknown[] = [];
    runBatches(
      ({ batches, expectBatches }) => {
        const source = batches('20ms a 9ms b|', { a: { partitions: [['x', 'y'], []] }, b: ['z'] });
        const passed = source.pipe(
          foreachPartition(({ index, records }, context) => {
            calls.push([{ index, records }, context]);
          }),
        );
        expectBatches(passed).toBe('20ms a 9ms b|', { a: { partitions: [['x', 'y'], []] }, b: ['z'] });
      },
      { interval: 10 },
    );
    const context = { interval: 10, attempt: 0 };
    expect(calls).toEqual([
      [
        { index: 0, records: ['x', 'y'] },
        { ...context, id: '20-0', time: 20 },
      ],
      [
        { index: 1, records: [] },
        { ...context, id: '20-1', time: 20 },
      ],
      [
        { index: 0, records: ['z'] },
        { ...context, id: '30-0', time: 30 },
      ],
    ]);
  });

  it('works on the partitions side by side, and holds the batch until the last is done', () => {
    runBatches(({ batches, completions, expectBatches, flush }) => {
      const source = batches('   -a--------|', three);
      const passed = source.pipe(foreachPartition(({ index }) => timer(5 - index)));
      expectBatches(passed).toBe('------a---|', three);
      flush();
      expect(completions).toEqual([{ time: 1, at: 6 }]);
    });
  });

  it('works on no more partitions at once than it may', () => {
    runBatches(({ batches, scheduler, completions, flush }) => {
      const { calls, note } = notes(() => scheduler.now());
      const effect = foreachPartition<string>(
        (partition, context) => timer(3).pipe(tap({ subscribe: () => note(partition, context) })),
        {
          concurrency: 2,
        },
      );
      batches('-a-|', three).pipe(effect).subscribe();
      flush();
      expect(calls).toEqual(['1 1-0 0 a', '1 1-1 0 bc', '4 1-2 0 d']);
      expect(completions).toEqual([{ time: 1, at: 7 }]);
    });
  });

  it('tries a failed partition again, alone, and waits twice as long each time up to a bound', () => {
    runBatches(({ batches, scheduler, completions, flush }) => {
      const { calls, note } = notes(() => scheduler.now());
      const effect = foreachPartition<string>(
        (partition, context) => {
          note(partition, context);
          if (partition.index === 1 && context.attempt < 4) throw new Error('busy');
        },
        { retry: { count: 4, delay: 10, maxDelay: 25 } },
      );
      batches('-a-|', three).pipe(effect).subscribe();
      flush();
      expect(calls).toEqual([
        '1 1-0 0 a',
        '1 1-1 0 bc',
        '1 1-2 0 d',
        '11 1-1 1 bc',
        '31 1-1 2 bc',
        '56 1-1 3 bc',
        '81 1-1 4 bc',
      ]);
      expect(completions).toEqual([{ time: 1, at: 81 }]);
    });
  });

  it('fails the batch when the retries are used up, or cannot help, and gives the other partitions up', () => {
    for (const [retries, at] of [
      [{ count: 2, delay: 10 }, 31],
      [{ count: 2, delay: 10, when: () => false }, 1],
      [undefined, 1],
    ] as const) {
      runBatches(({ batches, scheduler, completions, failures, flush }) => {
        const boom = new Error('boom');
        const events: unknown[] = [];
        let givenUp = 0;
        const slow = NEVER.pipe(tap({ unsubscribe: () => givenUp++ }));
        const effect = foreachPartition<string>(({ index }) => (index === 1 ? throwError(() => boom) : slow), {
          ...(retries && { retry: retries }),
        });
        batches('-a-|', three)
          .pipe(effect)
          .subscribe({ next: () => events.push('passed'), error: (error) => events.push(error, scheduler.now()) });
        flush();
        expect(events).toEqual([boom, at]);
        expect(failures).toEqual([boom]);
        expect(completions).toEqual([]);
        // The third had not begun when the second failed at once.
        expect(givenUp).toBe(at === 1 ? 1 : 2);
      });
    }
  });

  it('skips what failed for good, tells how much, and goes on', () => {
    runBatches(({ batches, completions, failures, expectBatches, flush }) => {
      const skipped: unknown[] = [];
      const effect = foreachPartition<string>(
        ({ index }, { time }) => {
          if (index !== 0 && time === 1) throw new Error('bad');
        },
        { onError: 'skip', skipObserver: { next: (told) => skipped.push(told) } },
      );
      expectBatches(batches('-ab|', { ...three, b: ['e'] }).pipe(effect)).toBe('-ab|', { ...three, b: ['e'] });
      flush();
      expect(skipped).toEqual([{ time: 1, partitions: 2, records: 3 }]);
      expect(completions.map(({ time }) => time)).toEqual([1, 2]);
      expect(failures).toEqual([]);
    });
  });

  it('hands what failed for good to a dead-letter Observer, and holds the batch until that is done', () => {
    const boom = new Error('boom');
    const given: FailedPartition<string>[] = [];
    const subject = new Subject<FailedPartition<string>>();
    subject.subscribe((failed) => given.push(failed));
    const fail = ({ index }: Partition<string>) => (index === 1 ? throwError(() => boom) : of('done'));
    for (const [onError, completed] of [
      [subject, 1],
      [{ next: () => timer(20) }, 21],
    ] as const) {
      runBatches(({ batches, completions, flush }) => {
        batches('-a-|', three).pipe(foreachPartition(fail, { onError })).subscribe();
        flush();
        expect(completions.map(({ at }) => at)).toEqual([completed]);
      });
    }
    expect(given).toMatchObject([{ id: '1-1', time: 1, partition: { index: 1, records: ['b', 'c'] }, error: boom }]);
  });

  it('fails the batch when the dead-letter Observer or the skipObserver fails', () => {
    for (const options of [
      { onError: { next: () => throwError(() => 'full') } },
      {
        onError: 'skip' as const,
        skipObserver: {
          next: () => {
            throw 'full';
          },
        },
      },
    ]) {
      runBatches(({ batches, failures, flush }) => {
        const errors: unknown[] = [];
        const effect = foreachPartition<string>(() => throwError(() => new Error('bad')), options);
        batches('-a-|', three)
          .pipe(effect)
          .subscribe({ error: (error) => errors.push(error) });
        flush();
        expect(errors).toEqual(['full']);
        expect(failures).toEqual(['full']);
      });
    }
  });

  it('aborts an attempt and a wait when it is unsubscribed', () => {
    runBatches(({ batches, failures, flush, scheduler }) => {
      let attempts = 0;
      const effect = foreachPartition<string>(
        () => {
          attempts++;
          throw new Error('busy');
        },
        { retry: { count: 100, delay: 10 } },
      );
      const subscription = batches('-a-|', { a: ['x'] })
        .pipe(effect)
        .subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 15);
      flush();
      expect(attempts).toBe(2);
      expect(failures).toMatchObject([{ code: 'ABANDONED_BATCH' }]);
    });
  });

  it('gives a partition the same id and records when its batch is run again after a crash', () => {
    const written = new Map<string, readonly string[]>();
    const writes: string[] = [];
    virtual(() => {
      let crashes = 1;
      fromBatches([['a', 'b', 'c'], ['d', 'e'], ['f']], { interval: 10, checkpoint: memoryCheckpoint() })
        .pipe(
          repartition(2),
          foreachPartition(({ index, records }, { id, time }) => {
            if (time === 20 && index === 1 && crashes-- > 0) throw new Error('crash');
            writes.push(id);
            written.set(id, records);
          }),
          retry(1),
        )
        .subscribe();
    });
    expect(writes).toEqual(['10-0', '10-1', '20-0', '20-0', '20-1', '30-0', '30-1']);
    expect([...written.values()].flat().sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('refuses options out of their range', () => {
    const refuse = (options: object, message: string) =>
      expect(() => foreachPartition(() => {}, options)).toThrow(`foreachPartition: ${message}`);
    expect(() => foreachPartition(1 as never)).toThrow('foreachPartition: effect (1) must be a function');
    refuse({ concurrency: 0 }, 'concurrency (0) must be a positive integer');
    refuse({ onError: 'ignore' }, 'onError ("ignore") must be "fail", "skip" or an Observer');
    refuse({ onError: null }, 'onError (null) must be');
    refuse({ skipObserver: 1 }, 'skipObserver (1) must be an Observer');
    refuse({ retry: { count: -1 } }, 'retry.count (-1) must be an integer of at least 0');
    refuse({ retry: { count: 1, delay: -1 } }, 'retry.delay (-1)');
    refuse({ retry: { count: 1, maxDelay: Number.NaN } }, 'retry.maxDelay (NaN)');
    refuse({ retry: { count: 1, when: true } }, 'retry.when (true) must be a function');
  });

  it('knows the type of the records everywhere', () => {
    const types = (words: Observable<Batch<string>>) => {
      const same: Observable<Batch<string>> = words.pipe(foreachPartition(({ records }) => [records[0]?.length]));
      const numbers = new Subject<FailedPartition<number>>();
      // @ts-expect-error dead letters of another type
      words.pipe(foreachPartition<string>(() => {}, { onError: numbers }));
      // @ts-expect-error no such policy
      words.pipe(foreachPartition(() => {}, { onError: 'ignore' }));
      // @ts-expect-error a retry says how often
      words.pipe(foreachPartition(() => {}, { retry: { delay: 10 } }));
      return same;
    };
    expect(types).toBeTypeOf('function');
  });
});
