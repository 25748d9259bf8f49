import type { OffsetRange } from '../offsetRange.js';
import { DStreamError } from './dstreamError.js';
import { describe, named, reasonOf } from './wording.js';

// What can go wrong between a source and the broker, or with what came from it.

/** A topic is not there, or not any more. */
export class UnknownTopicError extends DStreamError {
  override readonly name = 'UnknownTopicError';
  readonly code = 'UNKNOWN_TOPIC';
  constructor(
    /** The topic. */
    readonly topic: string,
    options?: ErrorOptions,
  ) {
    super(`topics: topic ${describe(topic)} does not exist`, options);
  }
}

/**
 * Why offsets are not in a log: `'range'`: they are gone (retention) or do not exist yet; `'recreated'`: the topic was deleted and created
 * again; `'diverged'`: the log was cut and written again (an unclean leader election), so that other records have these offsets.
 */
export type OutOfRangeReason = 'range' | 'recreated' | 'diverged';

/** Offsets to be read are not in the log, or belong to another log of the same name. */
export class OffsetOutOfRangeError extends DStreamError {
  override readonly name = 'OffsetOutOfRangeError';
  readonly code = 'OFFSET_OUT_OF_RANGE';
  constructor(
    /** What should have been read and cannot be. */
    readonly lost: OffsetRange,
    /** First offset in the log; of one that diverged, the first that differs from what was read. */
    readonly earliest: number,
    /** End of the log: the offset of the next record. */
    readonly latest: number,
    /** Why they are not in the log. */
    readonly reason: OutOfRangeReason = 'range',
  ) {
    super(
      `${lost.topic}/${lost.partition}: ${outOfRange(lost, earliest, latest, reason)}: set offsetOutOfRange to "earliest" or ` +
        '"latest" to go on there',
    );
  }
}

function outOfRange({ from, until }: OffsetRange, earliest: number, latest: number, reason: OutOfRangeReason): string {
  switch (reason) {
    case 'recreated':
      return (
        `the topic was deleted and created again, after offset ${from} of the former one was reached; ` +
        `the present log holds [${earliest}, ${latest})`
      );
    case 'diverged':
      return (
        `the log was cut at offset ${earliest} and written again (an unclean leader election), so that offsets ` +
        `[${from}, ${until}) hold other records; it ends at ${latest}`
      );
    case 'range':
      return `offsets [${from}, ${until}) are not in the log, which holds [${earliest}, ${latest})`;
  }
}

/** An offset cannot be represented exactly as a number. */
export class OffsetTooLargeError extends DStreamError {
  override readonly name = 'OffsetTooLargeError';
  readonly code = 'OFFSET_TOO_LARGE';
  constructor(
    /** Topic of the record. */
    readonly topic: string,
    /** Partition of the record. */
    readonly partition: number,
    /** The offset, in decimal digits. */
    readonly offset: string,
  ) {
    super(`${topic}/${partition}: offset ${offset} is beyond ${Number.MAX_SAFE_INTEGER}`);
  }
}

/** A record is larger than its topic allows. */
export class RecordTooLargeError extends DStreamError {
  override readonly name = 'RecordTooLargeError';
  readonly code = 'RECORD_TOO_LARGE';
  constructor(
    /** The topic that it was to be written to. */
    readonly topic: string,
    /** The partition; `undefined` where the broker was to choose it. */
    readonly partition: number | undefined,
    /** The bytes of the record: key, value, headers and what surrounds them, not compressed. */
    readonly size: number,
    /** The bytes that the topic allows (`max.message.bytes`); `undefined` where it does not say. */
    readonly limit: number | undefined,
    options?: ErrorOptions,
  ) {
    const place = partition === undefined ? topic : `${topic}/${partition}`;
    const allowed =
      limit === undefined ? 'more than the broker accepts' : `and the topic allows ${limit} (max.message.bytes)`;
    super(`${place}: a record has ${size} bytes, ${allowed}`, options);
  }
}

/** Bytes of a log are not a valid record batch or record. */
export class MalformedRecordError extends DStreamError {
  override readonly name = 'MalformedRecordError';
  readonly code = 'MALFORMED_RECORD';
  constructor(
    /** Topic of the record. */
    readonly topic: string,
    /** Partition of the record. */
    readonly partition: number,
    /** Offset of the record, or of the first one of its record batch. */
    readonly offset: number,
    /** What is wrong with the bytes. */
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${topic}/${partition}: the record at offset ${offset} is malformed: ${reason}`, options);
  }
}

/** The user's `deserialize` threw. */
export class DeserializationError extends DStreamError {
  override readonly name = 'DeserializationError';
  readonly code = 'DESERIALIZATION';
  constructor(
    /** Topic of the record. */
    readonly topic: string,
    /** Partition of the record. */
    readonly partition: number,
    /** Offset of the record. */
    readonly offset: number,
    options?: ErrorOptions,
  ) {
    super(
      `${topic}/${partition}: the record at offset ${offset} cannot be deserialized: ${reasonOf(options)}`,
      options,
    );
  }
}

/** Records are compressed by a codec that is not installed. */
export class UnsupportedCodecError extends DStreamError {
  override readonly name = 'UnsupportedCodecError';
  readonly code = 'UNSUPPORTED_CODEC';
  constructor(
    /** The codec, such as `zstd`. */
    readonly codec: string,
    /** A package with the codec. */
    readonly packageName: string,
    /** Topic of the records. */
    readonly topic: string,
    /** Partition of the records. */
    readonly partition: number,
    /** Offset of the first of them. */
    readonly offset: number,
  ) {
    super(
      `${topic}/${partition}: records at offset ${offset} are compressed with ${codec}: install ${packageName} and ` +
        'register it in CompressionCodecs of kafkajs',
    );
  }
}

/** The client lacks something that the source needs. */
export class UnsupportedClientError extends DStreamError {
  override readonly name = 'UnsupportedClientError';
  readonly code = 'UNSUPPORTED_CLIENT';
  constructor(
    /** The client. */
    readonly client: string,
    /** What it lacks. */
    readonly missing: string,
    options?: ErrorOptions,
  ) {
    super(`${client}: ${missing}`, options);
  }
}

/** A stream or an output uses a `kafkaRuntime` that is closed. */
export class RuntimeClosedError extends DStreamError {
  override readonly name = 'RuntimeClosedError';
  readonly code = 'RUNTIME_CLOSED';
  constructor(options?: ErrorOptions) {
    super('kafkaRuntime: it is closed: streams that used it have ended, and none can begin', options);
  }
}

/** A stream reads from one cluster of Kafka, and an output is to commit its offsets in another. */
export class ForeignClusterError extends DStreamError {
  override readonly name = 'ForeignClusterError';
  readonly code = 'FOREIGN_CLUSTER';
  constructor(
    /** The output, such as `sendToKafka`. */
    readonly operator: string,
    /** The id of the cluster that the output writes to. */
    readonly clusterId: string,
    /** The ids of the clusters that the stream reads from. */
    readonly sourceClusterIds: readonly string[],
    options?: ErrorOptions,
  ) {
    super(
      `${operator}: it writes to cluster ${describe(clusterId)}, and the stream reads from ${sourceClusterIds.map(describe).join(', ')}: ` +
        'a transaction commits offsets of its own cluster only',
      options,
    );
  }
}

/** No broker could be reached, or the connection was lost and did not come back within the retries. */
export class ConnectionError extends DStreamError {
  override readonly name = 'ConnectionError';
  readonly code = 'CONNECTION';
  override readonly retriable = true;
  constructor(
    /** The brokers that were tried, as `host:port`. */
    readonly brokers: readonly string[],
    options?: ErrorOptions,
  ) {
    super(`${named(brokers)} cannot be reached: ${reasonOf(options)}`, options);
  }
}

/** The broker refused the credentials. */
export class AuthenticationError extends DStreamError {
  override readonly name = 'AuthenticationError';
  readonly code = 'AUTHENTICATION';
  constructor(
    /** The brokers that were tried, as `host:port`. */
    readonly brokers: readonly string[],
    options?: ErrorOptions,
  ) {
    super(`sasl: ${named(brokers)} refused the credentials: ${reasonOf(options)}`, options);
  }
}

/** A broker showed a certificate that is not trusted, is over, or is for another host; or it wants one of the client. */
export class CertificateError extends DStreamError {
  override readonly name = 'CertificateError';
  readonly code = 'CERTIFICATE';
  constructor(
    /** The broker, as `host:port`. */
    readonly brokers: readonly string[],
    options?: ErrorOptions,
  ) {
    super(
      `ssl: the certificate of ${named(brokers)}, or that of the client, was refused: ${reasonOf(options)}`,
      options,
    );
  }
}

/** The credentials are good but do not allow what was asked. */
export class AuthorizationError extends DStreamError {
  override readonly name = 'AuthorizationError';
  readonly code = 'AUTHORIZATION';
  constructor(
    /** What the user may not use, such as a topic or a group. */
    readonly resource: string,
    options?: ErrorOptions,
  ) {
    super(`the user is not allowed to use ${resource}: ${reasonOf(options)}`, options);
  }
}

/** Something did not happen within its time limit. */
export class TimedOutError extends DStreamError {
  override readonly name = 'TimedOutError';
  readonly code = 'TIMED_OUT';
  override readonly retriable = true;
  constructor(
    /** What took too long. */
    readonly what: string,
    /** The limit, in ms. */
    readonly limit: number,
    options?: ErrorOptions,
  ) {
    super(`${what} took longer than ${limit} ms`, options);
  }
}

/** The broker answered with an error that no other class covers. */
export class ProtocolError extends DStreamError {
  override readonly name = 'ProtocolError';
  readonly code = 'PROTOCOL';
  constructor(
    /** The request that failed, such as `Fetch`. */
    readonly request: string,
    /** Kafka's name for the error, such as `NOT_LEADER_OR_FOLLOWER`. */
    readonly kafkaError: string,
    /** Whether Kafka calls the error retriable. */
    override readonly retriable: boolean,
    options?: ErrorOptions,
    /** What else is known of it. */
    readonly detail?: string,
  ) {
    super(`${request} failed: ${kafkaError}${detail === undefined ? '' : `: ${detail}`}`, options);
  }
}

/** A receiver that is ready lost its connection, or what it receives from failed. */
export class ReceiverError extends DStreamError {
  override readonly name = 'ReceiverError';
  readonly code = 'RECEIVER';
  override readonly retriable = true;
  constructor(
    /** The receiver and what it receives from, such as `tcpReceiver 127.0.0.1:9000`. */
    readonly receiver: string,
    /** What happened. */
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${receiver}: ${reason}`, options);
  }
}
