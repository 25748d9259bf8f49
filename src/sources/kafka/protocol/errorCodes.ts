import { AuthorizationError, type DStreamError, ProtocolError } from '../../../batch/errors.js';
import { type RequestResources, refusedResource } from './requestResources.js';

/** Kafka's name for the error of a topic or partition that the broker does not know, or not yet. */
export const unknownTopic = 'UNKNOWN_TOPIC_OR_PARTITION';

/** The error codes of Kafka's protocol that a reader meets; every other one is reported by its number. */
const names: Readonly<Record<number, string>> = {
  1: 'OFFSET_OUT_OF_RANGE',
  2: 'CORRUPT_MESSAGE',
  3: unknownTopic,
  5: 'LEADER_NOT_AVAILABLE',
  6: 'NOT_LEADER_OR_FOLLOWER',
  7: 'REQUEST_TIMED_OUT',
  9: 'REPLICA_NOT_AVAILABLE',
  10: 'MESSAGE_TOO_LARGE',
  12: 'OFFSET_METADATA_TOO_LARGE',
  14: 'COORDINATOR_LOAD_IN_PROGRESS',
  15: 'COORDINATOR_NOT_AVAILABLE',
  16: 'NOT_COORDINATOR',
  17: 'INVALID_TOPIC_EXCEPTION',
  18: 'RECORD_LIST_TOO_LARGE',
  19: 'NOT_ENOUGH_REPLICAS',
  20: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  22: 'ILLEGAL_GENERATION',
  23: 'INCONSISTENT_GROUP_PROTOCOL',
  24: 'INVALID_GROUP_ID',
  25: 'UNKNOWN_MEMBER_ID',
  26: 'INVALID_SESSION_TIMEOUT',
  27: 'REBALANCE_IN_PROGRESS',
  29: 'TOPIC_AUTHORIZATION_FAILED',
  30: 'GROUP_AUTHORIZATION_FAILED',
  31: 'CLUSTER_AUTHORIZATION_FAILED',
  32: 'INVALID_TIMESTAMP',
  45: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  46: 'DUPLICATE_SEQUENCE_NUMBER',
  47: 'INVALID_PRODUCER_EPOCH',
  48: 'INVALID_TXN_STATE',
  49: 'INVALID_PRODUCER_ID_MAPPING',
  51: 'CONCURRENT_TRANSACTIONS',
  53: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  56: 'KAFKA_STORAGE_ERROR',
  59: 'UNKNOWN_PRODUCER_ID',
  74: 'FENCED_LEADER_EPOCH',
  75: 'UNKNOWN_LEADER_EPOCH',
  76: 'UNSUPPORTED_COMPRESSION_TYPE',
  78: 'OFFSET_NOT_AVAILABLE',
  79: 'MEMBER_ID_REQUIRED',
  81: 'GROUP_MAX_SIZE_REACHED',
  82: 'FENCED_INSTANCE_ID',
  87: 'INVALID_RECORD',
  88: 'UNSTABLE_OFFSET_COMMIT',
  90: 'PRODUCER_FENCED',
  100: 'UNKNOWN_TOPIC_ID',
  103: 'INCONSISTENT_TOPIC_ID',
};

/** The partition or the coordinator is moving to another broker, or a transaction is about to end. */
const retriable = new Set([3, 5, 6, 7, 9, 14, 15, 16, 19, 20, 56, 74, 75, 78, 88, 100, 103]);

export const offsetOutOfRange = 1;
export const leaderNotAvailable = 5;
export const coordinatorNotAvailable = 15;
export const notCoordinator = 16;
/** The broker has chosen a member id: the same request is to be sent again with it. */
export const memberIdRequired = 79;
/** The partition has these records already. */
export const duplicateSequence = 46;

/** Whether the leader may have written the records although it answers with an error: it waited for other replicas. */
export function mayHaveWritten(code: number): boolean {
  return code === 7 || code === 20;
}

/** Kafka's name for an error code. */
export function kafkaErrorName(code: number): string {
  return names[code] ?? `error ${code}`;
}

/** Whether asking again, with fresh metadata, may help. */
export function isRetriable(code: number): boolean {
  return retriable.has(code);
}

/** The error for a code in a response to `request` about `resources`. */
export function responseError(request: string, code: number, resources: RequestResources): DStreamError {
  const name = kafkaErrorName(code);
  const refused = refusedResource(name, resources);
  if (refused !== undefined) return new AuthorizationError(refused, { cause: new Error(name) });
  return new ProtocolError(request, name, isRetriable(code));
}
