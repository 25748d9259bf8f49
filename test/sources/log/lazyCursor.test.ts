import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import {
  type Batch,
  type BatchInfo,
  countByValue,
  DeserializationError,
  DStreamError,
  filterRecords,
  flatMapRecords,
  foreachBatch,
  type InvalidRecord,
  type LogClient,
  logBatches,
  mapRecords,
  memoryLog,
  type RecordView,
  reduceBatch,
  reduceByKey,
} from 'dstream';
import fc from 'fast-check';
import { type Observable, type OperatorFunction, pipe, share, tap, timer } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { propertySettings } from '../../property/settings.js';
import { type EncodedPartition, encodedLog } from '../../support/encodedLog.js';
import { type EncodedRecord, encodeBatch } from '../../support/recordBatch.js';
import { virtual } from '../../support/virtual.js';

interface Read {
  readonly offset: number;
  readonly text: string;
}
type Row = (stream: Observable<Batch<unknown>>) => Observable<Batch<unknown>>;

const turn = () => new Promise((resolve) => setImmediate(resolve));
const textOf = (record: unknown) => (typeof record === 'object' ? JSON.stringify(record) : String(record));
const even = (record: unknown) => textOf(record).length % 2 === 0;
const steps: readonly OperatorFunction<Batch<unknown>, Batch<unknown>>[] = [
  mapRecords((record, { time }) => `${textOf(record)} ${time}`),
  filterRecords(even),
  flatMapRecords((record) => (even(record) ? [record, 'again'] : [])),
];
const ends: readonly OperatorFunction<Batch<unknown>, Batch<unknown>>[] = [
  pipe(
    mapRecords(textOf),
    reduceBatch((a, b) => `${a},${b}`),
  ),
  pipe(mapRecords(textOf), countByValue()),
  pipe(
    mapRecords((record): [string, string] => [textOf(record).slice(-2), textOf(record)]),
    reduceByKey((a, b) => `${a},${b}`),
  ),
  foreachBatch(() => {}),
];

/** What records become: a number is decoded at once, whatever comes after the source. */
const shapes: Readonly<Record<string, (view: RecordView) => unknown>> = {
  object: (view): Read => ({ offset: view.offset, text: `${view.keyText()} ${view.valueText()} ${view.timestamp}` }),
  'long text': (view) => `${view.valueText()}`.padStart(40),
  number: (view) => view.offset,
  'by its offset': (view) => (view.offset % 3 === 0 ? view.offset : [view.keyText(), view.valueText()]),
};

const drawnBatch = fc.record({
  gap: fc.nat(2),
  gaps: fc.array(fc.nat(2), { maxLength: 8 }),
  packed: fc.boolean(),
  transaction: fc.constantFrom('none', 'committed', 'aborted'),
  appendTime: fc.option(fc.constant(77), { nil: undefined }),
});

/** Record batches as drawn, with the control records of their transactions. */
function encoded(drawn: readonly (typeof drawnBatch extends fc.Arbitrary<infer B> ? B : never)[]): EncodedPartition {
  const batches: Buffer[] = [];
  const aborted: { producerId: bigint; firstOffset: number }[] = [];
  let offset = 0;
  const record = (): EncodedRecord => {
    const [key, value] = [`k${offset % 3}`, `v${offset}`].map((text) => Buffer.from(text)) as [Buffer, Buffer];
    return { offset, timestamp: 1_000 + offset, key, value, headers: [] };
  };
  for (const { gap, gaps, packed, transaction, appendTime } of drawn) {
    const first = offset;
    const records = [0, ...gaps].map((more) => {
      offset += more;
      const one = record();
      offset++;
      return one;
    });
    offset += gap;
    const transactional = transaction !== 'none';
    const attributes = { ...(packed && { codec: 1 }), ...(appendTime && { appendTime }), lastOffset: offset - 1 };
    const ids = { transactional, producerId: transactional ? 7 : -1 };
    batches.push(encodeBatch(records, { ...attributes, ...ids }, packed ? (body) => gzipSync(body) : undefined));
    if (!transactional) continue;
    if (transaction === 'aborted') aborted.push({ producerId: 7n, firstOffset: first });
    batches.push(encodeBatch([record()], { ...ids, control: true }));
    offset++;
  }
  return { batches, latest: offset, aborted };
}

const codeOf = (end: unknown) => (end instanceof DStreamError ? end.code : end);

interface Case {
  readonly partitions: readonly EncodedPartition[];
  readonly deserialize: (view: RecordView) => unknown;
  /** Records whose offset is one more than a multiple of it cannot be decoded. */
  readonly undecodable: number | undefined;
  readonly policy: 'error' | 'skip' | 'dead letters';
  readonly maxRatePerPartition: number | undefined;
  readonly maxBytesPerBatch: number;
  readonly rateSharing: 'lag' | 'aligned';
  readonly row: Row;
}

/** Reads to the end. Returns all that a user sees of it. */
function readAll({ partitions, deserialize, undecodable, policy, row, maxRatePerPartition, ...options }: Case) {
  const batches: unknown[] = [];
  const infos: BatchInfo[] = [];
  const letters: InvalidRecord[] = [];
  const ends: unknown[] = [];
  const calls = new Map<string, number>();
  virtual((scheduler) => {
    const stream = logBatches<unknown>(encodedLog('t', partitions), {
      ...options,
      ...(maxRatePerPartition !== undefined && { maxRatePerPartition }),
      topics: ['t'],
      start: 'earliest',
      interval: 10,
      deserialize: (view) => {
        const place = `${view.partition}:${view.offset}`;
        calls.set(place, (calls.get(place) ?? 0) + 1);
        if (undecodable && view.offset % undecodable === 1) throw new Error(place);
        return deserialize(view);
      },
      invalidRecords: policy === 'dead letters' ? { next: (letter) => letters.push(letter) } : policy,
      batchObserver: { next: (info) => infos.push(info) },
    });
    row(stream).subscribe({
      next: ({ partitions, records, context: { time, inputs } }) => batches.push({ partitions, records, time, inputs }),
      error: (error) => ends.push(error),
      complete: () => ends.push('complete'),
    });
    scheduler.schedule(() => void stream.stop(), 300);
  });
  return { batches, infos, letters, ends, calls };
}

describe('the records of a log, made while operators go through them', () => {
  it('are what they are when all of a batch are made first, for whatever log, options and operators', () => {
    const chosen = fc.tuple(fc.array(fc.constantFrom(...steps), { maxLength: 3 }), fc.constantFrom(...ends));
    const drawn = fc.record({
      partitions: fc.array(fc.array(drawnBatch, { maxLength: 4 }).map(encoded), { minLength: 1, maxLength: 3 }),
      deserialize: fc.constantFrom(...Object.values(shapes)),
      undecodable: fc.option(fc.integer({ min: 2, max: 30 }), { nil: undefined }),
      policy: fc.constantFrom<Case['policy'][]>('error', 'skip', 'dead letters'),
      maxRatePerPartition: fc.option(fc.integer({ min: 100, max: 1_000 }), { nil: undefined }),
      maxBytesPerBatch: fc.constantFrom(1, 100, 1_000, 1_000_000),
      rateSharing: fc.constantFrom<Case['rateSharing'][]>('lag', 'aligned'),
    });
    let batches = 0;
    fc.assert(
      fc.property(drawn, chosen, (options, [some, end]) => {
        const operators: Row = (stream) => [...some, end].reduce((before, operator) => before.pipe(operator), stream);
        const row = readAll({ ...options, row: operators });
        const eager = readAll({ ...options, row: (stream) => operators(stream.pipe(share())) });
        expect(row.batches).toEqual(eager.batches);
        expect(row.infos).toEqual(eager.infos);
        expect(row.letters).toEqual(eager.letters);
        // Where several records cannot be decoded, it may be another that is met first.
        expect(row.ends.map(codeOf)).toEqual(eager.ends.map(codeOf));
        if (row.ends[0] === 'complete') expect(row.calls).toEqual(eager.calls);
        for (const calls of row.calls.values()) expect(calls).toBe(1);
        batches += row.batches.length;
      }),
      propertySettings(200),
    );
    expect(batches).toBeGreaterThan(0);
  });

  const log = () => {
    const log = memoryLog({ topics: { t: 1 } });
    log.append('t', [{ value: 'a' }, { value: 'b' }, { value: 'c' }]);
    return log;
  };
  const options = { topics: ['t'], start: 'earliest', interval: 10 } as const;
  const noting = (calls: string[]) => (view: RecordView) => {
    const text = view.valueText() ?? '';
    calls.push(`make ${text}`);
    return { text };
  };

  it.each<[string, LogClient]>([
    ['the log in memory', log()],
    [
      'record batches',
      encodedLog('t', [
        {
          latest: 3,
          batches: [
            encodeBatch(
              ['a', 'b', 'c'].map((text, offset) => ({
                ...{ offset, timestamp: 0, key: null, value: Buffer.from(text), headers: [] },
              })),
            ),
          ],
        },
      ]),
    ],
  ])('are dropped one after the other: %s', (_, client) => {
    const calls: string[] = [];
    virtual((scheduler) => {
      const stream = logBatches(client, { ...options, deserialize: noting(calls) });
      const row = stream.pipe(
        mapRecords(({ text }) => {
          calls.push(`see ${text}`);
          return text;
        }),
        reduceBatch((a, b) => a + b),
        foreachBatch(([all]) => void (all && calls.push(all))),
      );
      row.subscribe();
      scheduler.schedule(() => void stream.stop(), 25);
    });
    expect(calls).toEqual(['make a', 'see a', 'make b', 'see b', 'make c', 'see c', 'abc']);
  });

  it('are made first, beyond some, where record batches have only one: what is kept of one costs more than a record', () => {
    const batches = Array.from({ length: 40 }, (_, offset) =>
      encodeBatch([{ offset, timestamp: 0, key: null, value: Buffer.from(`${offset}`), headers: [] }]),
    );
    const calls: string[] = [];
    virtual((scheduler) => {
      const client = encodedLog('t', [{ latest: 40, batches }], 7);
      const stream = logBatches(client, { ...options, deserialize: noting(calls) });
      stream.pipe(mapRecords(({ text }) => calls.push(`see ${text}`))).subscribe();
      scheduler.schedule(() => void stream.stop(), 15);
    });
    const inOrder = (call: string) => batches.map((_, i) => `${call} ${i}`);
    expect(calls.filter((call) => call.startsWith('see'))).toEqual(inOrder('see'));
    expect(calls.filter((call) => call.startsWith('make')).toSorted()).toEqual(inOrder('make').toSorted());
    expect(calls.indexOf('make 39')).toBeLessThan(calls.indexOf('see 0'));
    expect(calls.indexOf('make 1')).toBeGreaterThan(calls.indexOf('see 0'));
  });

  it('are all made first for who takes them as a list, or shares them', () => {
    for (const apart of [foreachBatch<{ text: string }>(() => {}), share<Batch<{ text: string }>>()]) {
      const calls: string[] = [];
      virtual((scheduler) => {
        const stream = logBatches(log(), { ...options, deserialize: noting(calls) });
        stream
          .pipe(
            apart,
            mapRecords(({ text }) => calls.push(`see ${text}`)),
          )
          .subscribe();
        scheduler.schedule(() => void stream.stop(), 25);
      });
      expect(calls).toEqual(['make a', 'make b', 'make c', 'see a', 'see b', 'see c']);
    }
  });

  it('fail the stream with what a step throws, as it is, and with a DeserializationError of their own', () => {
    const boom = new Error('boom');
    const fail = (): never => {
      throw boom;
    };
    const errors: unknown[] = [];
    virtual(() => {
      const error = (error: unknown) => errors.push(error);
      const stream = logBatches(log(), { ...options, deserialize: noting([]) });
      stream.pipe(mapRecords(({ text }) => (text === 'c' ? fail() : text))).subscribe({ error });
      const bad = logBatches(log(), {
        ...options,
        deserialize: (view) => (view.offset === 2 ? fail() : { offset: view.offset }),
      });
      bad.pipe(mapRecords(({ offset }) => offset)).subscribe({ error });
    });
    expect(errors).toEqual([boom, expect.any(DeserializationError)]);
    expect(errors[1]).toMatchObject({ topic: 't', partition: 0, offset: 2, cause: boom });
  });

  it('come from a stream that is stopped as any other, with what is planned finished', async () => {
    const ends: unknown[] = [];
    let report: unknown;
    virtual((scheduler) => {
      const stream = logBatches(log(), { ...options, deserialize: noting([]) });
      const row = stream.pipe(
        mapRecords(({ text }) => text),
        foreachBatch((texts) => {
          ends.push(texts);
          return timer(15);
        }),
      );
      row.subscribe({ complete: () => ends.push('complete') });
      scheduler.schedule(() => {
        void stream.stop().then((stopped) => {
          report = stopped;
        });
      }, 15);
    });
    await turn();
    expect(ends).toEqual([['a', 'b', 'c'], 'complete']);
    expect(report).toEqual({ completed: [10], aborted: [] });
  });

  it('leave nothing of the fetched bytes behind when the batch has been gone through, complete or not', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const value = Buffer.alloc(50_000, 'x');
    const records = [0, 1, 2].map((offset) => ({ offset, timestamp: 0, key: null, value, headers: [] }));
    const inner = encodedLog('t', [{ latest: 3, batches: [encodeBatch(records)] }]);
    const fetched: WeakRef<ArrayBufferLike>[] = [];
    const stream = logBatches(inner, {
      ...options,
      deserialize: (view) => {
        if (view.value) fetched.push(new WeakRef(view.value.buffer));
        return { text: view.valueText() ?? '' };
      },
    });
    const kept: unknown[] = [];
    const lengths = stream.pipe(
      mapRecords(({ text }) => text.length),
      tap((batch) => kept.push(batch)),
      // Never done with.
      foreachBatch(() => new Promise(() => {})),
    );
    const subscription = lengths.subscribe();
    await vi.waitFor(() => expect(kept).toHaveLength(1), 300_000);
    await turn();
    collect();
    expect(fetched).toHaveLength(3);
    expect(fetched.map((bytes) => bytes.deref())).toEqual([undefined, undefined, undefined]);
    subscription.unsubscribe();
  });
});
