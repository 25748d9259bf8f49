import { BodyReader } from './bodyReader.js';
import type { TopicPartitions } from './byTopic.js';
import type { Encoder } from './encoder.js';

/** One partition of an OffsetFetch response. */
export interface CommittedPartition {
  readonly topic: string;
  readonly partition: number;
  /** -1 for none. */
  readonly offset: number;
  readonly metadata: string;
  readonly errorCode: number;
}

export interface OffsetFetchResponse {
  readonly throttleTime: number;
  readonly errorCode: number;
  readonly partitions: readonly CommittedPartition[];
}

/** No fields of later brokers. */
const noTags = 0;

/**
 * Writes an OffsetFetch request, version 7: the first that asks for stable offsets. The broker answers an error for partitions
 * for which a transaction has offsets that are neither committed nor aborted yet.
 */
export function encodeStableOffsetFetch(
  encoder: Encoder,
  groupId: string,
  topics: readonly TopicPartitions<number>[],
): Encoder {
  // The header of a version like this ends with tags, which kafkajs does not know.
  encoder
    .writeInt8(noTags)
    .writeUVarIntString(groupId)
    .writeUVarInt(topics.length + 1);
  for (const { topic, partitions } of topics) {
    encoder.writeUVarIntString(topic).writeUVarInt(partitions.length + 1);
    for (const partition of partitions) encoder.writeInt32(partition);
    encoder.writeInt8(noTags);
  }
  return encoder.writeInt8(1).writeInt8(noTags);
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
  return { throttleTime, partitions, errorCode: reader.int16() };
}

function readPartition(reader: BodyReader, topic: string): CommittedPartition {
  const partition = reader.int32();
  const offset = Number(reader.int64());
  reader.int32(); // leader epoch
  const metadata = reader.compactString();
  const errorCode = reader.int16();
  reader.skipTags();
  return { topic, partition, offset, metadata, errorCode };
}
