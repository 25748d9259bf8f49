import type { AbortedTransaction } from './abortedTransactions.js';
import { BodyReader } from './bodyReader.js';
import { BodyWriter } from './bodyWriter.js';
import { groupByTopic } from './groupByTopic.js';

/** One partition of a Fetch request. */
export interface FetchPartition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly maxBytes: number;
  /** The epoch of the leader as the client knows it: a broker that knows another one refuses. Default: any. */
  readonly currentLeaderEpoch?: number | undefined;
  /** The id of the topic, for the version that has ids. */
  readonly topicId?: string | undefined;
}

/** What one Fetch request asks of a broker. */
export interface FetchCall {
  readonly partitions: readonly FetchPartition[];
  /** How long the broker may wait for records, ms. */
  readonly maxWait: number;
  readonly maxBytes: number;
  readonly isolationLevel: IsolationLevel;
}

/** Whether records of open and aborted transactions are read too. */
export type IsolationLevel = 'read_committed' | 'read_uncommitted';

/** Kafka's numbers for the isolation levels. */
export const isolationLevels = { read_uncommitted: 0, read_committed: 1 } as const;

/** One partition of a Fetch response. Offsets are the broker's own; `records` is a view of the received bytes. */
export interface FetchResponsePartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  readonly records: Buffer;
}

export interface FetchResponse {
  readonly throttleTime: number;
  readonly errorCode: number;
  readonly partitions: readonly FetchResponsePartition[];
}

/** The bytes of a Fetch request, version 11, outside of any fetch session. */
export function encodeFetchRequest({ partitions, maxWait, maxBytes, isolationLevel }: FetchCall): Buffer {
  const [replicaId, minBytes, sessionId, sessionEpoch, anyEpoch, logStartOffset] = [-1, 1, 0, -1, -1, -1];
  const writer = new BodyWriter().int32(replicaId).int32(maxWait).int32(minBytes).int32(maxBytes);
  writer.int8(isolationLevels[isolationLevel]).int32(sessionId).int32(sessionEpoch);
  const topics = groupByTopic(partitions, (partition) => partition);
  writer.int32(topics.length);
  for (const topic of topics) {
    writer.string(topic.topic).int32(topic.partitions.length);
    for (const { partition, offset, maxBytes: partitionMaxBytes, currentLeaderEpoch = anyEpoch } of topic.partitions) {
      writer.int32(partition).int32(currentLeaderEpoch).int64(offset).int64(logStartOffset).int32(partitionMaxBytes);
    }
  }
  const [forgottenTopics, rackId] = [0, ''];
  return writer.int32(forgottenTopics).string(rackId).bytes;
}

/** Reads the body of a Fetch response, version 11, without copying the records. */
export function readFetchResponse(body: Buffer): FetchResponse {
  const reader = new BodyReader(body);
  const throttleTime = reader.int32();
  const errorCode = reader.int16();
  reader.int32(); // session id: no fetch session is open
  const partitions: FetchResponsePartition[] = [];
  for (let topics = reader.count(); topics > 0; topics--) {
    const topic = reader.string();
    for (let count = reader.count(); count > 0; count--) partitions.push(readPartition(reader, topic));
  }
  reader.end();
  return { throttleTime, errorCode, partitions };
}

function readPartition(reader: BodyReader, topic: string): FetchResponsePartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const ends = readEnds(reader);
  const aborted: AbortedTransaction[] = [];
  for (let count = reader.count(); count > 0; count--) {
    aborted.push({ producerId: reader.int64(), firstOffset: reader.offset() });
  }
  reader.int32(); // preferred read replica: unused, because only leaders are read
  const records = reader.bytes();
  return { topic, partition, errorCode, ...ends, aborted, records };
}

/** The ends of a partition in a Fetch response of any version: no checksum covers them, but they must fit each other. */
export function readEnds(
  reader: BodyReader,
): Pick<FetchResponsePartition, 'highWatermark' | 'lastStableOffset' | 'logStartOffset'> {
  const highWatermark = reader.offset();
  const lastStableOffset = reader.offset();
  const logStartOffset = reader.offset();
  if (Math.max(lastStableOffset, logStartOffset) > highWatermark) {
    const ends = `the first open transaction at ${lastStableOffset} and the end at ${highWatermark}`;
    throw new RangeError(`no log has its beginning at ${logStartOffset}, ${ends}`);
  }
  return { highWatermark, lastStableOffset, logStartOffset };
}
