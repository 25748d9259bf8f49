import {
  AuthenticationError,
  AuthorizationError,
  ConnectionError,
  DStreamError,
  ProtocolError,
  TimedOutError,
} from '../../../batch/errors.js';

/** What a broker says of a topic that it does not know, or not yet. */
export const unknownTopic = 'UNKNOWN_TOPIC_OR_PARTITION';

/** The codes of Kafka's protocol that a client meets when it reads; every other one is reported by its number. */
const names: Readonly<Record<number, string>> = {
  1: 'OFFSET_OUT_OF_RANGE',
  2: 'CORRUPT_MESSAGE',
  3: unknownTopic,
  5: 'LEADER_NOT_AVAILABLE',
  6: 'NOT_LEADER_OR_FOLLOWER',
  7: 'REQUEST_TIMED_OUT',
  9: 'REPLICA_NOT_AVAILABLE',
  14: 'COORDINATOR_LOAD_IN_PROGRESS',
  15: 'COORDINATOR_NOT_AVAILABLE',
  16: 'NOT_COORDINATOR',
  29: 'TOPIC_AUTHORIZATION_FAILED',
  30: 'GROUP_AUTHORIZATION_FAILED',
  56: 'KAFKA_STORAGE_ERROR',
  74: 'FENCED_LEADER_EPOCH',
  75: 'UNKNOWN_LEADER_EPOCH',
  76: 'UNSUPPORTED_COMPRESSION_TYPE',
  78: 'OFFSET_NOT_AVAILABLE',
  88: 'UNSTABLE_OFFSET_COMMIT',
};

/** Those that pass: the partition or the coordinator has moved, or is moving, to another broker; a transaction is being ended. */
const passing = new Set([3, 5, 6, 7, 9, 14, 15, 16, 56, 74, 75, 78, 88]);

export const offsetOutOfRange = 1;

/** Of kafkajs, in ms. */
const defaultRequestTimeout = 30_000;

export function kafkaErrorName(code: number): string {
  return names[code] ?? `error ${code}`;
}

/** Whether asking again, after a look at the metadata, may help. */
export function isPassing(code: number): boolean {
  return passing.has(code);
}

/** An error code of a Fetch response that does not pass. */
export function fetchError(code: number, topic: string): DStreamError {
  if (code === 29) return new AuthorizationError(`topic "${topic}"`, { cause: new Error(kafkaErrorName(code)) });
  return new ProtocolError('Fetch', kafkaErrorName(code), isPassing(code));
}

interface KafkaJSLikeError extends Error {
  readonly type?: string;
  readonly code?: unknown;
  readonly broker?: string;
  readonly retriable?: boolean;
  /** How long a request had waited when it timed out, ms. */
  readonly pendingDuration?: number;
}

/** The errors from the outermost to the one that began it: kafkajs wraps an error once it gives up retrying. */
function chain(error: unknown): readonly KafkaJSLikeError[] {
  const found: KafkaJSLikeError[] = [];
  let next = error;
  while (next instanceof Error && !found.includes(next) && found.length < 10) {
    found.push(next);
    next = next.cause;
  }
  return found;
}

/** Turns what kafkajs throws into this library's errors. `what` is the request and `resource` what it was about. */
export function translateError(error: unknown, what: string, resource: string): DStreamError {
  if (error instanceof DStreamError) return error;
  const errors = chain(error);
  const cause = errors.at(-1) ?? new Error(String(error));
  const find = (test: (one: KafkaJSLikeError) => boolean) => errors.find(test);
  const broker = find((one) => one.broker !== undefined)?.broker;
  const brokers = broker === undefined ? [] : [broker];

  const sasl = find(
    (one) => /SASL/i.test(one.name) || /SASL/.test(one.type ?? '') || one.type === 'UNSUPPORTED_SASL_MECHANISM',
  );
  if (sasl) return new AuthenticationError(brokers, { cause: sasl });
  const refused = find((one) => one.type?.endsWith('AUTHORIZATION_FAILED') ?? false);
  if (refused) return new AuthorizationError(resource, { cause: refused });
  const late = find((one) => one.name === 'KafkaJSRequestTimeoutError');
  if (late) return new TimedOutError(what, late.pendingDuration ?? defaultRequestTimeout, { cause });
  const protocol = find((one) => one.name === 'KafkaJSProtocolError' && one.type !== undefined);
  if (protocol)
    return new ProtocolError(what, protocol.type ?? 'unknown', protocol.retriable === true, { cause: protocol });
  const system = find((one) => typeof one.code === 'string' && /^E[A-Z]+$/.test(one.code));
  if (system || find((one) => /Connection|Broker/.test(one.name) || one.message === 'Broker not connected'))
    return new ConnectionError(brokers, { cause });
  // kafkajs means it for good; it says so when no broker that it knows has answered in time.
  const unreached = find((one) => one.name === 'KafkaJSGroupCoordinatorNotFound');
  if (unreached) return new ProtocolError(what, kafkaErrorName(15), true, { cause: unreached });
  return new ProtocolError(what, cause.message, false, { cause });
}

/** Whether the request may be tried again, perhaps at another broker. */
export function mayRetry(error: DStreamError): boolean {
  return error.retriable;
}
