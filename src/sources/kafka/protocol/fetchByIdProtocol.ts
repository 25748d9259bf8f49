import type { AbortedTransaction } from './abortedTransactions.js';
import { BodyReader } from './bodyReader.js';
import { BodyWriter } from './bodyWriter.js';
import {
  type FetchCall,
  type FetchResponse,
  type FetchResponsePartition,
  isolationLevels,
  readEnds,
} from './fetchProtocol.js';
import { groupByTopic } from './groupByTopic.js';

// Fetch, version 13 (Kafka 3.1), which names topics by their ids: a topic that was deleted and created again is never read for the former
// one. Before it, version 11 names them by their names.

/** The version of Fetch that names topics by ids. */
export const fetchByIdVersion = 13;

/** The number of tagged fields that follow. */
const noTags = 0;

/** The bytes of a Fetch request, version 13, outside of any fetch session. Every partition must have a topic id. */
export function encodeFetchByIdRequest({ partitions, maxWait, maxBytes, isolationLevel }: FetchCall): Buffer {
  const [replicaId, minBytes, sessionId, sessionEpoch, anyEpoch, logStartOffset] = [-1, 1, 0, -1, -1, -1];
  // The header of a flexible version ends with tags, which kafkajs does not write.
  const writer = new BodyWriter().int8(noTags).int32(replicaId).int32(maxWait).int32(minBytes).int32(maxBytes);
  writer.int8(isolationLevels[isolationLevel]).int32(sessionId).int32(sessionEpoch);
  const byId = partitions.map((partition) => ({ ...partition, topic: partition.topicId ?? '' }));
  const topics = groupByTopic(byId, (partition) => partition);
  writer.compactCount(topics.length);
  for (const { topic: topicId, partitions: asked } of topics) {
    writer.raw(Buffer.from(topicId, 'hex')).compactCount(asked.length);
    for (const { partition, offset, maxBytes: partitionMaxBytes, currentLeaderEpoch = anyEpoch } of asked) {
      writer.int32(partition).int32(currentLeaderEpoch).int64(offset);
      // The epoch of the last record that was read would be compared too; it is asked for by itself, for all versions alike.
      writer.int32(anyEpoch).int64(logStartOffset).int32(partitionMaxBytes).int8(noTags);
    }
    writer.int8(noTags);
  }
  const [forgottenTopics, rackId] = [0, ''];
  return writer.compactCount(forgottenTopics).compactString(rackId).int8(noTags).bytes;
}

/** Reads the body of a Fetch response, version 13, without copying the records. `topicOf` returns the name for an id. */
export function readFetchByIdResponse(body: Buffer, topicOf: (topicId: string) => string): FetchResponse {
  const reader = new BodyReader(body);
  reader.skipTags();
  const throttleTime = reader.int32();
  const errorCode = reader.int16();
  reader.int32(); // session id: no fetch session is open
  const partitions: FetchResponsePartition[] = [];
  for (let topics = reader.compactCount(); topics > 0; topics--) {
    const topic = topicOf(reader.uuid());
    for (let count = reader.compactCount(); count > 0; count--) partitions.push(readPartition(reader, topic));
    reader.skipTags();
  }
  reader.skipTags();
  reader.end();
  return { throttleTime, errorCode, partitions };
}

function readPartition(reader: BodyReader, topic: string): FetchResponsePartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const ends = readEnds(reader);
  const aborted: AbortedTransaction[] = [];
  for (let count = reader.compactCount(); count > 0; count--) {
    aborted.push({ producerId: reader.int64(), firstOffset: reader.offset() });
    reader.skipTags();
  }
  reader.int32(); // preferred read replica: unused, because only leaders are read
  const records = reader.compactBytes();
  // Where the log diverged, and who leads it: asked for elsewhere.
  reader.skipTags();
  return { topic, partition, errorCode, ...ends, aborted, records };
}
