import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { compress as compressZstd, decompress as decompressZstd, init } from '@bokuweb/zstd-wasm';
import { type BatchInfo, foreachBatch, logBatches } from 'dstream';
import fc from 'fast-check';
import { compressFrame, decompressFrame } from 'lz4-napi';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { codecOf } from '../../../../src/sources/kafka/kafkajs/codecs.js';
import { RecordBatchReader } from '../../../../src/sources/kafka/protocol/recordBatchReader.js';
import { maxUnpackedBytes, unpackedBound } from '../../../../src/sources/kafka/protocol/unpackedBound.js';
import { propertySettings } from '../../../property/settings.js';
import { encodedLog } from '../../../support/encodedLog.js';
import { encodeBatch } from '../../../support/recordBatch.js';
import { virtual } from '../../../support/virtual.js';

interface SnappyCodec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Uint8Array>;
  decompress(bytes: Buffer): Promise<Uint8Array>;
}
const snappy = (createRequire(import.meta.url)('kafkajs-snappy') as () => SnappyCodec)();
const compressSnappy = async (buffer: Buffer) => Buffer.from(await snappy.compress({ buffer }));

beforeAll(() => init());

const uint32 = (value: number, bigEndian = false) => {
  const bytes = Buffer.alloc(4);
  if (bigEndian) bytes.writeUInt32BE(value);
  else bytes.writeUInt32LE(value);
  return bytes;
};
const varint = (value: number): Buffer =>
  value < 128
    ? Buffer.from([value])
    : Buffer.concat([Buffer.from([(value % 128) | 128]), varint(Math.floor(value / 128))]);
const xerial = (...blocks: readonly Buffer[]) => {
  const header = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
  return Buffer.concat([header, ...blocks.flatMap((block) => [uint32(block.length, true), block])]);
};
/** A gzip member that says, at its end, that it unpacks to 600 MiB. */
const gzipBomb = () => Buffer.concat([gzipSync('a').subarray(0, -4), uint32(600 * 1024 * 1024)]);
/** A snappy block of one letter, repeated: a literal, and copies of 64 bytes. */
const snappyRun = (copies: number) => {
  const body = Buffer.alloc(2 + copies * 3, Buffer.from([(63 << 2) | 2, 1, 0]));
  return Buffer.concat([varint(1 + copies * 64), Buffer.from([0, 97]), body.subarray(0, copies * 3)]);
};
/** An LZ4 frame of blocks of 4 MiB, each one letter, repeated. */
const lz4Run = (blocks: number) => {
  const length = 4 * 1024 * 1024;
  const rest = length - 1 - 19 - 5;
  const extension = Buffer.concat([Buffer.alloc(Math.floor(rest / 255), 255), Buffer.from([rest % 255])]);
  const block = Buffer.concat([Buffer.from([0x1f, 97, 1, 0]), extension, Buffer.from([0x50, 97, 97, 97, 97, 97])]);
  const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73]);
  const all = Array.from({ length: blocks }, () => [uint32(block.length), block]).flat();
  return Buffer.concat([header, ...all, uint32(0)]);
};
/** A zstd frame without a declared size, of blocks of 128 KiB, each one letter, repeated. */
const zstdRun = (blocks: number) => {
  const block = (last: number) => Buffer.from([...uint32((131_072 << 3) | 2 | last).subarray(0, 3), 97]);
  const all = Array.from({ length: blocks }, (_, i) => block(i === blocks - 1 ? 1 : 0));
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x38]), ...all]);
};
/** A zstd frame of one byte that declares another size. */
const zstdLie = (declared: bigint) => {
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(declared);
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0]), size, Buffer.from([9, 0, 0, 97])]);
};

const bombs: readonly (readonly [string, codec: number, () => Buffer, reason: RegExp])[] = [
  ['gzip that unpacks to 600 MiB', 1, () => gzipBomb(), /may unpack to 629145600 bytes/],
  [
    'snappy that declares 3.8 GB',
    2,
    () => Buffer.concat([varint(4_000_000_000), Buffer.from([0, 0])]),
    /declares 4000000000/,
  ],
  [
    'a snappy block that declares 2 GB',
    2,
    () => xerial(Buffer.concat([varint(2e9), Buffer.from([0, 0])])),
    /declares 2000000000/,
  ],
  [
    'snappy blocks that unpack to 640 MB',
    2,
    () => xerial(...Array<Buffer>(10).fill(snappyRun(1_000_000))),
    /may unpack to 640000010/,
  ],
  ['lz4 that unpacks to 700 MiB', 3, () => lz4Run(175), /may unpack to \d{9} bytes/],
  ['zstd of 22 KB that unpacks to 700 MiB', 4, () => zstdRun(5_600), /may unpack to 734003200 bytes/],
  ['zstd that declares 8 EiB', 4, () => zstdLie(2n ** 63n), /declares 9223372036854776000/],
];

describe('unpackedBound', () => {
  const compress: Readonly<Record<string, (bytes: Buffer) => Buffer | Promise<Buffer>>> = {
    gzip: (bytes) => gzipSync(bytes),
    snappy: compressSnappy,
    xerial: async (bytes) => xerial(await compressSnappy(bytes), await compressSnappy(bytes)),
    lz4: (bytes) => compressFrame(bytes),
    zstd: (bytes) => Buffer.from(compressZstd(bytes)),
  };
  it.each(Object.keys(compress))('is at least the real size, and not much more: %s', async (name) => {
    const codec = name === 'xerial' ? 'snappy' : name;
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 3_000 }).map((some) => Buffer.from(some)),
      fc.tuple(fc.integer({ min: 1, max: 400_000 }), fc.nat(255)).map(([length, byte]) => Buffer.alloc(length, byte)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (original) => {
        const packed = (await (compress[name] as (bytes: Buffer) => Buffer | Promise<Buffer>)(original)) as Buffer;
        const size = original.length * (name === 'xerial' ? 2 : 1);
        const bound = unpackedBound(codec, packed);
        expect(bound).toBeGreaterThanOrEqual(size);
        // One block of the largest size may be counted for its last few bytes.
        expect(bound).toBeLessThanOrEqual(size + 4 * 1024 * 1024);
      }),
      propertySettings(300),
    );
  });

  it('is tested on frames that decoders accept', async () => {
    const isRun = (bytes: Uint8Array, length: number) => Buffer.alloc(length, 'a').equals(bytes);
    expect(isRun(await snappy.decompress(snappyRun(1_000)), 64_001)).toBe(true);
    expect(isRun(await decompressFrame(lz4Run(2)), 8 * 1024 * 1024)).toBe(true);
    expect(isRun(decompressZstd(zstdRun(3)), 3 * 131_072)).toBe(true);
    expect(unpackedBound('snappy', snappyRun(1_000))).toBe(64_001);
    expect(unpackedBound('lz4', lz4Run(2))).toBe(8 * 1024 * 1024);
    expect(unpackedBound('zstd', zstdRun(3))).toBe(3 * 131_072);
  });

  it('says what is wrong with bytes that are cut off, or of another format', () => {
    for (const [, , make] of [bombs[4], bombs[5]] as (typeof bombs)[number][]) {
      const packed = make().subarray(0, 5_000);
      expect(() => unpackedBound(packed[0] === 4 ? 'lz4' : 'zstd', packed)).toThrow('bytes are cut off');
    }
    expect(() => unpackedBound('lz4', Buffer.from('plainly no frame'))).toThrow('its bytes are not an lz4 frame');
    expect(() => unpackedBound('zstd', Buffer.from('plainly no frame'))).toThrow('its bytes are not a zstd frame');
    expect(() => unpackedBound('snappy', Buffer.alloc(9, 0xff))).toThrow('does not end');
    expect(() => unpackedBound('gzip', Buffer.alloc(2))).toThrow('its gzip bytes are cut off');
  });
});

/** With the decoder that a stream has. */
function loadGzip(packed: Buffer): unknown {
  const record = { offset: 0, timestamp: 0, key: null, value: null, headers: [] };
  const bytes = encodeBatch([record], { codec: 1 }, () => packed);
  const options = { topic: 't', partition: 0, from: 0, aborted: [], checkCrcs: true };
  return RecordBatchReader.open(bytes, { ...options, codecOf })?.load();
}

describe('a record batch that unpacks to more than 512 MiB', () => {
  it.each(bombs)('is malformed before its decoder is called: %s', (_, id, make, reason) => {
    const record = { offset: 0, timestamp: 0, key: null, value: null, headers: [] };
    const bytes = encodeBatch([record], { codec: id }, make);
    const decompress = vi.fn(() => Buffer.alloc(0));
    const name = ['none', 'gzip', 'snappy', 'lz4', 'zstd'][id] as string;
    const options = { topic: 't', partition: 0, from: 0, aborted: [], checkCrcs: true };
    const reader = RecordBatchReader.open(bytes, {
      ...options,
      codecOf: () => ({ name, packageName: '', decompress }),
    });
    expect(() => reader?.load()).toThrow(reason);
    expect(decompress).not.toHaveBeenCalled();
    expect(bytes.length).toBeLessThan(40_000_000);
    expect(maxUnpackedBytes).toBe(512 * 1024 * 1024);
  });

  it('is malformed as soon as gzip has unpacked that much, where the size at its end lies', () => {
    // The size at the end is that of the last member.
    const member = gzipSync(Buffer.alloc(64 * 1024 * 1024), { level: 1 });
    const packed = Buffer.concat([...Array<Buffer>(16).fill(member), gzipSync('a')]);
    expect(unpackedBound('gzip', packed)).toBe(1);
    expect(() => loadGzip(packed)).toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ code: 'ERR_BUFFER_TOO_LARGE' }) }),
    );
  });

  it('is not needed for gzip with a size at its end that is not its own to be malformed', () => {
    const packed = Buffer.concat([gzipSync(Buffer.alloc(100_000)).subarray(0, -4), uint32(1)]);
    expect(() => loadGzip(packed)).toThrow(/incorrect length check/);
  });

  it('is skipped under the policy for malformed records, and the records around it are read', () => {
    const record = (offset: number) => ({
      ...{ offset, timestamp: 0, key: null, value: Buffer.from(`v${offset}`), headers: [] },
    });
    const bomb = encodeBatch([record(1)], { codec: 1 }, (bombs[0] as (typeof bombs)[number])[2]);
    const batches = [encodeBatch([record(0)]), bomb, encodeBatch([record(2)])];
    const infos: BatchInfo[] = [];
    const seen: unknown[] = [];
    virtual((scheduler) => {
      const stream = logBatches(encodedLog('t', [{ batches, latest: 3 }]), {
        ...{ topics: ['t'], start: 'earliest', interval: 10, deserialize: (view) => view.valueText() },
        ...{ invalidRecords: 'skip', batchObserver: { next: (info) => infos.push(info) } },
      });
      stream.pipe(foreachBatch((records) => void seen.push(...records))).subscribe();
      scheduler.schedule(() => void stream.stop(), 25);
    });
    expect(seen).toEqual(['v0', 'v2']);
    expect(infos.map(({ inputs }) => inputs.log?.skipped ?? 0)).toContain(1);
  });
});
