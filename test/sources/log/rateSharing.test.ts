import { fixedRate, foreachBatch, logBatches, memoryLog, string } from 'dstream';
import { expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

/** What each batch has of each partition, of 60 records each, of which partition 2 has the oldest and 1 the newest. */
function countsOf(rateSharing: 'lag' | 'oldest', rate = 30, seconds = 6, options = {}): readonly (readonly number[])[] {
  const counts: number[][] = [];
  virtual((scheduler) => {
    const log = memoryLog({ topics: { t: 3 } });
    for (const [partition, begin] of [1_000, 9_000, 0].entries()) {
      const records = Array.from({ length: 60 }, (_, i) => ({ value: 'x', partition, timestamp: begin + i }));
      log.append('t', records);
    }
    const stream = logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      interval: 1_000,
      deserialize: string(),
      backpressure: fixedRate(rate),
      rateSharing,
      ...options,
    });
    const output = foreachBatch<string | null>((_, context) => {
      const ranges = context.inputs.log?.ranges ?? [];
      counts.push(ranges.map(({ from, until }) => until - from));
    });
    const subscription = stream.pipe(output).subscribe();
    scheduler.schedule(() => subscription.unsubscribe(), seconds * 1_000 + 500);
  });
  return counts;
}

it('shares by age: after a first look at each partition the oldest is read to its end, and nobody starves', () => {
  expect(countsOf('oldest')).toEqual([
    [10, 10, 10],
    [1, 1, 28],
    [7, 1, 22],
    [29, 1, 0],
    [13, 17, 0],
    [0, 30, 0],
  ]);
});

it('shares by lag whatever the age', () => {
  expect(countsOf('lag').slice(0, 3)).toEqual(Array(3).fill([10, 10, 10]));
});

it('keeps a rate of less than a record for each partition, by turns', () => {
  expect(countsOf('lag', 1.5, 6)).toEqual([
    [1, 0, 0],
    [0, 1, 1],
    [1, 0, 0],
    [0, 1, 1],
    [1, 0, 0],
    [0, 1, 1],
  ]);
  expect(countsOf('lag', 0.25, 9).map((counts) => counts.join(''))).toEqual(
    '000 000 000 100 000 000 000 010 000'.split(' '),
  );
});

it('takes records larger than the bound of a batch one by one, by turns of the partitions', () => {
  expect(countsOf('lag', 1_000, 4, { maxBytesPerBatch: 1 })).toEqual([
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
    [1, 0, 0],
  ]);
});
