import { BodyReader } from './bodyReader.js';
import { BodyWriter } from './bodyWriter.js';
import { type IsolationLevel, isolationLevels } from './fetchProtocol.js';
import type { TopicPartitions } from './groupByTopic.js';

/** One partition of a ListOffsets response. */
export interface ListedOffset {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  /** -1 where no record is as new as the timestamp that was asked for. */
  readonly offset: number;
  /** The leader epoch of the record at the offset, or before it; -1 where it is not known. */
  readonly leaderEpoch: number;
}

export interface ListOffsetsResponse {
  readonly throttleTime: number;
  readonly partitions: readonly ListedOffset[];
}

/** What a ListOffsets request asks: a timestamp in ms, -1 for the end of a partition, -2 for its beginning. */
export interface ListOffsetsCall {
  readonly topics: readonly TopicPartitions<number>[];
  readonly timestamp: number;
  readonly isolationLevel: IsolationLevel;
}

/** The bytes of a ListOffsets request, version 5. */
export function encodeListOffsetsRequest({ topics, timestamp, isolationLevel }: ListOffsetsCall): Buffer {
  const [replicaId, anyLeaderEpoch] = [-1, -1];
  const writer = new BodyWriter().int32(replicaId).int8(isolationLevels[isolationLevel]).int32(topics.length);
  for (const { topic, partitions } of topics) {
    writer.string(topic).int32(partitions.length);
    for (const partition of partitions) writer.int32(partition).int32(anyLeaderEpoch).int64(timestamp);
  }
  return writer.bytes;
}

/** Reads the body of a ListOffsets response, version 5. */
export function readListOffsetsResponse(body: Buffer): ListOffsetsResponse {
  const reader = new BodyReader(body);
  const throttleTime = reader.int32();
  const partitions: ListedOffset[] = [];
  for (let topics = reader.count(); topics > 0; topics--) {
    const topic = reader.string();
    for (let count = reader.count(); count > 0; count--) partitions.push(readPartition(reader, topic));
  }
  reader.end();
  return { throttleTime, partitions };
}

function readPartition(reader: BodyReader, topic: string): ListedOffset {
  const partition = reader.int32();
  const errorCode = reader.int16();
  reader.int64(); // the timestamp of the record
  const offset = reader.offset();
  const leaderEpoch = reader.int32();
  return { topic, partition, errorCode, offset, leaderEpoch };
}
