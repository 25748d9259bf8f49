import { deserialize, serialize } from 'node:v8';
import { InvalidRecordError } from '../../../batch/errors.js';
import { stateFromBytes, stateToBytes } from '../../../storage/stateBytes.js';
import type { Block } from '../block.js';

// The payloads in a segment of a write-ahead log, each in a frame of `recordFrame`:
//
//     begin    type 0 (1) | what comes before the segment; always the first
//     block    type 1 (1) | offset of its first record (8) | count of records (4) | records
//
// Numbers are big endian. Records are a list, as V8 writes what the structured clone algorithm can copy: of lists that is
// quicker than JSON. What comes before is JSON.

/** An earlier segment. */
export interface SegmentEnd {
  readonly number: number;
  /** Offset of the first record that may be in it. */
  readonly from: number;
  /** Where it ends, in bytes. */
  readonly end: number;
}

export interface SegmentBegin {
  /** Offset of the first record that may be in this segment. */
  readonly from: number;
  /** The segments that counted when it was begun, oldest first. */
  readonly before: readonly SegmentEnd[];
}

const beginType = 0;
const blockType = 1;
const blockHead = 13;

export function beginToBytes(begin: SegmentBegin): Buffer {
  return Buffer.concat([Buffer.from([beginType]), stateToBytes(begin)]);
}

/** `undefined` when it is no begin. */
export function beginFromBytes(payload: Buffer): SegmentBegin | undefined {
  if (payload[0] !== beginType) return undefined;
  const bytes = payload.subarray(1);
  return stateFromBytes(bytes, bytes.length) as SegmentBegin;
}

/** @throws {InvalidRecordError} when a record cannot be written */
export function blockToBytes({ from, records }: Block<unknown>): Buffer {
  const head = Buffer.alloc(blockHead);
  head[0] = blockType;
  head.writeBigUInt64BE(BigInt(from), 1);
  head.writeUInt32BE(records.length, 9);
  return Buffer.concat([head, recordsToBytes(records)]);
}

/** A block whose records are read when they are asked for; `undefined` when it is none. */
export interface WrittenBlock {
  readonly from: number;
  readonly until: number;
  read(): Block<unknown>;
}

export function blockFromBytes(payload: Buffer): WrittenBlock | undefined {
  if (payload.length < blockHead || payload[0] !== blockType) return undefined;
  const from = Number(payload.readBigUInt64BE(1));
  const until = from + payload.readUInt32BE(9);
  return { from, until, read: () => ({ from, records: deserialize(payload.subarray(blockHead)) }) };
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
