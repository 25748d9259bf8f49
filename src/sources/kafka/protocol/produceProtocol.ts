import { BodyReader } from './bodyReader.js';
import { BodyWriter } from './bodyWriter.js';
import type { TopicPartitions } from './groupByTopic.js';

/** A Produce request: record batches by topic and partition. */
export interface ProduceCall {
  /** Absent for records outside of transactions. */
  readonly transactionalId?: string | undefined;
  /** How long the broker may wait until all replicas in sync have the records, in ms. */
  readonly timeoutMs: number;
  readonly topics: readonly TopicPartitions<{ readonly partition: number; readonly batch: Buffer }>[];
}

/** What became of the records of one partition. */
export interface ProducedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  /** The offset of the first record; -1 with an error. */
  readonly baseOffset: number;
}

export interface ProduceResponse {
  readonly throttleTime: number;
  readonly partitions: readonly ProducedPartition[];
}

/** All replicas in sync have the records when the broker answers. */
const allInSync = -1;

/** The bytes of a Produce request, version 7: the first that takes records compressed by zstd. */
export function encodeProduce({ transactionalId, timeoutMs, topics }: ProduceCall): Buffer {
  const writer = new BodyWriter().nullableString(transactionalId).int16(allInSync).int32(timeoutMs);
  writer.int32(topics.length);
  for (const { topic, partitions } of topics) {
    writer.string(topic).int32(partitions.length);
    for (const { partition, batch } of partitions) writer.int32(partition).sized(batch);
  }
  return writer.bytes;
}

/** Reads the body of a Produce response, version 7. */
export function readProduceResponse(body: Buffer): ProduceResponse {
  const reader = new BodyReader(body);
  const partitions: ProducedPartition[] = [];
  for (let topics = reader.count(); topics > 0; topics--) {
    const topic = reader.string();
    for (let count = reader.count(); count > 0; count--) {
      const [partition, errorCode, baseOffset] = [reader.int32(), reader.int16(), reader.offset()];
      reader.int64(); // when it was appended, where the topic says so
      reader.int64(); // the first offset of the log
      partitions.push({ topic, partition, errorCode, baseOffset });
    }
  }
  const throttleTime = reader.int32();
  reader.end();
  return { throttleTime, partitions };
}
