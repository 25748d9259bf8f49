import {
  foreachBatch,
  foreachPartitionOnce,
  fromBatches,
  InvalidOptionError,
  memoryCheckpoint,
  type Partition,
  type PartitionContext,
} from 'dstream';
import { runBatches } from 'dstream/testing';
import { delay, lastValueFrom, of, retry, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { standingCases } from '../operators/standing.js';

const nothing = () => [[]];

standingCases('foreachPartitionOnce', {
  records: ['a', 'b'],
  make: () => foreachPartitionOnce<string>(() => {}, { written: nothing }),
  throwing: (boom) => foreachPartitionOnce<string>(() => boom(), { written: nothing }),
});

describe('foreachPartitionOnce', () => {
  it('asks what is written before the effects begin', () => {
    runBatches(({ batches, cold, expectBatches, expectSubscriptions }) => {
      const source = batches(' -a------|', { a: { partitions: [['x'], ['y']] } });
      const written = cold('   --(i|)', { i: ['1-0'] });
      const effect = cold('    ---|');
      const subs = '           ^-------!';
      const writtenSubs = '    -^-!';
      const effectSubs = '     ---^--!';
      const expected = '       ------a-|';
      const result = source.pipe(foreachPartitionOnce(() => effect, { written: () => written }));
      expectBatches(result).toBe(expected, { a: { partitions: [['x'], ['y']] } });
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(written.subscriptions).toBe(writtenSubs);
      expectSubscriptions(effect.subscriptions).toBe(effectSubs);
    });
  });

  it('asks once a batch, skips what was written, and waits for both', () => {
    const calls: string[] = [];
    runBatches(({ batches, expectBatches, completions, flush, scheduler }) => {
      const passed = batches('-a---b|', { a: { partitions: [['x'], ['y'], []] }, b: ['z'] }).pipe(
        foreachPartitionOnce(
          ({ records }, { id }) => {
            calls.push(`${scheduler.now()} ${id} ${records.join('')}`);
            return timer(2);
          },
          {
            written: (ids) => {
              calls.push(`${scheduler.now()} ${ids.join(' ')}`);
              return of(['1-0', '1-9'], ['1-2']).pipe(delay(1));
            },
          },
        ),
      );
      expectBatches(passed).toBe('----a---(b|)', { a: { partitions: [['x'], ['y'], []] }, b: ['z'] });
      flush();
      expect(completions).toEqual([
        { time: 1, at: 4 },
        { time: 5, at: 8 },
      ]);
    });
    expect(calls).toEqual(['1 1-0 1-1 1-2', '2 1-1 y', '5 5-0', '6 5-0 z']);
  });

  it('fails the batch when the question fails', () => {
    runBatches(({ batches, failures, flush }) => {
      const errors: unknown[] = [];
      batches('-a|')
        .pipe(foreachPartitionOnce(() => {}, { written: () => throwError(() => 'no answer') }))
        .subscribe({ error: (error) => errors.push(error) });
      flush();
      expect([errors, failures]).toEqual([['no answer'], ['no answer']]);
    });
  });

  it('writes every record once, whatever crashes between the output and the checkpoint', async () => {
    const rows: { readonly id: string; readonly n: number }[] = [];
    const write = ({ records }: Partition<number>, { id }: PartitionContext) => {
      // As one: a partition is written whole or not at all.
      if (random() < 0.2) throw new Error('not written');
      rows.push(...records.map((n) => ({ id, n })));
      if (random() < 0.2) throw new Error('written, and not said so');
    };
    let seed = 7;
    const random = () => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    let failures = 0;
    const batches = Array.from({ length: 30 }, (_, i) => [4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3]);
    const stream = fromBatches(batches, { interval: 2, partitions: 3, checkpoint: memoryCheckpoint() }).pipe(
      foreachPartitionOnce(write, {
        written: async (ids) => rows.map(({ id }) => id).filter((id) => ids.includes(id)),
      }),
      foreachBatch(() => {
        if (random() < 0.3) throw new Error('crash before the checkpoint');
      }),
      retry({
        delay: () => {
          failures++;
          return timer(0);
        },
      }),
    );
    await lastValueFrom(stream);
    expect(failures).toBeGreaterThan(10);
    expect(rows.map(({ n }) => n).sort((a, b) => a - b)).toEqual(batches.flat());
  });

  it('refuses options that are out of range', () => {
    expect(() => foreachPartitionOnce(() => {}, { written: nothing, concurrency: 0 })).toThrow(InvalidOptionError);
    // @ts-expect-error it must be said what was written
    expect(() => foreachPartitionOnce(() => {}, {})).toThrow(InvalidOptionError);
  });
});
