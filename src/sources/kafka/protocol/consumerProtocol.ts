import { BodyReader } from './bodyReader.js';
import { BodyWriter } from './bodyWriter.js';
import { groupByTopic, type TopicPartitions } from './groupByTopic.js';

// What members of a consumer group tell each other, in the bytes that the broker passes on unread. The format is that of Kafka's own
// consumers, so that Kafka's tools show who has what.

interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** What a member says of itself when it joins. */
export interface WireSubscription {
  readonly topics: readonly string[];
  readonly userData: Buffer;
  /** What it holds, and claims to keep. */
  readonly owned: readonly Place[];
  /** The generation in which it was assigned that; -1 for none. */
  readonly generation: number;
}

/** What the leader assigns to a member. */
export interface WireAssignment {
  readonly partitions: readonly Place[];
  readonly userData: Buffer;
}

/** The first version that says in which generation the owned partitions were assigned (KIP-792). */
const subscriptionVersion = 2;
const assignmentVersion = 0;
const noGeneration = -1;

/** Partitions, by topic. */
export function writePlaces(writer: BodyWriter, places: readonly Place[]): BodyWriter {
  const topics: readonly TopicPartitions<number>[] = groupByTopic(places, ({ partition }) => partition);
  writer.int32(topics.length);
  for (const { topic, partitions } of topics) {
    writer.string(topic).int32(partitions.length);
    for (const partition of partitions) writer.int32(partition);
  }
  return writer;
}

/** Reads what `writePlaces` has written. */
export function readPlaces(reader: BodyReader): readonly Place[] {
  const places: Place[] = [];
  for (let topics = reader.count(); topics > 0; topics--) {
    const topic = reader.string();
    for (let count = reader.count(); count > 0; count--) places.push({ topic, partition: reader.int32() });
  }
  return places;
}

/** The bytes of a subscription of Kafka's consumers, version 2. */
export function encodeSubscription({ topics, userData, owned, generation }: WireSubscription): Buffer {
  const writer = new BodyWriter().int16(subscriptionVersion).int32(topics.length);
  for (const topic of topics) writer.string(topic);
  return writePlaces(writer.sized(userData), owned).int32(generation).bytes;
}

/** Reads a subscription of any version: what a version lacks is empty, what a later one adds is left out. */
export function readSubscription(bytes: Buffer): WireSubscription {
  const reader = new BodyReader(bytes);
  const version = reader.int16();
  const topics: string[] = [];
  for (let count = reader.count(); count > 0; count--) topics.push(reader.string());
  const userData = Buffer.from(reader.bytes());
  const owned = version >= 1 ? readPlaces(reader) : [];
  return { topics, userData, owned, generation: version >= 2 ? reader.int32() : noGeneration };
}

/** The bytes of an assignment of Kafka's consumers, version 0. */
export function encodeAssignment({ partitions, userData }: WireAssignment): Buffer {
  return writePlaces(new BodyWriter().int16(assignmentVersion), partitions).sized(userData).bytes;
}

/** Reads an assignment; one without any bytes, as the broker sends it to a member that the leader left out, is empty. */
export function readAssignment(bytes: Buffer): WireAssignment {
  if (bytes.length === 0) return { partitions: [], userData: Buffer.alloc(0) };
  const reader = new BodyReader(bytes);
  reader.int16();
  const partitions = readPlaces(reader);
  return { partitions, userData: Buffer.from(reader.bytes()) };
}
