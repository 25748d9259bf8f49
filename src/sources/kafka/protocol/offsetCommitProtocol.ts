import { BodyReader } from './bodyReader.js';
import { BodyWriter } from './bodyWriter.js';
import type { TopicPartitions } from './groupByTopic.js';
import type { MemberIdentity } from './membershipProtocol.js';

/** An offset to be committed, with the text that is kept beside it. */
export interface PartitionToCommit {
  readonly partition: number;
  readonly offset: number;
  readonly metadata: string;
}

/** One partition of an OffsetCommit response. */
export interface CommitResult {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
}

export interface OffsetCommitResponse {
  readonly throttleTime: number;
  readonly partitions: readonly CommitResult[];
}

/** How a client that is no member of the group names itself: accepted as long as the group has no members. */
const noGeneration = -1;
const unknownEpoch = -1;

/** The bytes of an OffsetCommit request, version 7: of a member of the group, or of a client outside of it. */
export function encodeOffsetCommit(
  groupId: string,
  member: MemberIdentity | undefined,
  topics: readonly TopicPartitions<PartitionToCommit>[],
): Buffer {
  const writer = new BodyWriter()
    .string(groupId)
    .int32(member?.generation ?? noGeneration)
    .string(member?.memberId ?? '')
    .nullableString(member?.instanceId)
    .int32(topics.length);
  for (const { topic, partitions } of topics) {
    writer.string(topic).int32(partitions.length);
    for (const { partition, offset, metadata } of partitions) {
      writer.int32(partition).int64(offset).int32(unknownEpoch).string(metadata);
    }
  }
  return writer.bytes;
}

/** Reads the body of an OffsetCommit response, version 7. */
export function readOffsetCommitResponse(body: Buffer): OffsetCommitResponse {
  const reader = new BodyReader(body);
  const throttleTime = reader.int32();
  const partitions: CommitResult[] = [];
  for (let topics = reader.count(); topics > 0; topics--) {
    const topic = reader.string();
    for (let count = reader.count(); count > 0; count--) {
      const partition = reader.int32();
      partitions.push({ topic, partition, errorCode: reader.int16() });
    }
  }
  reader.end();
  return { throttleTime, partitions };
}
