import { BodyReader } from './bodyReader.js';
import { BodyWriter } from './bodyWriter.js';
import type { TopicPartitions } from './groupByTopic.js';

/** One partition of an OffsetForLeaderEpoch request. */
export interface EpochQuestion {
  readonly partition: number;
  /** The epoch of the leader as the client knows it, -1 for unknown: a broker that knows another one refuses. */
  readonly currentLeaderEpoch: number;
  /** The epoch whose end is asked for. */
  readonly leaderEpoch: number;
}

/** One partition of an OffsetForLeaderEpoch response. */
export interface EpochEnd {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  /** The newest epoch of the log up to the one that was asked for; -1 where it has none. */
  readonly leaderEpoch: number;
  /** Where that epoch ends: the first offset of the next one, or the end of the log; -1 where it has none. */
  readonly endOffset: number;
}

export interface OffsetForLeaderEpochResponse {
  readonly throttleTime: number;
  readonly partitions: readonly EpochEnd[];
}

/** The bytes of an OffsetForLeaderEpoch request, version 3, of a client that is no replica. */
export function encodeOffsetForLeaderEpoch(topics: readonly TopicPartitions<EpochQuestion>[]): Buffer {
  const replicaId = -1;
  const writer = new BodyWriter().int32(replicaId).int32(topics.length);
  for (const { topic, partitions } of topics) {
    writer.string(topic).int32(partitions.length);
    for (const { partition, currentLeaderEpoch, leaderEpoch } of partitions) {
      writer.int32(partition).int32(currentLeaderEpoch).int32(leaderEpoch);
    }
  }
  return writer.bytes;
}

/** Reads the body of an OffsetForLeaderEpoch response, version 3. */
export function readOffsetForLeaderEpochResponse(body: Buffer): OffsetForLeaderEpochResponse {
  const reader = new BodyReader(body);
  const throttleTime = reader.int32();
  const partitions: EpochEnd[] = [];
  for (let topics = reader.count(); topics > 0; topics--) {
    const topic = reader.string();
    for (let count = reader.count(); count > 0; count--) {
      const errorCode = reader.int16();
      const partition = reader.int32();
      const leaderEpoch = reader.int32();
      partitions.push({ topic, partition, errorCode, leaderEpoch, endOffset: reader.offset() });
    }
  }
  reader.end();
  return { throttleTime, partitions };
}
