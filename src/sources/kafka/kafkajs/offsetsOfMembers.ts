import { ProtocolError } from '../../../batch/errors.js';
import type { GroupMembership } from '../../../batch/groupMembership.js';
import { encodeTxnOffsetCommit, readTxnOffsetCommitResponse } from '../protocol/txnOffsetCommitProtocol.js';
import type { Broker, TxnOffsets } from './kafkajsCluster.js';
import { mayCommitInNext } from './mayCommitInNext.js';
import { refusal } from './refusal.js';
import { sendOverBroker } from './sendOverBroker.js';

const txnOffsetCommit = { apiKey: 28, apiVersion: 3, apiName: 'TxnOffsetCommit' } as const;

/** The group has a new generation with the same member: the same offsets may be added in that one. */
export class GenerationOverError extends Error {}

/**
 * Has a broker of kafkajs add offsets to a transaction as a member of the group, where `member` says so: kafkajs's own request names none,
 * and with it a process that the group has removed can set offsets back.
 */
export function offsetsOfMembers(broker: Broker, member: () => (() => GroupMembership | undefined) | undefined): void {
  const withoutMember = broker.txnOffsetCommit;
  broker.txnOffsetCommit = (request) => {
    const membership = member();
    const used = membership?.();
    if (membership && !used) {
      return Promise.reject(new ProtocolError(txnOffsetCommit.apiName, 'UNKNOWN_MEMBER_ID', false));
    }
    // A stream is a member of one group, and may commit under another.
    if (!membership || used?.groupId !== request.groupId) return withoutMember.call(broker, request);
    return commit(broker, request, used, membership);
  };
}

async function commit(
  broker: Broker,
  { transactionalId, producerId, producerEpoch, topics }: TxnOffsets,
  used: GroupMembership,
  membership: () => GroupMembership | undefined,
): Promise<void> {
  const identity = { transactionalId, producerId: BigInt(producerId), producerEpoch };
  const wanted = topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((one) => ({ ...one, offset: Number(one.offset) })),
  }));
  const request = { ...txnOffsetCommit, bytes: encodeTxnOffsetCommit(identity, used, wanted) };
  const { partitions } = await sendOverBroker(broker, request, readTxnOffsetCommitResponse);
  const code = partitions.find(({ errorCode }) => errorCode !== 0)?.errorCode;
  if (code === undefined) return;
  const error = refusal(txnOffsetCommit.apiName, code);
  const isOver = mayCommitInNext(errorType(error), used, membership());
  throw isOver ? new GenerationOverError(error.message, { cause: error }) : error;
}

/** What kafkajs calls Kafka's name for an error. */
export function errorType(error: Error): unknown {
  return 'type' in error ? error.type : undefined;
}
