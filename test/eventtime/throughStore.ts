import {
  aggregateByKeyAndEventWindow,
  type Checkpoint,
  eventSessionWindow,
  eventTime,
  foreachBatch,
  json,
  type LateRecord,
  logBatches,
  mapRecords,
  memoryLog,
  type Pair,
  sideOutput,
} from 'dstream';
import { sum } from 'dstream/aggregators';
import fc from 'fast-check';
import { lastValueFrom, merge, retry, share } from 'rxjs';
import { expect } from 'vitest';
import { densePartitions, shape } from './densities.js';
import { type OfflineWindow, offline, offlineSessions, type Timed } from './offline.js';

// What a checkpoint returns after a crash must be what the operators have put into it.

const partitions = densePartitions(3);
const gap = 8_000;
const truth = offline(partitions, { ...shape, bounded: true });
const sessions = offlineSessions(partitions, { ...shape, allowedLateness: 0, gap, bounded: true });
const sumOf = ({ records }: OfflineWindow) => records.reduce((all, [, , n]) => all + n, 0);
const linesOf = (windows: readonly OfflineWindow[]) =>
  windows.map((each) => JSON.stringify([each.key, { start: each.start, end: each.end, value: sumOf(each) }])).sort();
const expected = {
  windows: linesOf(truth.windows),
  sessions: linesOf(sessions.windows),
  late: truth.late.map((record) => JSON.stringify(record)).sort(),
};

/** What one output has written, by batch: a batch that runs twice is written once. */
function written() {
  const batches = new Map<number, readonly string[]>();
  return {
    write: (records: readonly unknown[], { time }: { readonly time: number }): void => {
      batches.set(
        time,
        records.map((each) => JSON.stringify(each)),
      );
    },
    lines: () => [...batches.values()].flat().sort(),
  };
}

/** What is written until everything has been read: at these rates, and with crashes after these batches have been written. */
async function run(checkpoint: Checkpoint, rates: readonly number[], crashes: readonly number[]) {
  const log = memoryLog({ topics: { t: partitions.length } });
  for (const [partition, events] of partitions.entries()) {
    log.append(
      't',
      events.map((event) => ({ partition, value: JSON.stringify(event) })),
    );
  }
  const [windows, visits, lates] = [written(), written(), written()];
  const left = [...crashes];
  let batches = 0;
  const late = sideOutput<LateRecord<Pair<string, number>>>();
  const timed = logBatches(log, {
    topics: ['t'],
    start: 'earliest',
    until: 'latest',
    interval: 1,
    deserialize: json<Timed>(),
    checkpoint,
    backpressure: () => ({ completed: () => {}, rate: () => (rates[batches % rates.length] ?? 1) * 1_000 }),
  }).pipe(
    eventTime({ timestamp: ([at]) => at, outOfOrderness: shape.outOfOrderness, idleAfter: Infinity, id: 'time' }),
    mapRecords(([, key, value]) => [key, value]),
    share(),
  );
  const outputs = merge(
    late.pipe(
      mapRecords(({ record: [key, value], time }) => [time, key, value] as const),
      foreachBatch(lates.write),
    ),
    timed.pipe(eventSessionWindow({ gap, aggregator: sum(), id: 'sessions' }), foreachBatch(visits.write)),
    timed.pipe(
      aggregateByKeyAndEventWindow(sum(), { window: shape.window, slide: shape.slide, late, id: 'windows' }),
      foreachBatch((given, context) => {
        windows.write(given, context);
        if (left[0] === batches++) {
          left.shift();
          throw new Error('crash');
        }
      }),
    ),
  );
  await lastValueFrom(outputs.pipe(retry(crashes.length)));
  return { windows: windows.lines(), sessions: visits.lines(), late: lates.lines() };
}

/** Windows, sessions and a late output, with crashes, through a store: `open` returns another checkpoint for each case. */
export async function goesOnAfterCrashes(
  open: (number: number) => Checkpoint,
  settings: { readonly numRuns: number; readonly seed?: number },
): Promise<void> {
  let number = 0;
  const drawn = fc.record({
    rates: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 }),
    crashes: fc.uniqueArray(fc.integer({ min: 0, max: 12 }), { maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(drawn, async ({ rates, crashes }) => {
      const inOrder = [...crashes].sort((a, b) => a - b);
      expect(await run(open(number++), rates, inOrder)).toEqual(expected);
    }),
    settings,
  );
}
