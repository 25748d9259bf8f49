import fc from 'fast-check';
import { asyncScheduler, type SchedulerLike, Subscription } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { codecOf } from '../../../src/sources/kafka/kafkajs/codecs.js';
import { RecordBatchReader } from '../../../src/sources/kafka/protocol/recordBatchReader.js';
import { BatchReading } from '../../../src/sources/log/batchReading.js';
import { EagerCursor } from '../../../src/sources/log/eagerCursor.js';
import { PartitionState } from '../../../src/sources/log/partitionState.js';
import { propertySettings } from '../../property/settings.js';
import { encodeBatch } from '../../support/recordBatch.js';

/** A clock that only the work itself moves, and that tells whole milliseconds as `Date.now` does. */
function workClock() {
  let time = 1_000_000.4;
  const scheduler: SchedulerLike = {
    now: () => Math.floor(time),
    schedule: (...args) => asyncScheduler.schedule(...(args as Parameters<SchedulerLike['schedule']>)),
  };
  return {
    scheduler,
    work: (ms: number) => {
      time += ms;
    },
    get time() {
      return time;
    },
  };
}

function partition(number: number, records: number, perBatch: number): PartitionState {
  const state = new PartitionState({ topic: 't', partition: number, offset: 0 });
  const value = Buffer.alloc(20, 'x');
  const batches: Buffer[] = [];
  for (let from = 0; from < records; from += perBatch) {
    const count = Math.min(perBatch, records - from);
    const batch = Array.from({ length: count }, (_, i) => ({
      ...{ offset: from + i, timestamp: 0, key: null, value, headers: [] },
    }));
    batches.push(encodeBatch(batch));
  }
  const bytes = Buffer.concat(batches);
  const options = { topic: 't', partition: number, from: 0, aborted: [], checkCrcs: false, codecOf };
  const reader = RecordBatchReader.open(bytes, options);
  state.plan({ topic: 't', partition: number, from: 0, until: records });
  if (reader) state.receive(reader, 0, bytes.length);
  return state;
}

/** Decodes partitions in slices. Returns the ms that each took, and the number of records decoded in it. */
async function slices(partitions: readonly PartitionState[], cost: (partition: number) => number) {
  const clock = workClock();
  const taken: { ms: number; records: number }[] = [];
  let records = 0;
  const deserialize = ({ partition }: { readonly partition: number }) => {
    clock.work(cost(partition));
    records++;
  };
  const ranges = partitions.map(
    (state) => [{ topic: 't', partition: state.partition, from: 0, until: state.fetchFrom }, state] as const,
  );
  const reading = new BatchReading<void>(
    ranges,
    { maxRecords: [], maxBytes: Infinity },
    new EagerCursor<void>('test', { deserialize, invalidRecords: 'error', rateSharing: 'lag' }),
    clock.scheduler,
  );
  await new Promise<void>((resolve, reject) => {
    const run = () => {
      const [begun, before] = [clock.time, records];
      const done = reading.run(new Subscription(), run, reject);
      taken.push({ ms: clock.time - begun, records: records - before });
      if (done) resolve();
    };
    run();
  });
  return { taken, records };
}

describe('decoding', () => {
  it('yields to the event loop every ten milliseconds, or after one record that takes longer', async () => {
    const costs = fc.double({ min: 0.0005, max: 30, noNaN: true });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(costs, fc.integer({ min: 1, max: 400 })), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 200 }),
        async (given, perBatch) => {
          const states = given.map(([, records], i) => partition(i, records, perBatch));
          const { taken, records } = await slices(states, (i) => given[i]?.[0] ?? 0);
          expect(records).toBe(given.reduce((sum, [, count]) => sum + count, 0));
          const longest = Math.max(...given.map(([cost]) => cost));
          // A record cannot be cut: when one takes so long, a slice ends with it.
          for (const { ms } of taken) expect(ms).toBeLessThanOrEqual(Math.max(10, 8 + longest) + 1e-6);
        },
      ),
      propertySettings(100),
    );
  });

  it('looks at the clock seldom when records take no time', async () => {
    const { taken, records } = await slices([partition(0, 50_000, 500)], () => 0.0001);
    expect(records).toBe(50_000);
    expect(taken).toHaveLength(1);
  });

  it('goes from cheap records of one partition to dear ones of another within the limit', async () => {
    const { taken } = await slices([partition(0, 20_000, 500), partition(1, 200, 100)], (i) =>
      i === 0 ? 0.0005 : 1.5,
    );
    expect(Math.max(...taken.map(({ ms }) => ms))).toBeLessThanOrEqual(10);
    expect(taken.length).toBeGreaterThan(20);
  });
});
