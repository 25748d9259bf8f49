import { BodyReader } from './bodyReader.js';
import type { AbortedTransaction } from './recordBatchReader.js';

/** One partition of a Fetch request. */
export interface FetchPartition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly maxBytes: number;
}

/** One partition of a Fetch response. Offsets are as sent; `records` points into the received bytes. */
export interface FetchResponsePartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly lastStableOffset: bigint;
  readonly logStartOffset: bigint;
  readonly aborted: readonly AbortedTransaction[];
  readonly records: Buffer;
}

export interface FetchResponse {
  readonly throttleTime: number;
  readonly errorCode: number;
  readonly partitions: readonly FetchResponsePartition[];
}

/** Reads the body of a Fetch response, version 11, without copying the records. */
export function readFetchResponse(body: Buffer): FetchResponse {
  const reader = new BodyReader(body);
  const throttleTime = reader.int32();
  const errorCode = reader.int16();
  reader.int32(); // session id: no fetch session is used
  const partitions: FetchResponsePartition[] = [];
  for (let topics = reader.count(); topics > 0; topics--) {
    const topic = reader.string();
    for (let count = reader.count(); count > 0; count--) partitions.push(readPartition(reader, topic));
  }
  return { throttleTime, errorCode, partitions };
}

function readPartition(reader: BodyReader, topic: string): FetchResponsePartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64();
  const lastStableOffset = reader.int64();
  const logStartOffset = reader.int64();
  const aborted: AbortedTransaction[] = [];
  for (let count = reader.count(); count > 0; count--) {
    aborted.push({ producerId: reader.int64(), firstOffset: Number(reader.int64()) });
  }
  reader.int32(); // preferred read replica: reading goes to the leader
  const records = reader.bytes();
  return { topic, partition, errorCode, highWatermark, lastStableOffset, logStartOffset, aborted, records };
}
