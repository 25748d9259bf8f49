import { crc32c } from '../../src/sources/kafka/protocol/crc32c.js';

/** A record as the encoder takes it. */
export interface EncodedRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [key: string, value: Buffer | null])[];
}

export interface BatchAttributes {
  readonly codec?: number;
  readonly appendTime?: number;
  readonly producerId?: number;
  readonly transactional?: boolean;
  readonly control?: boolean;
  /** The last offset, when records at the end were compacted away. */
  readonly lastOffset?: number;
}

function varint(value: number): number[] {
  let zigzag = BigInt(value) >= 0n ? BigInt(value) * 2n : -BigInt(value) * 2n - 1n;
  const bytes: number[] = [];
  while (zigzag > 127n) {
    bytes.push(Number(zigzag & 127n) | 128);
    zigzag >>= 7n;
  }
  bytes.push(Number(zigzag));
  return bytes;
}

function sized(bytes: Buffer | null): Buffer {
  return bytes === null ? Buffer.from(varint(-1)) : Buffer.concat([Buffer.from(varint(bytes.length)), bytes]);
}

function encodeRecord(record: EncodedRecord, base: EncodedRecord): Buffer {
  const body = Buffer.concat([
    Buffer.from([0, ...varint(record.timestamp - base.timestamp), ...varint(record.offset - base.offset)]),
    sized(record.key),
    sized(record.value),
    Buffer.from(varint(record.headers.length)),
    ...record.headers.flatMap(([key, value]) => [sized(Buffer.from(key)), sized(value)]),
  ]);
  return Buffer.concat([Buffer.from(varint(body.length)), body]);
}

/** A record batch of magic 2, written from Kafka's description of the format and not from our reader. */
export function encodeBatch(
  records: readonly EncodedRecord[],
  attributes: BatchAttributes = {},
  pack = (b: Buffer) => b,
): Buffer {
  const base = records[0] as EncodedRecord;
  const last = records.at(-1) as EncodedRecord;
  const body = pack(Buffer.concat(records.map((record) => encodeRecord(record, base))));
  const batch = Buffer.alloc(61 + body.length);
  const { codec = 0, appendTime, producerId = -1, transactional = false, control = false } = attributes;
  batch.writeBigInt64BE(BigInt(base.offset), 0);
  batch.writeInt32BE(49 + body.length, 8);
  batch.writeInt8(2, 16);
  batch.writeInt16BE(codec | (appendTime === undefined ? 0 : 8) | (transactional ? 16 : 0) | (control ? 32 : 0), 21);
  batch.writeInt32BE((attributes.lastOffset ?? last.offset) - base.offset, 23);
  batch.writeBigInt64BE(BigInt(base.timestamp), 27);
  batch.writeBigInt64BE(BigInt(appendTime ?? Math.max(...records.map(({ timestamp }) => timestamp))), 35);
  batch.writeBigInt64BE(BigInt(producerId), 43);
  batch.writeInt32BE(records.length, 57);
  body.copy(batch, 61);
  batch.writeUInt32BE(crc32c(batch, 21, batch.length), 17);
  return batch;
}
