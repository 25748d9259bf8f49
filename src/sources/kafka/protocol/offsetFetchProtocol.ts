import { BodyReader } from './bodyReader.js';
import { BodyWriter } from './bodyWriter.js';
import type { TopicPartitions } from './groupByTopic.js';

/** One partition of an OffsetFetch response. */
export interface CommittedPartition {
  readonly topic: string;
  readonly partition: number;
  /** -1 where the group has committed none. */
  readonly offset: number;
  readonly metadata: string;
  readonly errorCode: number;
}

export interface OffsetFetchResponse {
  readonly throttleTime: number;
  readonly errorCode: number;
  readonly partitions: readonly CommittedPartition[];
}

/** The number of tagged fields that follow. */
const noTags = 0;

/**
 * The bytes of an OffsetFetch request, version 7: the first that asks for stable offsets. For a partition whose offsets are part
 * of an open transaction the broker answers with an error.
 */
export function encodeStableOffsetFetch(groupId: string, topics: readonly TopicPartitions<number>[]): Buffer {
  // The header of a flexible version ends with tags, which kafkajs does not write.
  const writer = new BodyWriter().int8(noTags).compactString(groupId).compactCount(topics.length);
  for (const { topic, partitions } of topics) {
    writer.compactString(topic).compactCount(partitions.length);
    for (const partition of partitions) writer.int32(partition);
    writer.int8(noTags);
  }
  const requireStable = 1;
  return writer.int8(requireStable).int8(noTags).bytes;
}

/** Reads the body of an OffsetFetch response, version 7, with the tags of its header. */
export function readOffsetFetchResponse(body: Buffer): OffsetFetchResponse {
  const reader = new BodyReader(body);
  reader.skipTags();
  const throttleTime = reader.int32();
  const partitions: CommittedPartition[] = [];
  for (let topics = reader.compactCount(); topics > 0; topics--) {
    const topic = reader.compactString();
    for (let count = reader.compactCount(); count > 0; count--) partitions.push(readPartition(reader, topic));
    reader.skipTags();
  }
  const errorCode = reader.int16();
  reader.skipTags();
  reader.end();
  return { throttleTime, partitions, errorCode };
}

function readPartition(reader: BodyReader, topic: string): CommittedPartition {
  const partition = reader.int32();
  const offset = reader.offset();
  reader.int32(); // leader epoch
  const metadata = reader.compactString();
  const errorCode = reader.int16();
  reader.skipTags();
  return { topic, partition, offset, metadata, errorCode };
}
