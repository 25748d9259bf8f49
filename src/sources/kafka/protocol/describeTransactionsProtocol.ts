import { BodyReader } from './bodyReader.js';
import { BodyWriter } from './bodyWriter.js';

/** What a coordinator knows of a transactional id. */
export interface TransactionState {
  readonly throttleTime: number;
  readonly errorCode: number;
  /** `Ongoing`, `CompleteAbort` and others. */
  readonly state: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** The number of tagged fields that follow. */
const noTags = 0;

/**
 * The bytes of a DescribeTransactions request for one transactional id, version 0.
 *
 * Source: Kafka's KIP-664.
 */
export function encodeDescribeTransactions(transactionalId: string): Buffer {
  // The header of a flexible version ends with tags, which kafkajs does not write.
  return new BodyWriter().int8(noTags).compactCount(1).compactString(transactionalId).int8(noTags).bytes;
}

/** Reads the body of a DescribeTransactions response for one transactional id, version 0, with the tags of its header. */
export function readDescribeTransactionsResponse(body: Buffer): TransactionState {
  const reader = new BodyReader(body);
  reader.skipTags();
  const throttleTime = reader.int32();
  const count = reader.compactCount();
  if (count !== 1) throw new RangeError(`${count} transactional ids came, and one was asked for`);
  const errorCode = reader.int16();
  reader.compactString(); // the transactional id
  const state = reader.compactString();
  reader.int32(); // its timeout
  reader.int64(); // when the transaction began
  const producerId = reader.int64();
  const producerEpoch = reader.int16();
  for (let topics = reader.compactCount(); topics > 0; topics--) {
    reader.compactString();
    for (let partitions = reader.compactCount(); partitions > 0; partitions--) reader.int32();
    reader.skipTags();
  }
  reader.skipTags();
  reader.skipTags();
  reader.end();
  return { throttleTime, errorCode, state, producerId, producerEpoch };
}
