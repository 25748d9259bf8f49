import {
  type Batch,
  type Checkpoint,
  eventTime,
  foreachBatch,
  groupByKeyAndEventWindow,
  json,
  type LateRecord,
  logBatches,
  type MemoryLog,
  mapRecords,
  memoryCheckpoint,
  memoryLog,
  type Pair,
  sideOutput,
} from 'dstream';
import { merge, type OperatorFunction, retry, share, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';
import { densePartitions, expectedLines, type Lines, shape } from './densities.js';
import type { Timed } from './offline.js';

// A log of four partitions, of which one has thirty times the records of another, with disorder beyond what is allowed: read at
// any rate, with the records created one by one or kept, and with crashes, it has the results that the records of each partition have.

const partitions = densePartitions(20);

function filled(scheduler: Parameters<typeof memoryLog>[0]): MemoryLog {
  const log = memoryLog({ topics: { t: partitions.length }, ...scheduler });
  for (const [partition, events] of partitions.entries()) {
    // Several records in a record batch, and long enough that they are decoded one by one.
    const records = events.map((event) => ({ partition, value: JSON.stringify({ event, text: 'x'.repeat(100) }) }));
    for (let i = 0; i < records.length; i += 25) log.append('t', records.slice(i, i + 25));
  }
  return log;
}

/** What is written by the end of batch 200, whichever batches crash before or after their results are written. */
function written(
  between: OperatorFunction<Batch<Pair<string, number>>, Batch<Pair<string, number>>>,
  rate: number | undefined,
  crashes: readonly number[] = [],
  checkpoint: Checkpoint = memoryCheckpoint(),
): Lines {
  const results = new Map<number, readonly string[]>();
  const lates = new Map<number, readonly string[]>();
  const left = [...crashes];
  virtual((scheduler) => {
    const late = sideOutput<LateRecord<Pair<string, number>>>();
    const stream = logBatches(filled({ scheduler }), {
      topics: ['t'],
      start: 'earliest',
      interval: 10,
      deserialize: json<{ event: Timed }>(),
      checkpoint,
      scheduler,
      ...(rate !== undefined && { maxRatePerPartition: rate }),
    });
    const windows = stream.pipe(
      eventTime({
        timestamp: ({ event: [at] }) => at,
        outOfOrderness: shape.outOfOrderness,
        idleAfter: Infinity,
        future: Infinity,
        id: 'time',
      }),
      mapRecords(({ event: [, key, value] }) => [key, value]),
      between,
      groupByKeyAndEventWindow({ window: shape.window, slide: shape.slide, late, id: 'windows' }),
    );
    const subscription = merge(
      late.pipe(
        foreachBatch((records, { time }) => {
          // Written at its second run again, the same.
          lates.set(
            time,
            records.map(({ record: [key, value], time: at }) => JSON.stringify([at, key, value])),
          );
        }),
      ),
      windows.pipe(
        foreachBatch((given, { time }) => {
          const lines = given.map((each) => JSON.stringify(each));
          const before = results.get(time);
          if (before) expect(lines).toEqual(before);
          results.set(time, lines);
          if (left[0] !== undefined && time >= left[0]) {
            left.shift();
            throw new Error('crash');
          }
        }),
      ),
    )
      .pipe(retry())
      .subscribe();
    scheduler.schedule(() => subscription.unsubscribe(), 2_005);
  });
  return { windows: [...results.values()].flat().sort(), late: [...lates.values()].flat().sort() };
}

const rateOf = (rate: number | 'unbounded') => (rate === 'unbounded' ? undefined : rate);

const expected = expectedLines(partitions, false);

describe('windows of a log by event time', () => {
  it('has late records, and some that are not', () => {
    expect(expected.late.length).toBeGreaterThan(5);
    expect(expected.windows.length).toBeGreaterThan(50);
  });

  it.each(['unbounded', 20_000, 1_000, 500] as const)('are the same at %s records per second and partition', (rate) => {
    expect(written(tap(), rateOf(rate))).toEqual(expected);
    expect(written((source) => source, rateOf(rate))).toEqual(expected);
    expect(written(share(), rateOf(rate))).toEqual(expected);
  });

  it('are the same with crashes in between', () => {
    expect(written((source) => source, 1_000, [20, 40, 41, 300, 310, 1_000])).toEqual(expected);
    expect(written(tap(), undefined, [10, 20, 30])).toEqual(expected);
  });
});
