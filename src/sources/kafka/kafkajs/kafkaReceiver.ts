import type { Consumer, ConsumerConfig, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import { InvalidOptionError, ReceiverError } from '../../../batch/errors.js';
import { checkOptions, type OptionChecks, required } from '../../../options/checkOptions.js';
import { checkBoolean, checkFunction, checkText, withMethods } from '../../../options/checks.js';
import type { ReceiverSink } from '../../receiver/receiver.js';
import { guardedClient } from './guardedClient.js';
import { KafkaRuntime } from './kafkaRuntime.js';

/** What a message is parsed from. */
export type ReceivedMessage = KafkaMessage & {
  /** The topic. */
  readonly topic: string;
  /** The partition. */
  readonly partition: number;
};

/** Options of `kafkaReceiver`. */
export interface KafkaReceiverOptions<T> {
  /** The topics. */
  readonly topics: readonly string[];
  /** The consumer group: its members share the partitions, and the broker keeps their offsets. */
  readonly groupId: string;
  /**
   * Whether a group without offsets begins with the oldest records.
   * @default false
   */
  readonly fromBeginning?: boolean | undefined;
  /**
   * Makes a record of a message. What it throws fails the receiver.
   * @default the value, as a buffer
   */
  readonly parse?: ((message: ReceivedMessage) => T) | undefined;
  /**
   * Options of the consumer of kafkajs, such as `sessionTimeout`, after which the partitions of a process that has died go to
   * another, `maxBytesPerPartition` or `rackId`.
   * @default those of kafkajs
   */
  readonly consumer?: Omit<ConsumerConfig, 'groupId'> | undefined;
}

const kafkaReceiverChecks: OptionChecks<KafkaReceiverOptions<never>> = {
  topics: required(checkNames),
  groupId: required(checkText),
  fromBeginning: checkBoolean,
  parse: checkFunction,
  consumer: checkConsumer,
};

function checkConsumer(owner: string, option: string, config: unknown): void {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new InvalidOptionError(owner, option, config, 'must be an object');
  }
  if ('groupId' in config) {
    throw new InvalidOptionError(
      owner,
      `${option}.groupId`,
      config.groupId,
      'cannot be set: groupId is an option of its own',
    );
  }
}

function checkNames(owner: string, option: string, topics: unknown): void {
  if (!Array.isArray(topics) || topics.length === 0) {
    throw new InvalidOptionError(owner, option, topics, 'must be a list of at least one topic');
  }
  for (const [i, topic] of topics.entries()) checkText(owner, `${option}[${i}]`, topic);
}

/**
 * Receives from Kafka as a member of a consumer group, through kafkajs: what Spark calls the receiver-based approach. The records of
 * a fetched batch are a block, and its offset is committed once the block is stored, with a write-ahead log once it is durable: nothing that
 * was committed is lost, and what was not is received again. `kafkaBatches` reads without a log, replays from Kafka itself, and
 * is several times as fast; this is for jobs that must share a group with other consumers.
 *
 * While the queue is full nothing more is fetched, and the member stays in its group.
 *
 * @param kafka Your client.
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {ReceiverError} (as a notification) when the consumer crashes and the receiver is not started again
 *
 * @example
 * ```ts no-run
 * import { foreachBatch, receiverBatches } from 'dstream';
 * import { kafkaReceiver } from 'dstream/kafka';
 * import { fileCheckpoint, fileWriteAheadLog } from 'dstream/node';
 * import { Kafka } from 'kafkajs';
 *
 * const kafka = new Kafka({ brokers: ['127.0.0.1:9092'] });
 * receiverBatches(kafkaReceiver(kafka, { topics: ['orders'], groupId: 'shop', parse: ({ value }) => String(value) }), {
 *   interval: 1_000,
 *   restart: { onClose: 'restart' },
 *   checkpoint: fileCheckpoint('./checkpoint'),
 *   writeAheadLog: fileWriteAheadLog('./wal'),
 * })
 *   .pipe(foreachBatch((orders) => console.log(orders)))
 *   .subscribe();
 * ```
 */
export function kafkaReceiver<T = Buffer | null>(
  kafka: Pick<Kafka, 'consumer'> | KafkaRuntime,
  options: KafkaReceiverOptions<T>,
): (sink: ReceiverSink<T>) => () => void {
  const owner = 'kafkaReceiver';
  const given = kafka instanceof KafkaRuntime ? kafka.access().kafka : kafka;
  withMethods('consumer')(owner, 'kafka', given);
  checkOptions(owner, options, kafkaReceiverChecks);
  const {
    topics,
    groupId,
    fromBeginning = false,
    consumer: config,
    parse = ({ value }: ReceivedMessage) => value as T,
  } = options;

  return (sink) => {
    const { client, close } = guardedClient(given as Kafka);
    const consumer = client.consumer({ ...config, groupId });
    const left = new AbortController();
    const fail = (cause: unknown) => {
      if (left.signal.aborted) return;
      sink.fail(new ReceiverError(`${owner} ${groupId}`, (cause as Error).message, { cause }));
    };
    // kafkajs restarts by itself after most errors; after these it does not.
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (payload.restart) sink.reportError(payload.error);
      else fail(payload.error);
    });
    consumer.on(consumer.events.GROUP_JOIN, () => sink.connected());
    const run = async () => {
      await consumer.connect();
      await consumer.subscribe({ topics: [...topics], fromBeginning });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: (payload) => storeBatch(payload, consumer, sink, left.signal, parse),
      });
    };
    run().catch(fail);
    return () => {
      left.abort();
      // Nobody listens to a failure at the end.
      consumer
        .disconnect()
        .catch(() => {})
        .finally(close);
    };
  };
}

/** How often a member that waits says that it is alive, ms: well within the session timeout of 30 s. */
const heartbeatMs = 1_000;

/** Stores a batch, and commits its offset when it is stored. */
async function storeBatch<T>(
  { batch, heartbeat, isStale, resolveOffset }: EachBatchPayload,
  consumer: Consumer,
  sink: ReceiverSink<T>,
  left: AbortSignal,
  parse: (message: ReceivedMessage) => T,
): Promise<void> {
  const { topic, partition } = batch;
  const records = batch.messages.map((message) => parse({ ...message, topic, partition }));
  await awaiting(new Promise<void>((resolve) => sink.whenRoom(resolve)), heartbeat, left);
  // The partition belongs to another member now, which receives these records too.
  if (left.aborted || isStale()) return;
  if (records.length > 0) await awaiting(sink.writeBlock(records), heartbeat, left);
  if (left.aborted) return;
  const last = batch.lastOffset();
  resolveOffset(last);
  await consumer.commitOffsets([{ topic, partition, offset: String(BigInt(last) + 1n) }]);
}

/** Waits, and tells the group meanwhile that this member is alive. Resolves also when the receiver is left. */
async function awaiting(work: Promise<void>, heartbeat: () => Promise<void>, left: AbortSignal): Promise<void> {
  let done = false;
  let leave = () => {};
  const ended = new Promise<void>((resolve) => {
    leave = resolve;
  });
  if (left.aborted) leave();
  left.addEventListener('abort', leave);
  const settled = Promise.race([work, ended]).finally(() => {
    done = true;
    // One for each batch would stay as long as the receiver.
    left.removeEventListener('abort', leave);
  });
  while (!done) {
    let timer: NodeJS.Timeout | undefined;
    const pause = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, heartbeatMs);
    });
    await Promise.race([settled, pause]);
    clearTimeout(timer);
    if (!done) await heartbeat();
  }
  await settled;
}
