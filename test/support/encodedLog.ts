import type { FetchedPartition, FetchRequest, LogClient, LogPoint, TopicPartition } from 'dstream';
import { EMPTY, of } from 'rxjs';
import { codecOf } from '../../src/sources/kafka/kafkajs/codecs.js';
import type { AbortedTransaction } from '../../src/sources/kafka/protocol/abortedTransactions.js';
import { RecordBatchReader } from '../../src/sources/kafka/protocol/recordBatchReader.js';

export interface EncodedPartition {
  /** Record batches, one after the other. */
  readonly batches: readonly Buffer[];
  /** The offset after the last of them. */
  readonly latest: number;
  readonly aborted?: readonly AbortedTransaction[];
}

/**
 * A log of record batches that were encoded before. It answers at once, with copies of its own, whole batches each time; `onTheWay` may
 * change what a fetch brings.
 */
export function encodedLog(
  topic: string,
  partitions: readonly EncodedPartition[],
  perFetch = 2,
  onTheWay: (bytes: Buffer, request: FetchRequest) => void = () => {},
): LogClient {
  const read = (request: FetchRequest): FetchedPartition => {
    const { partition, offset } = request;
    const { batches, latest, aborted = [] } = partitions[partition] as EncodedPartition;
    const after = batches.filter((batch) => Number(batch.readBigInt64BE(0)) + batch.readInt32BE(23) >= offset);
    const bytes = Buffer.concat(after.slice(0, perFetch));
    onTheWay(bytes, request);
    const records = RecordBatchReader.open(bytes, {
      topic,
      partition,
      from: offset,
      aborted,
      checkCrcs: true,
      codecOf,
    });
    return { topic, partition, offset, earliest: 0, latest, bytes: bytes.length, records };
  };
  const offset = ({ partition }: TopicPartition, point: LogPoint) =>
    point === 'latest' ? (partitions[partition] as EncodedPartition).latest : 0;
  return {
    name: 'encoded log',
    connect: () => EMPTY,
    partitions: () => of(partitions.map((_, partition) => ({ topic, partition }))),
    offsets: (asked, point) => of(asked.map((one) => ({ ...one, topic, offset: offset(one, point) }))),
    committed: () => of([]),
    commit: () => EMPTY,
    fetch: (requests) => of(requests.map(read)),
    close: () => EMPTY,
  };
}
