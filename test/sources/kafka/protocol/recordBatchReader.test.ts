import { gzipSync } from 'node:zlib';
import { DStreamError, MalformedRecordError, OffsetTooLargeError, UnsupportedCodecError } from 'dstream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codecOf } from '../../../../src/sources/kafka/kafkajs/codecs.js';
import type { AbortedTransaction } from '../../../../src/sources/kafka/protocol/abortedTransactions.js';
import type { CodecLookup } from '../../../../src/sources/kafka/protocol/codec.js';
import { crc32c } from '../../../../src/sources/kafka/protocol/crc32c.js';
import { RecordBatchReader } from '../../../../src/sources/kafka/protocol/recordBatchReader.js';
import type { RetainedRecords } from '../../../../src/sources/log/recordReader.js';
import type { RecordView } from '../../../../src/sources/log/recordView.js';
import { propertySettings } from '../../../property/settings.js';
import { type EncodedRecord, encodeBatch } from '../../../support/recordBatch.js';

interface Options {
  readonly from?: number;
  readonly until?: number;
  readonly max?: number;
  readonly checkCrcs?: boolean;
  readonly aborted?: readonly AbortedTransaction[];
  /** Goes past the records first, and through what was kept of them at the end. */
  readonly keep?: boolean;
}

/** Reads everything, in steps of `max`, going past what is malformed. A guard counts the steps: there must be an end. */
function readAll(bytes: Buffer, options: Options = {}) {
  const { from = 0, until = Infinity, max = 7, checkCrcs = true, aborted = [], keep = false } = options;
  const kept: RetainedRecords[] = [];
  const records: EncodedRecord[] = [];
  const errors: MalformedRecordError[] = [];
  const reader = RecordBatchReader.open(bytes, { topic: 't', partition: 3, from, aborted, checkCrcs, codecOf });
  for (let steps = 0; reader && !reader.done && reader.position < until; steps++) {
    if (steps > bytes.length + 10) throw new Error('no end');
    try {
      if (reader.load()) throw new Error('nothing here is asynchronous');
      const some = keep ? reader.retain(until, max, () => {}) : undefined;
      if (some) kept.push(some);
      if (!keep) reader.read(until, max, (view) => records.push(copyOf(view)));
    } catch (error) {
      if (!(error instanceof MalformedRecordError)) throw error;
      errors.push(error);
      reader.skip();
    }
  }
  for (const some of kept) {
    const before = records.length;
    some.read((view) => records.push(copyOf(view)));
    expect(records.length - before).toBe(some.count);
  }
  return { records, errors, reader };
}

const copyOf = (view: RecordView): EncodedRecord => ({
  offset: view.offset,
  timestamp: view.timestamp,
  key: view.key && Buffer.from(view.key),
  value: view.value && Buffer.from(view.value),
  headers: view.headers.map(([key, value]) => [key, value && Buffer.from(value)] as const),
});

const record = (offset: number, value = `v${offset}`): EncodedRecord => ({
  offset,
  timestamp: 1_700_000_000_000 + offset,
  key: Buffer.from(`k${offset}`),
  value: Buffer.from(value),
  headers: [],
});
const run = (from: number, until: number) => Array.from({ length: until - from }, (_, i) => record(from + i));

const bytes = fc.option(
  fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)),
  { nil: null },
);
const drawnRecords = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 1, max: 5 }),
      timestamp: fc.integer({ min: -1, max: 2 ** 45 }),
      key: bytes,
      value: bytes,
      headers: fc.array(fc.tuple(fc.string({ maxLength: 6 }), bytes), { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((drawn) => {
    let offset = 99;
    return drawn.map(({ gap, ...rest }): EncodedRecord => {
      offset += gap;
      return { ...rest, offset };
    });
  });

describe('crc32c', () => {
  it('returns the check value of the standard', () => {
    expect(crc32c(Buffer.from('123456789'), 0, 9)).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(32), 0, 32)).toBe(0x8a9136aa);
  });
});

describe('the newest timestamp', () => {
  const at = (offset: number, timestamp: number): EncodedRecord => ({ ...record(offset), timestamp });
  const open = (bytes: Buffer, codecs: CodecLookup = codecOf) =>
    RecordBatchReader.open(bytes, {
      topic: 't',
      partition: 3,
      from: 100,
      aborted: [],
      checkCrcs: true,
      codecOf: codecs,
    }) as RecordBatchReader;

  it('is that of the header of a record batch, before any record is unpacked or decoded', () => {
    const batch = encodeBatch([at(100, 70), at(101, 90), at(102, 80)], { codec: 1 }, () => gzipSync('no records'));
    let unpacked = 0;
    const neverUnpacked = () => {
      unpacked++;
      return new Promise<Buffer>(() => {});
    };
    const reader = open(batch, () => ({ name: 'gzip', packageName: 'zlib', decompress: neverUnpacked }));
    expect(reader.newestTimestamp).toBeUndefined();
    void reader.load();
    expect(reader.newestTimestamp).toBe(90);
    expect(unpacked).toBe(1);
  });

  it('never goes back, and a batch without timestamps has none', () => {
    const batches = [encodeBatch([at(100, -1)]), encodeBatch([at(101, 90)]), encodeBatch([at(102, 60)])];
    const reader = open(Buffer.concat(batches));
    const seen: (number | undefined)[] = [];
    while (!reader.done) {
      expect(reader.load()).toBeUndefined();
      seen.push(reader.newestTimestamp);
      reader.read(Infinity, 1, () => {});
    }
    expect(seen).toEqual([undefined, 90, 90]);
  });
});

describe('RecordBatchReader', () => {
  it('reads what was written, whatever it is, packed or not, and in whatever steps', () => {
    fc.assert(
      fc.property(drawnRecords, fc.boolean(), fc.integer({ min: 1, max: 5 }), (records, packed, max) => {
        const batch = packed ? encodeBatch(records, { codec: 1 }, (body) => gzipSync(body)) : encodeBatch(records);
        const read = readAll(batch, { from: 100, max });
        expect(read.errors).toEqual([]);
        expect(read.records).toEqual(records);
        expect(read.reader?.position).toBe((records.at(-1)?.offset ?? 0) + 1);
        expect(readAll(batch, { from: 100, max, keep: true }).records).toEqual(records);
      }),
      propertySettings(),
    );
  });

  it('counts what it holds: the bytes that came, and a batch that it has unpacked', () => {
    const [packed, plain] = [encodeBatch(run(0, 50), { codec: 1 }, (body) => gzipSync(body)), encodeBatch(run(50, 60))];
    const fetched = Buffer.concat([packed, plain]);
    const reader = RecordBatchReader.open(fetched, {
      topic: 't',
      partition: 3,
      from: 0,
      aborted: [],
      checkCrcs: true,
      codecOf,
    });
    expect(reader?.bytesLeft).toBe(fetched.length);
    expect(reader?.load()).toBeUndefined();
    const unpacked = encodeBatch(run(0, 50)).length - 61;
    expect(reader?.bytesLeft).toBe(fetched.length + unpacked);
    reader?.read(51, 100, () => {});
    expect(reader?.bytesLeft).toBe(fetched.length);
    reader?.read(60, 100, () => {});
    expect(reader?.bytesLeft).toBe(0);
  });

  it('begins at the offset asked for, ends at the end of the range, and keeps the rest', () => {
    const both = Buffer.concat([encodeBatch(run(10, 20)), encodeBatch(run(20, 30))]);
    const { records, reader } = readAll(both, { from: 15, until: 22 });
    expect(records.map(({ offset }) => offset)).toEqual([15, 16, 17, 18, 19, 20, 21]);
    expect(reader?.position).toBe(22);
    expect(reader?.end).toBe(30);
    const rest: number[] = [];
    reader?.read(Infinity, 100, ({ offset }) => rest.push(offset));
    expect(rest).toEqual([22, 23, 24, 25, 26, 27, 28, 29]);
    expect(reader?.done).toBe(true);
  });

  it('stops at the end of a range that lies in a gap, and loses nothing', () => {
    const batch = encodeBatch([record(1), record(2), record(9)], { lastOffset: 12 });
    const { records, reader } = readAll(batch, { from: 1, until: 5 });
    expect(records.map(({ offset }) => offset)).toEqual([1, 2]);
    expect(reader?.position).toBe(5);
    const rest: number[] = [];
    reader?.read(20, 100, ({ offset }) => rest.push(offset));
    expect(rest).toEqual([9]);
    expect(reader?.position).toBe(13);
  });

  it('keeps what it goes past, to be gone through again: of any range, and as often as wanted', () => {
    const batches = [encodeBatch(run(0, 5)), encodeBatch(run(5, 20), { codec: 1 }, (body) => gzipSync(body))];
    const log = Buffer.concat([...batches, encodeBatch([record(20), record(29)], { lastOffset: 40 })]);
    const numbers = fc.record({ from: fc.nat(40), length: fc.nat(41), max: fc.integer({ min: 1, max: 9 }) });
    fc.assert(
      fc.property(numbers, ({ from, length, max }) => {
        const range = { from, until: from + length, max };
        const [read, kept] = [readAll(log, range), readAll(log, { ...range, keep: true })];
        expect(kept.records).toEqual(read.records);
        expect(kept.reader?.position).toBe(read.reader?.position);
        // What comes after the range is not lost by that.
        const rests = [read, kept].map(({ reader }) => {
          const rest: number[] = [];
          reader?.read(Infinity, 100, ({ offset }) => rest.push(offset));
          return rest;
        });
        expect(rests[1]).toEqual(rests[0]);
      }),
      propertySettings(),
    );
    const reader = RecordBatchReader.open(log, {
      topic: 't',
      partition: 3,
      from: 3,
      aborted: [],
      checkCrcs: true,
      codecOf,
    });
    const kept = [reader?.retain(4, 9, () => {}), reader?.retain(8, 9, () => {}), reader?.retain(8, 9, () => {})];
    for (let again = 0; again < 2; again++) {
      const offsets = kept.map((some) => {
        const seen: number[] = [];
        some?.read(({ offset }) => seen.push(offset));
        return seen;
      });
      expect(offsets).toEqual([[3], [4], [5, 6, 7]]);
    }
  });

  it('leaves a batch that is cut off for the next fetch, wherever it is cut, but not the first one', () => {
    const first = encodeBatch(run(0, 5));
    const both = Buffer.concat([first, encodeBatch(run(5, 9))]);
    for (let length = 0; length < both.length; length++) {
      const { records, errors, reader } = readAll(both.subarray(0, length));
      expect(records).toHaveLength(length < first.length ? 0 : 5);
      if (length === 0) expect(reader).toBeUndefined();
      else expect(reader?.end).toBe(length < first.length ? 1 : 5);
      if (length === 0 || length >= first.length) expect(errors).toEqual([]);
      else expect(errors).toMatchObject([{ offset: 0, reason: `it does not end within the ${length} bytes received` }]);
    }
  });

  it('always leads past the offset asked for, or fails: the same fetch is never repeated for ever', () => {
    const long = encodeBatch(run(0, 3));
    long.writeInt32BE(50_000_000, 8);
    expect(readAll(long).errors[0]?.reason).toContain('does not end within');
    const early = readAll(encodeBatch(run(0, 3)), { from: 7 });
    expect(early.errors).toMatchObject([{ offset: 7, reason: 'it ends before the offset that was asked for' }]);
    expect(early.reader?.end).toBe(8);
  });

  it('passes over batches that end before the offset asked for, as some servers send them', () => {
    const all = Buffer.concat([encodeBatch(run(0, 2)), encodeBatch(run(2, 4)), encodeBatch(run(4, 9))]);
    const { records, errors, reader } = readAll(all, { from: 6 });
    expect(errors).toEqual([]);
    expect(records.map(({ offset }) => offset)).toEqual([6, 7, 8]);
    expect(reader?.end).toBe(9);
  });

  it('reads what comes before an offset that is too large, and fails there', () => {
    const beyond = encodeBatch(run(3, 5));
    beyond.writeBigInt64BE(2n ** 60n, 0);
    const { records, errors, reader } = readAll(Buffer.concat([encodeBatch(run(0, 3)), beyond]));
    expect(errors).toEqual([]);
    expect(records.map(({ offset }) => offset)).toEqual([0, 1, 2]);
    expect(reader?.end).toBe(3);
    expect(() => readAll(beyond, { from: 3 })).toThrow(OffsetTooLargeError);
  });

  it('returns the append time of the batch where the topic is configured so', () => {
    const { records } = readAll(encodeBatch(run(0, 3), { appendTime: 42 }));
    expect(records.map(({ timestamp }) => timestamp)).toEqual([42, 42, 42]);
  });

  it('passes over control records, and over what aborted transactions wrote', () => {
    const transactional = { transactional: true };
    const log = Buffer.concat([
      encodeBatch(run(0, 2), { ...transactional, producerId: 1 }),
      encodeBatch(run(2, 4), { ...transactional, producerId: 2 }),
      encodeBatch(run(4, 5)),
      encodeBatch([record(5)], { ...transactional, producerId: 1, control: true }),
      encodeBatch([record(6)], { ...transactional, producerId: 2, control: true }),
      encodeBatch(run(7, 9), { ...transactional, producerId: 1 }),
    ]);
    const aborted = [{ producerId: 1n, firstOffset: 0 }];
    const { records, reader } = readAll(log, { aborted });
    expect(records.map(({ offset }) => offset)).toEqual([2, 3, 4, 7, 8]);
    expect(reader?.position).toBe(9);
  });

  it('passes over an empty batch, which compaction leaves', () => {
    const empty = encodeBatch([record(0)], { lastOffset: 3 });
    empty.writeInt32BE(0, 57);
    const without = empty.subarray(0, 61);
    without.writeInt32BE(49, 8);
    without.writeUInt32BE(crc32c(without, 21, 61), 17);
    const { records, reader } = readAll(Buffer.concat([without, encodeBatch(run(4, 6))]));
    expect(records.map(({ offset }) => offset)).toEqual([4, 5]);
    expect(reader?.position).toBe(6);
  });

  it('names topic, partition, offset and reason, and can be taken past the damage', () => {
    const damaged = encodeBatch(run(5, 8));
    damaged[70] = (damaged[70] ?? 0) ^ 1;
    const { records, errors } = readAll(Buffer.concat([encodeBatch(run(0, 5)), damaged, encodeBatch(run(8, 10))]));
    expect(records.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 8, 9]);
    expect(errors).toMatchObject([{ topic: 't', partition: 3, offset: 5 }]);
    expect(errors[0]?.message).toContain('checksum');
  });

  it('refuses formats, lengths and codecs that cannot be', () => {
    const change = (edit: (batch: Buffer) => void) => {
      const batch = encodeBatch(run(0, 3));
      edit(batch);
      batch.writeUInt32BE(crc32c(batch, 21, batch.length), 17);
      return () => readAll(batch).errors.map(({ reason }) => reason);
    };
    expect(change((batch) => batch.writeInt8(1, 16))()).toEqual([
      'its format (magic 1) is not a record batch of version 2',
    ]);
    expect(change((batch) => batch.writeInt32BE(5, 8))()).toEqual(['its length (17) is less than a header']);
    expect(change((batch) => batch.writeInt32BE(-9, 23))()[0]).toContain('cannot be');
    expect(change((batch) => batch.writeInt32BE(2 ** 31 - 1, 57))()).toEqual([
      'its number of records does not fit its offsets',
    ]);
    expect(change((batch) => batch.writeInt16BE(7, 21))()).toEqual([
      'its codec number is 7, which Kafka does not define',
    ]);
    expect(change((batch) => batch.writeInt16BE(2, 21))).toThrow(UnsupportedCodecError);
  });

  it('never hangs, crashes, or returns a wrong record with checksums on, however the bytes are changed', () => {
    const original = [run(0, 4), run(4, 9), run(12, 15)];
    const whole = Buffer.concat([
      encodeBatch(original[0] as EncodedRecord[]),
      encodeBatch(original[1] as EncodedRecord[], { codec: 1 }, (body) => gzipSync(body)),
      encodeBatch(original[2] as EncodedRecord[], { lastOffset: 20 }),
    ]);
    // The checksum covers everything of a record but its offset: Kafka leaves out the base offset.
    const content = ({ timestamp, key, value, headers }: EncodedRecord) =>
      `${timestamp} ${key}=${value} ${headers.length}`;
    const contents = new Set(original.flat().map(content));
    const mutation = fc.oneof(
      fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) }),
      fc.record({ at: fc.nat(whole.length - 1), bit: fc.nat(7) }),
      fc.record({ cut: fc.nat(whole.length) }),
      fc.record({ at: fc.nat(whole.length - 1), zeros: fc.integer({ min: 1, max: 64 }) }),
      fc.record({ at: fc.nat(whole.length - 1), int32: fc.integer() }),
    );
    const cases = Number(process.env.FUZZ_CASES ?? 20_000);
    const { seed } = propertySettings();
    console.log(`fuzz: ${cases} cases`);
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), fc.boolean(), (mutations, checkCrcs) => {
        let mutated = Buffer.from(whole);
        for (const m of mutations) {
          const at = Math.min('at' in m ? m.at : 0, Math.max(mutated.length - 1, 0));
          if ('cut' in m) mutated = mutated.subarray(0, m.cut);
          else if (mutated.length === 0) continue;
          else if ('byte' in m) mutated[at] = m.byte;
          else if ('bit' in m) mutated[at] = (mutated[at] ?? 0) ^ (1 << m.bit);
          else if ('zeros' in m) mutated.fill(0, at, Math.min(at + m.zeros, mutated.length));
          else if (at + 4 <= mutated.length) mutated.writeInt32BE(m.int32, at);
        }
        try {
          const { records, errors, reader } = readAll(mutated, { checkCrcs });
          const kept = readAll(mutated, { checkCrcs, keep: true });
          expect(kept.errors.map(String)).toEqual(errors.map(String));
          // What comes before the damage in the same step is lost with it.
          if (errors.length === 0) expect(kept.records).toEqual(records);
          if (reader) expect(reader.end).toBeGreaterThan(0);
          if (!checkCrcs) return;
          for (const record of records) expect(contents).toContain(content(record));
        } catch (error) {
          if (!(error instanceof DStreamError)) throw error;
        }
      }),
      { numRuns: cases, seed },
    );
  }, 600_000);
});
