import { BodyReader } from './bodyReader.js';
import { BodyWriter } from './bodyWriter.js';

/** Where a broker listens. */
export interface BrokerAddress {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  /** `''` where it has none. */
  readonly rack: string;
}

/** A partition, as a broker knows it. */
export interface PartitionMetadata {
  readonly errorCode: number;
  readonly partition: number;
  /** The node id of its leader, -1 for none. */
  readonly leader: number;
  readonly leaderEpoch: number;
}

/** A topic, as a broker knows it. Without partitions where there is an error. */
export interface TopicMetadata {
  readonly errorCode: number;
  readonly topic: string;
  /** Hexadecimal digits; `undefined` where the broker has no ids. */
  readonly topicId: string | undefined;
  readonly isInternal: boolean;
  readonly partitions: readonly PartitionMetadata[];
}

export interface MetadataResponse {
  readonly throttleTime: number;
  readonly brokers: readonly BrokerAddress[];
  /** `''` where the cluster has none. */
  readonly clusterId: string;
  readonly topics: readonly TopicMetadata[];
}

/** The versions of Metadata in use: with topic ids since Kafka 2.8, with leader epochs since 2.1. */
export type MetadataVersion = 11 | 7;

/** The newest version that is in use here and that a broker has, whose newest one is `max`. */
export function metadataVersion(max: number): MetadataVersion {
  return max >= 11 ? 11 : 7;
}

/** The number of tagged fields that follow. */
const noTags = 0;
const no = 0;
const noTopicId = Buffer.alloc(16);
const nullArray = -1;

/** The bytes of a Metadata request for some topics, or for all of them, which never creates one. */
export function encodeMetadataRequest(version: MetadataVersion, topics: readonly string[] | undefined): Buffer {
  const writer = new BodyWriter();
  if (version === 7) {
    writer.int32(topics?.length ?? nullArray);
    for (const topic of topics ?? []) writer.string(topic);
    return writer.int8(no).bytes;
  }
  // The header of a flexible version ends with tags, which kafkajs does not write.
  writer.int8(noTags).compactCount(topics?.length ?? nullArray);
  for (const topic of topics ?? []) writer.raw(noTopicId).compactString(topic).int8(noTags);
  const [createTopics, authorizedOperations] = [no, no];
  return writer.int8(createTopics).int8(authorizedOperations).int8(noTags).bytes;
}

/** Reads the body of a Metadata response. Errors of topics and partitions are among what is returned. */
export function readMetadataResponse(version: MetadataVersion, body: Buffer): MetadataResponse {
  const reader = new BodyReader(body);
  return version === 7 ? readPlain(reader) : readFlexible(reader);
}

function readPlain(reader: BodyReader): MetadataResponse {
  const throttleTime = reader.int32();
  const brokers = list(reader.count(), () => ({
    nodeId: reader.int32(),
    host: reader.string(),
    port: reader.int32(),
    rack: reader.nullableString(),
  }));
  const clusterId = reader.nullableString();
  reader.int32(); // controller
  const topics = list(reader.count(), () => ({
    errorCode: reader.int16(),
    topic: reader.string(),
    topicId: undefined,
    isInternal: reader.int8() !== 0,
    partitions: list(reader.count(), () => {
      const partition = readPartition(reader);
      for (let lists = replicaLists; lists > 0; lists--) list(reader.count(), () => reader.int32());
      return partition;
    }),
  }));
  reader.end();
  return { throttleTime, brokers, clusterId, topics };
}

function readFlexible(reader: BodyReader): MetadataResponse {
  const tagged = <E>(element: E): E => {
    reader.skipTags();
    return element;
  };
  reader.skipTags();
  const throttleTime = reader.int32();
  const brokers = list(reader.compactCount(), () =>
    tagged({
      nodeId: reader.int32(),
      host: reader.compactString(),
      port: reader.int32(),
      rack: reader.compactString(),
    }),
  );
  const clusterId = reader.compactString();
  reader.int32(); // controller
  const topics = list(reader.compactCount(), () => {
    const topic = {
      errorCode: reader.int16(),
      topic: reader.compactString(),
      topicId: reader.uuid(),
      isInternal: reader.int8() !== 0,
      partitions: list(reader.compactCount(), () => {
        const partition = readPartition(reader);
        for (let lists = replicaLists; lists > 0; lists--) list(reader.compactCount(), () => reader.int32());
        return tagged(partition);
      }),
    };
    reader.int32(); // authorized operations: not asked for
    return tagged(topic);
  });
  reader.skipTags();
  reader.end();
  return { throttleTime, brokers, clusterId, topics };
}

/** Replicas, those in sync and those offline: of no use here. */
const replicaLists = 3;

function readPartition(reader: BodyReader): PartitionMetadata {
  return {
    errorCode: reader.int16(),
    partition: reader.int32(),
    leader: reader.int32(),
    leaderEpoch: reader.int32(),
  };
}

/** Unlike `Array.from`, makes no list of a length that the bytes cannot have. */
function list<E>(count: number, read: () => E): readonly E[] {
  const elements: E[] = [];
  for (let left = count; left > 0; left--) elements.push(read());
  return elements;
}
