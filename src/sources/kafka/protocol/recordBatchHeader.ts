import { OffsetTooLargeError } from '../../../batch/errors.js';
import type { TopicPartition } from '../../../batch/topicPartition.js';

/** Where the fields of a record batch (magic 2) are, counted from its first byte. */
export const fieldAt = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  count: 57,
  records: 61,
} as const;

/** The bits of the attributes. */
export const attributeMask = { codec: 0x07, appendTime: 0x08, transactional: 0x10, control: 0x20 } as const;

/** Base offset and length, which the length field does not count. */
const uncountedBytes = 12;

/** Bytes of the record batch at `at`, as its length field says. */
export function batchSize(bytes: Buffer, at: number): number {
  return uncountedBytes + bytes.readInt32BE(at + fieldAt.length);
}

/** @throws {OffsetTooLargeError} when the base offset is beyond `Number.MAX_SAFE_INTEGER` */
export function readBaseOffset(bytes: Buffer, at: number, { topic, partition }: TopicPartition): number {
  if (hasTooLargeOffset(bytes, at)) throw tooLargeOffset(bytes, at, { topic, partition });
  return Number(bytes.readBigInt64BE(at + fieldAt.baseOffset));
}

/** The error for a base offset that is beyond `Number.MAX_SAFE_INTEGER`. */
export function tooLargeOffset(bytes: Buffer, at: number, { topic, partition }: TopicPartition): OffsetTooLargeError {
  return new OffsetTooLargeError(topic, partition, String(bytes.readBigInt64BE(at + fieldAt.baseOffset)));
}

/** How many records the batch has that are handed out: none of a control batch, and none where the number cannot be. */
export function recordCount(bytes: Buffer, at: number): number {
  const control = (bytes.readInt16BE(at + fieldAt.attributes) & attributeMask.control) !== 0;
  const most = bytes.readInt32BE(at + fieldAt.lastOffsetDelta) + 1;
  return control ? 0 : Math.min(Math.max(bytes.readInt32BE(at + fieldAt.count), 0), most);
}

export function hasTooLargeOffset(bytes: Buffer, at: number): boolean {
  return bytes.readBigInt64BE(at + fieldAt.baseOffset) > BigInt(Number.MAX_SAFE_INTEGER);
}

/** Why the header cannot be that of a record batch whose predecessor ended at `previousEnd`; `undefined` when it can. */
export function headerFault(
  bytes: Buffer,
  at: number,
  baseOffset: number,
  lastOffset: number,
  previousEnd: number,
): string | undefined {
  const magic = bytes.readInt8(at + fieldAt.magic);
  const size = batchSize(bytes, at);
  if (magic !== 2) return `its format (magic ${magic}) is not a record batch of version 2`;
  if (size < fieldAt.records) return `its length (${size}) is less than a header`;
  if (baseOffset < previousEnd || lastOffset < baseOffset)
    return `its offsets (${baseOffset} to ${lastOffset}) cannot be`;
  return undefined;
}
