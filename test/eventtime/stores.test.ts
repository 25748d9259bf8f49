import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  aggregateByKeyAndEventWindow,
  type Checkpoint,
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
import { fileCheckpoint, lmdbCheckpoint } from 'dstream/node';
import fc from 'fast-check';
import { lastValueFrom, merge, retry } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { propertySettings } from '../property/settings.js';
import { densePartitions, shape } from './densities.js';
import { offline, type Timed } from './offline.js';

// What a checkpoint on disk returns after a crash must be what the operators have put into it.

const partitions = densePartitions(3);
const truth = offline(partitions, { ...shape, bounded: true });
const expected = {
  windows: truth.windows
    .map(({ key, start, end, records }) => [key, { start, end, value: records.reduce((all, [, , n]) => all + n, 0) }])
    .map((each) => JSON.stringify(each))
    .sort(),
  late: truth.late.map((record) => JSON.stringify(record)).sort(),
};

/** What is written until everything has been read: at these rates, and with crashes after these batches have been written. */
async function written(checkpoint: Checkpoint, rates: readonly number[], crashes: readonly number[]) {
  const log = memoryLog({ topics: { t: partitions.length } });
  for (const [partition, events] of partitions.entries()) {
    log.append(
      't',
      events.map((event) => ({ partition, value: JSON.stringify(event) })),
    );
  }
  const windows = new Map<number, readonly string[]>();
  const lates = new Map<number, readonly string[]>();
  const left = [...crashes];
  let batches = 0;
  const late = sideOutput<LateRecord<Pair<string, number>>>();
  const results = logBatches(log, {
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
    aggregateByKeyAndEventWindow(sum(), { window: shape.window, slide: shape.slide, late, id: 'windows' }),
  );
  const outputs = merge(
    late.pipe(
      foreachBatch((records, { time }) => {
        lates.set(
          time,
          records.map(({ record: [key, value], time: at }) => JSON.stringify([at, key, value])),
        );
      }),
    ),
    results.pipe(
      foreachBatch((given, { time }) => {
        windows.set(
          time,
          given.map((each) => JSON.stringify(each)),
        );
        if (left[0] === batches++) {
          left.shift();
          throw new Error('crash');
        }
      }),
    ),
  );
  await lastValueFrom(outputs.pipe(retry(crashes.length)));
  return { windows: [...windows.values()].flat().sort(), late: [...lates.values()].flat().sort() };
}

const stores = { fileCheckpoint, lmdbCheckpoint };

describe.each(Object.entries(stores))('event-time windows in %s', (_, open) => {
  it('go on after a crash as if there had been none', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'dstream-event-time-'));
    let cases = 0;
    const drawn = fc.record({
      rates: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 }),
      crashes: fc.uniqueArray(fc.integer({ min: 0, max: 12 }), { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(drawn, async ({ rates, crashes }) => {
        const checkpoint = open(join(directory, String(cases++)));
        expect(
          await written(
            checkpoint,
            rates,
            [...crashes].sort((a, b) => a - b),
          ),
        ).toEqual(expected);
      }),
      propertySettings(40),
    );
    await rm(directory, { recursive: true });
  });
});
