import type { FetchedPartition, FetchRequest, LogClient, TopicPartition } from 'dstream';
import { EMPTY, of } from 'rxjs';
import { codecOf } from '../../src/sources/kafka/kafkajs/codecs.js';
import { nativeCrc32c } from '../../src/sources/kafka/kafkajs/nativeCrc32c.js';
import { RecordBatchReader } from '../../src/sources/kafka/protocol/recordBatchReader.js';
import { interval, partitions, recordBatches } from './topic.js';

export type Requests = Record<'offsets' | 'fetch' | 'commit', number>;

/**
 * A topic that never ends, in the record batches of Kafka: in each interval its partitions get the same records as in the one before, so it takes
 * no more memory and no time to fill however long a benchmark runs. It answers at once, and counts the requests.
 */
export function endlessLog(perInterval: number, now: () => number): LogClient & { readonly requests: Requests } {
  const stored = Array.from({ length: partitions }, (_, partition) => {
    const batches = recordBatches(partition, perInterval);
    return { bytes: Buffer.concat(batches), sizes: batches.map(({ length }) => length) };
  });
  const latest = () => Math.floor(now() / interval) * perInterval;
  const reading = { aborted: [], checkCrcs: true, crc32c: nativeCrc32c(), codecOf };
  const requests: Requests = { offsets: 0, fetch: 0, commit: 0 };
  const read = ({ topic, partition, offset }: FetchRequest): FetchedPartition => {
    const answer = { topic, partition, offset, earliest: 0, latest: latest(), topicId: 'id', leaderEpoch: 0 };
    const { bytes, sizes } = stored[partition] as (typeof stored)[number];
    if (offset >= answer.latest) return { ...answer, bytes: 0 };
    // No checksum covers the base offset: the same bytes are those of any interval.
    const begin = offset - (offset % perInterval);
    let at = 0;
    for (const size of sizes) {
      const first = bytes.readInt32BE(at + 4) % perInterval;
      bytes.writeBigInt64BE(BigInt(begin + first), at);
      at += size;
    }
    const records = RecordBatchReader.open(bytes, { ...reading, topic, partition, from: offset });
    return { ...answer, bytes: bytes.length, ...(records && { records }) };
  };
  return {
    requests,
    name: 'endless log',
    connect: () => EMPTY,
    partitions: ([topic]) =>
      of(Array.from({ length: partitions }, (_, partition) => ({ topic: String(topic), partition, topicId: 'id' }))),
    offsets: (places: readonly TopicPartition[], point) => {
      requests.offsets++;
      const offset = point === 'earliest' ? 0 : latest();
      return of(places.map(({ topic, partition }) => ({ topic, partition, offset, topicId: 'id', leaderEpoch: 0 })));
    },
    committed: () => of([]),
    commit: () => {
      requests.commit++;
      return EMPTY;
    },
    fetch: (wants) => {
      requests.fetch++;
      return of(wants.map(read));
    },
    close: () => EMPTY,
  };
}
