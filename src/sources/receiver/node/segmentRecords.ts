import { deserialize, serialize } from 'node:v8';
import { InvalidRecordError } from '../../../batch/errors.js';
import type { FinishedSegment, SegmentFormat } from '../../../storage/segmentFormat.js';
import { stateFromBytes, stateToBytes } from '../../../storage/stateBytes.js';
import type { Block } from '../writeAheadLog.js';

// The payloads in a segment of a write-ahead log, each in a frame of `recordFrame`:
//
//     begin    type 0 (1) | what comes before the segment; always the first
//     block    type 1 (1) | offset of its first record (8) | count of records (4) | records
//
// Numbers are big endian. Records are a list, as V8 writes what the structured clone algorithm can copy: for lists that is
// faster than JSON. What comes before is JSON.

/** An earlier segment. */
export interface BlockSegment extends FinishedSegment {
  /** Offset of the first record that may be in it. */
  readonly from: number;
}

export interface BlockSegmentBegin {
  /** Offset of the first record that may be in this segment. */
  readonly from: number;
  /** The segments that counted when it was begun, oldest first. */
  readonly before: readonly BlockSegment[];
}

const beginType = 0;
const blockType = 1;
const blockHeadBytes = 13;

export const blockSegmentFormat: SegmentFormat<BlockSegment, BlockSegmentBegin> = {
  prefix: 'segment',
  encode: ({ from, before }) => Buffer.concat([Buffer.from([beginType]), stateToBytes({ from, before })]),
  decode(payload) {
    if (payload[0] !== beginType) return undefined;
    const bytes = payload.subarray(1);
    return stateFromBytes(bytes, bytes.length) as BlockSegmentBegin;
  },
  finish: ({ from }, number, end) => ({ number, from, end }),
};

/** @throws {InvalidRecordError} when a record cannot be written */
export function blockToBytes({ from, records }: Block<unknown>): Buffer {
  const head = Buffer.alloc(blockHeadBytes);
  head[0] = blockType;
  head.writeBigUInt64BE(BigInt(from), 1);
  head.writeUInt32BE(records.length, 9);
  return Buffer.concat([head, recordsToBytes(records)]);
}

/** A block whose records are decoded on demand. */
export interface WrittenBlock {
  readonly from: number;
  readonly until: number;
  read(): Block<unknown>;
}

/** Returns `undefined` when the payload is another kind of record. */
export function blockFromBytes(payload: Buffer): WrittenBlock | undefined {
  if (payload.length < blockHeadBytes || payload[0] !== blockType) return undefined;
  const from = Number(payload.readBigUInt64BE(1));
  const until = from + payload.readUInt32BE(9);
  return { from, until, read: () => ({ from, records: deserialize(payload.subarray(blockHeadBytes)) }) };
}

function recordsToBytes(records: readonly unknown[]): Buffer {
  try {
    return serialize(records);
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
