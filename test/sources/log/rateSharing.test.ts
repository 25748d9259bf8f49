import { fixedRate, foreachBatch, logBatches, memoryLog, string } from 'dstream';
import { expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

/** What each batch has of each partition, of 60 records each, of which partition 2 has the oldest and 1 the newest. */
function countsOf(rateSharing: 'lag' | 'fair', rate = 30, seconds = 6, options = {}): readonly (readonly number[])[] {
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

it('reads partitions up to the same time, whatever their densities and gaps', () => {
  const newest: number[][] = [];
  const totals: number[] = [];
  let requests = 0;
  virtual((scheduler) => {
    const log = memoryLog({ topics: { t: 3 } });
    const everyMs = [100, 30, 10];
    for (const [partition, every] of everyMs.entries()) {
      // Ten minutes, in which partition 1 has none for 100 s.
      const times = Array.from({ length: 600_000 / every }, (_, i) => i * every).filter(
        (time) => partition !== 1 || time < 200_000 || time >= 300_000,
      );
      log.append(
        't',
        times.map((timestamp) => ({ value: 'x', partition, timestamp })),
      );
    }
    const { offsets } = log;
    log.offsets = (...args) => {
      if (typeof args[1] === 'object') requests++;
      return offsets.apply(log, args);
    };
    const last = [0, 0, 0];
    const stream = logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      until: 'latest',
      interval: 1_000,
      deserialize: ({ partition, timestamp }) => ({ partition, timestamp }),
      backpressure: fixedRate(1_000),
      rateSharing: 'aligned',
    });
    stream
      .pipe(
        foreachBatch((records) => {
          for (const { partition, timestamp } of records) last[partition] = timestamp;
          newest.push([...last]);
          totals.push(records.length);
        }),
      )
      .subscribe();
    scheduler.schedule(() => void stream.stop(), 200_000);
  });
  expect(newest.at(-1)).toEqual([599_900, 599_970, 599_990]);
  // Once every partition has been looked into, and beyond the gap: no two are further apart than their records.
  const aligned = newest.slice(2).filter(([, second = 0]) => second < 190_000 || second > 310_000);
  expect(Math.max(...aligned.map((times) => Math.max(...times) - Math.min(...times)))).toBeLessThanOrEqual(200);
  // The controller's budget is used, with about one request a batch.
  const steady = totals.slice(4, -2);
  expect(Math.min(...steady)).toBeGreaterThan(600);
  expect(requests).toBeLessThan(1.5 * totals.length);
});

it('goes on with a partition that has a time far in the future', () => {
  const read = [0, 0];
  let batches = 0;
  virtual((scheduler) => {
    const log = memoryLog({ topics: { t: 2 } });
    for (const partition of [0, 1]) {
      const timestampOf = (i: number) => (partition === 1 && i === 5 ? 4e12 : i * 10);
      log.append(
        't',
        Array.from({ length: 20_000 }, (_, i) => ({ value: 'x', partition, timestamp: timestampOf(i) })),
      );
    }
    logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      until: 'latest',
      interval: 1_000,
      deserialize: ({ partition }) => partition,
      backpressure: fixedRate(2_000),
      rateSharing: 'aligned',
    }).subscribe(({ records }) => {
      batches++;
      for (const partition of records) read[partition] = (read[partition] ?? 0) + 1;
      if (batches === 15) expect(read[1]).toBeGreaterThan(5_000);
    });
    scheduler.schedule(() => {}, 60_000);
  });
  expect(read).toEqual([20_000, 20_000]);
  expect(batches).toBeLessThan(45);
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
