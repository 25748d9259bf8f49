import { BodyReader } from './bodyReader.js';
import { BodyWriter } from './bodyWriter.js';
import type { TopicPartitions } from './groupByTopic.js';
import type { MemberIdentity } from './membershipProtocol.js';
import type { CommitResult, OffsetCommitResponse, PartitionToCommit } from './offsetCommitProtocol.js';

/** Who adds offsets of a group to a transaction. */
export interface TransactionIdentity {
  readonly transactionalId: string;
  readonly producerId: bigint | number;
  readonly producerEpoch: number;
}

/** The number of tagged fields that follow. */
const noTags = 0;
const unknownEpoch = -1;

/**
 * The bytes of a TxnOffsetCommit request, version 3: the first that says which member of the group commits, in which generation. A broker
 * refuses one that it has removed, where earlier versions let it set offsets back.
 *
 * Source: Kafka's KIP-447.
 */
export function encodeTxnOffsetCommit(
  { transactionalId, producerId, producerEpoch }: TransactionIdentity,
  { groupId, generation, memberId, instanceId }: MemberIdentity,
  topics: readonly TopicPartitions<PartitionToCommit>[],
): Buffer {
  // The header of a flexible version ends with tags, which kafkajs does not write.
  const writer = new BodyWriter()
    .int8(noTags)
    .compactString(transactionalId)
    .compactString(groupId)
    .int64(producerId)
    .int16(producerEpoch)
    .int32(generation)
    .compactString(memberId)
    .compactNullableString(instanceId)
    .compactCount(topics.length);
  for (const { topic, partitions } of topics) {
    writer.compactString(topic).compactCount(partitions.length);
    for (const { partition, offset, metadata } of partitions) {
      writer.int32(partition).int64(offset).int32(unknownEpoch).compactString(metadata).int8(noTags);
    }
    writer.int8(noTags);
  }
  return writer.int8(noTags).bytes;
}

/** Reads the body of a TxnOffsetCommit response, version 3, with the tags of its header. */
export function readTxnOffsetCommitResponse(body: Buffer): OffsetCommitResponse {
  const reader = new BodyReader(body);
  reader.skipTags();
  const throttleTime = reader.int32();
  const partitions: CommitResult[] = [];
  for (let topics = reader.compactCount(); topics > 0; topics--) {
    const topic = reader.compactString();
    for (let count = reader.compactCount(); count > 0; count--) {
      const partition = reader.int32();
      partitions.push({ topic, partition, errorCode: reader.int16() });
      reader.skipTags();
    }
    reader.skipTags();
  }
  reader.skipTags();
  reader.end();
  return { throttleTime, partitions };
}
