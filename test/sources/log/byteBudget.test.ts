import { type BatchInfo, foreachBatch, logBatches } from 'dstream';
import fc from 'fast-check';
import { timer } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PartitionState } from '../../../src/sources/log/partitionState.js';
import { propertySettings } from '../../property/settings.js';
import { BatchedLog } from '../../support/batchedLog.js';
import { virtual } from '../../support/virtual.js';

interface Reading {
  readonly sizes: readonly (readonly (readonly number[])[])[];
  readonly maxBufferedBytes: number;
  readonly maxRatePerPartition: number | undefined;
  readonly maxBytesPerBatch?: number | undefined;
  readonly brokers: number;
  readonly latency: number;
  /** How long the output of each batch takes, ms. */
  readonly work: number;
  readonly concurrentBatches: number;
}

let log!: BatchedLog;

beforeAll(() => {
  const { drop } = PartitionState.prototype;
  vi.spyOn(PartitionState.prototype, 'drop').mockImplementation(function (this: PartitionState) {
    log.release(this.partition);
    drop.call(this);
  });
});
afterAll(() => vi.restoreAllMocks());

/** Reads a log of record batches to its end. Returns what arrived, in the order of each partition. */
function read(given: Reading) {
  const { sizes, maxBufferedBytes, maxRatePerPartition, maxBytesPerBatch } = given;
  const { brokers, latency, work, concurrentBatches } = given;
  const total = sizes.flat(2).length;
  const seen: string[][] = sizes.map(() => []);
  const infos: BatchInfo[] = [];
  let failed: unknown;
  virtual((scheduler) => {
    log = new BatchedLog({ topic: 't', partitions: sizes, scheduler, latency, brokers });
    const stream = logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      interval: 10,
      maxBufferedBytes,
      concurrentBatches,
      ...(maxRatePerPartition !== undefined && { maxRatePerPartition }),
      ...(maxBytesPerBatch !== undefined && { maxBytesPerBatch }),
      deserialize: ({ partition, value }) => [partition, String(value).trim().replaceAll('.', '')] as const,
      batchObserver: { next: (info) => infos.push(info) },
    });
    let count = 0;
    const output = foreachBatch<readonly [number, string]>((records) => {
      for (const [partition, text] of records) seen[partition]?.push(text.trim());
      count += records.length;
      return timer(work, scheduler);
    });
    stream.pipe(output).subscribe({
      next: () => {
        if (count >= total) void stream.stop();
      },
      error: (error) => {
        failed = error;
      },
    });
    scheduler.schedule(() => {
      if (count < total) failed ??= new Error(`only ${count} of ${total} records came`);
      void stream.stop();
    }, 60_000);
  });
  return { seen, infos, failed };
}

const reading = (brokers: fc.Arbitrary<number>) =>
  fc.record({
    sizes: fc
      .array(fc.array(fc.array(fc.integer({ min: 10, max: 400 }), { minLength: 1, maxLength: 8 }), { maxLength: 12 }), {
        minLength: 1,
        maxLength: 6,
      })
      .filter((partitions) => partitions.flat(2).length > 0),
    maxBufferedBytes: fc.integer({ min: 100, max: 6_000 }),
    maxRatePerPartition: fc.option(fc.integer({ min: 100, max: 2_000 }), { nil: undefined }),
    maxBytesPerBatch: fc.option(fc.integer({ min: 200, max: 6_000 }), { nil: undefined }),
    brokers,
    latency: fc.integer({ min: 1, max: 25 }),
    work: fc.integer({ min: 0, max: 30 }),
    concurrentBatches: fc.integer({ min: 1, max: 3 }),
  });

const everything = ({ sizes }: Reading) =>
  sizes.map((batches, partition) => batches.flat().map((_, offset) => `${partition}:${offset}`));

describe('the byte budget', () => {
  it.each([
    ['one record batch', 1],
    ['one record batch for each broker', 3],
  ])('is never exceeded by more than %s, and every record comes once, in order', (_, brokers) => {
    fc.assert(
      fc.property(reading(fc.constant(brokers)), (given) => {
        const { seen, failed } = read(given);
        if (failed instanceof Error) throw failed;
        expect(seen).toEqual(everything(given));
        expect(log.peak).toBeLessThanOrEqual(given.maxBufferedBytes + brokers * log.largest);
        expect(log.inFlight.one).toBe(1);
      }),
      propertySettings(60),
    );
  });

  it('is never asked for more than is left of it, and where it is ample nothing is fetched twice', () => {
    fc.assert(
      fc.property(reading(fc.integer({ min: 1, max: 3 })), (given) => {
        const { seen, infos } = read({ ...given, maxBufferedBytes: 1_000_000 });
        expect(seen).toEqual(everything(given));
        expect([...log.sent.values()].filter((times) => times > 1)).toEqual([]);
        const received = infos.reduce((sum, info) => sum + (info.inputs.log?.bytes ?? 0), 0);
        expect(received).toBe(log.fetches.reduce((sum, { bytes }) => sum + bytes, 0));
      }),
      propertySettings(60),
    );
  });

  it('is shared by brokers that are asked in parallel, each with one request in flight', () => {
    const sizes = Array.from({ length: 6 }, () => Array.from({ length: 10 }, () => [300, 300]));
    const given = { maxRatePerPartition: undefined, latency: 20, work: 0, concurrentBatches: 1, brokers: 3, sizes };
    const { seen } = read({ ...given, maxBufferedBytes: 100_000 });
    expect(seen).toEqual(everything({ ...given, maxBufferedBytes: 0 }));
    expect(log.inFlight).toEqual({ one: 1, all: 3 });
  });

  it('counts what is on its way from other brokers', () => {
    // Plans pile up while the first batch is worked on, and nothing is decoded meanwhile.
    const sizes = Array.from({ length: 6 }, () => Array.from({ length: 40 }, () => [950]));
    const given = { sizes, maxRatePerPartition: 800, latency: 3, work: 200, concurrentBatches: 1, brokers: 3 };
    const { seen } = read({ ...given, maxBufferedBytes: 20_000 });
    expect(seen).toEqual(everything({ ...given, maxBufferedBytes: 0 }));
    expect(log.peak).toBeLessThanOrEqual(20_000 + 3 * log.largest);
  });
});

describe('what is read before the tick that plans it', () => {
  // Two partitions with record batches of 10 records and about 10 kB each; a batch takes three of both.
  const partition = Array.from({ length: 40 }, () => Array.from({ length: 10 }, () => 950));
  const backlog = { sizes: [partition, partition], latency: 3, work: 0, concurrentBatches: 1, brokers: 1 };
  const unlimited = { ...backlog, maxRatePerPartition: undefined, maxBytesPerBatch: 60_000 };
  /** Of the batches after those for which the first records were read, to learn their size, and before the last one. */
  const delays = (infos: readonly BatchInfo[]) => infos.slice(3, -1).map(({ fetchDelay }) => fetchDelay);
  const overshoots = (infos: readonly BatchInfo[]) =>
    infos.slice(3, -1).map(({ inputs }) => inputs.log?.overshootRecords ?? 0);
  const none = (infos: readonly BatchInfo[]) => delays(infos).map(() => 0);

  it('is what the next batch will have, where nothing limits the rate', () => {
    const { infos } = read({ ...unlimited, maxBufferedBytes: 1_000_000 });
    expect(infos.length).toBeGreaterThan(12);
    expect(delays(infos)).toEqual(none(infos));
    // What was asked for is no overshoot: only the rest of the last record batch is, of each partition.
    expect(Math.max(...overshoots(infos))).toBeLessThanOrEqual(2 * 9);
    // Two batches are there at once: the one that is read, and the next.
    expect(log.peak).toBeLessThanOrEqual(15 * log.largest);
  });

  it('is an eighth of the budget at most', () => {
    const { infos } = read({ ...unlimited, maxBufferedBytes: 160_000 });
    expect(delays(infos)).not.toContain(0);
  });

  it('is nothing where a rate is set', () => {
    const { infos } = read({ ...backlog, maxRatePerPartition: 3_000, maxBufferedBytes: 1_000_000 });
    expect(infos.length).toBeGreaterThan(12);
    expect(delays(infos)).not.toContain(0);
  });
});

describe('overshoot', () => {
  // Record batches of 10 records with 1,000 bytes of value each, of which a batch takes 4.
  const sizes = [Array.from({ length: 3 }, () => Array.from({ length: 10 }, () => 1_000))];
  const given = { sizes, latency: 1, work: 0, concurrentBatches: 1, brokers: 1, maxRatePerPartition: 400 };
  const overshootOf = (infos: readonly BatchInfo[]) => infos.map((info) => info.inputs.log?.overshootRecords);

  it('is what came beyond the ranges of a batch, counted once, for the batch with whose bytes it came', () => {
    const { infos } = read({ ...given, maxBufferedBytes: 15_000 });
    expect(infos.flatMap((info) => info.inputs.log?.ranges.map(({ until }) => until))).toEqual([
      4, 8, 12, 16, 20, 24, 28, 30,
    ]);
    expect(overshootOf(infos)).toEqual([6, 0, 8, 0, 0, 6, 0, 0]);
    const batch = log.largest;
    expect(infos.map((info) => info.inputs.log?.overshootBytes)).toEqual(
      [6, 0, 8, 0, 0, 6, 0, 0].map((records) => Math.round((records * batch) / 10)),
    );
    expect(infos.map((info) => info.inputs.log?.bytes)).toEqual([batch, 0, batch, 0, 0, batch, 0, 0]);
  });

  it('has the records in it that are read at first to learn their size', () => {
    const { infos } = read({ ...given, maxBufferedBytes: 1_000_000 });
    expect(overshootOf(infos)).toEqual([26, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('is nothing where ranges end with record batches', () => {
    const { infos } = read({ ...given, maxRatePerPartition: 1_000, maxBufferedBytes: 15_000 });
    expect(overshootOf(infos)).toEqual([0, 0, 0]);
  });
});
