import { DefaultSerializer, deserialize, serialize } from 'node:v8';
import { InvalidRecordError } from '../../../batch/errors.js';
import { numbersOf } from '../../../storage/segmentFiles.js';
import type { FinishedSegment, SegmentFormat } from '../../../storage/segmentFormat.js';
import { stateFromBytes, stateToBytes } from '../../../storage/stateBytes.js';
import type { Block, BlockPositions } from '../writeAheadLog.js';

// The payloads in a segment of a write-ahead log, each in a frame of `recordFrame`:
//
//     begin    type 0 (1) | what comes before the segment; always the first
//     block    type 1 (1) | offset of its first record (8) | count of records (4) | records
//     block    type 2 (1) | offset of its first record (8) | count of records (4) | time (8) | records
//     block    type 3 (1) | offset of its first record (8) | count of records (4) | time (8) | length (4) | positions | records
//
// Numbers are big endian; the time, when the last record arrived, is a floating point number of ms. Records are a list, as V8 writes what
// the structured clone algorithm can copy: for lists that is faster than JSON. What comes before, and the positions, are JSON.

/** An earlier segment. */
export interface BlockSegment extends FinishedSegment {
  /** Offset of the first record that may be in it. */
  readonly from: number;
}

/** How the records of a block are encoded. */
export interface BlockCodec {
  /** Names the codec in the files: what another one has written is refused. */
  readonly name: string;
  /** Encodes records. Must fail for those that `decode` would not return as they are. */
  encode(records: readonly unknown[]): Uint8Array;
  /** Decodes what `encode` has returned. */
  decode(bytes: Uint8Array): readonly unknown[];
}

export interface BlockSegmentBegin {
  /** Offset of the first record that may be in this segment. */
  readonly from: number;
  /** The segments that counted when it was begun, oldest first. */
  readonly before: readonly BlockSegment[];
  /** The name of the codec; `undefined` for the default one. */
  readonly codec?: string | undefined;
}

const beginType = 0;
const blockType = 1;
const timedBlockType = 2;
const placedBlockType = 3;
const blockHeadBytes = 13;
const timedHeadBytes = 21;
const placedHeadBytes = 25;
const headBytesOf: Readonly<Record<number, number>> = {
  [blockType]: blockHeadBytes,
  [timedBlockType]: timedHeadBytes,
  [placedBlockType]: placedHeadBytes,
};

export const blockSegmentFormat: SegmentFormat<BlockSegment, BlockSegmentBegin> = {
  prefix: 'segment',
  encode: ({ from, before, codec }) => {
    const begin = { from, before, ...(codec !== undefined && { codec }) };
    return Buffer.concat([Buffer.from([beginType]), stateToBytes(begin)]);
  },
  decode(payload) {
    if (payload[0] !== beginType) return undefined;
    const bytes = payload.subarray(1);
    return stateFromBytes(bytes, bytes.length) as BlockSegmentBegin;
  },
  finish: ({ from }, number, end) => ({ number, from, end }),
};

/** The names of segments, among those in a directory. */
export function segmentNames(names: readonly string[]): readonly string[] {
  const { prefix } = blockSegmentFormat;
  return numbersOf(names, prefix).map((number) => `${prefix}-${number}`);
}

/** @throws {InvalidRecordError} when a record cannot be written */
export function blockToBytes({ from, records, time, positions }: Block<unknown>, codec?: BlockCodec): Buffer {
  const last = positions?.at(-1);
  const placed = last !== undefined && time !== undefined;
  const timed = placed ? placedBlockType : timedBlockType;
  const head = Buffer.alloc(time === undefined ? blockHeadBytes : placed ? placedHeadBytes : timedHeadBytes);
  head[0] = time === undefined ? blockType : timed;
  head.writeBigUInt64BE(BigInt(from), 1);
  head.writeUInt32BE(records.length, 9);
  if (time !== undefined) head.writeDoubleBE(time, blockHeadBytes);
  const places = placed ? Buffer.from(JSON.stringify(last)) : Buffer.alloc(0);
  if (placed) head.writeUInt32BE(places.length, timedHeadBytes);
  return codec ? Buffer.concat([head, places, codec.encode(records)]) : withRecords([head, places], records);
}

/** A block whose records are decoded on demand. */
export interface WrittenBlock {
  readonly from: number;
  readonly until: number;
  readonly time?: number | undefined;
  readonly positions?: readonly BlockPositions[] | undefined;
  read(): Block<unknown>;
}

/** Returns `undefined` when the payload is another kind of record. */
export function blockFromBytes(payload: Buffer, codec?: BlockCodec): WrittenBlock | undefined {
  const type = payload[0] ?? beginType;
  const headBytes = headBytesOf[type];
  if (headBytes === undefined || payload.length < headBytes) return undefined;
  const from = Number(payload.readBigUInt64BE(1));
  const until = from + payload.readUInt32BE(9);
  const time = type === blockType ? {} : { time: payload.readDoubleBE(blockHeadBytes) };
  const begin = headBytes + (type === placedBlockType ? payload.readUInt32BE(timedHeadBytes) : 0);
  const places = type === placedBlockType ? { positions: [positionsFrom(payload.subarray(headBytes, begin))] } : {};
  const decode = codec ? (bytes: Buffer) => codec.decode(bytes) : recordsFrom;
  const read = () => ({ from, ...time, ...places, records: decode(payload.subarray(begin)) });
  return { from, until, ...time, ...places, read };
}

function positionsFrom(bytes: Buffer): BlockPositions {
  return JSON.parse(bytes.toString()) as BlockPositions;
}

/**
 * A deserializer keeps the objects that it has made for as long as it lives, and it lives until the garbage collector has found it: so the
 * records of a block, which were often done with, were all copied once by it. It keeps an empty list now.
 */
function recordsFrom(bytes: Buffer): readonly unknown[] {
  const list = deserialize(bytes) as unknown[];
  const records = list.slice();
  list.length = 0;
  return records;
}

/** The serializer writes behind what comes before: a group of records is large, and is not to be copied. */
function withRecords(before: readonly Buffer[], records: readonly unknown[]): Buffer {
  const serializer = new DefaultSerializer();
  for (const bytes of before) if (bytes.length > 0) serializer.writeRawBytes(bytes);
  try {
    serializer.writeHeader();
    serializer.writeValue(records);
    return serializer.releaseBuffer();
  } catch (error) {
    const culprit = records.findIndex((record) => !isWritable(record));
    if (culprit < 0) throw error;
    const rule = `cannot be written, as the structured clone algorithm cannot copy it: ${(error as Error).message}`;
    throw new InvalidRecordError('fileWriteAheadLog', records[culprit], rule);
  }
}

function isWritable(record: unknown): boolean {
  try {
    serialize(record);
    return true;
  } catch {
    return false;
  }
}
