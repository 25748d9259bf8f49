import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { defer } from 'rxjs';
import { CheckpointError, DStreamError, InvalidOptionError } from '../../../batch/errors.js';
import { checkOptions, type OptionChecks, required } from '../../../options/checkOptions.js';
import {
  allOf,
  checkNonNegativeInteger,
  checkPositiveInteger,
  checkText,
  checkTimer,
  orInfinity,
} from '../../../options/checks.js';
import type { Checkpoint, OpenOptions } from '../../../state/checkpoint.js';
import { changelogCopies } from '../../../state/kafka/changelogCopies.js';
import type { ChangelogSession } from '../../../state/kafka/changelogSession.js';
import { openChangelog, openDamagedChangelog } from '../../../state/kafka/openChangelog.js';
import { lmdbCopies } from '../../../state/lmdb/lmdbCopies.js';
import { resolveTakeover, takeoverChecks } from '../../../state/resolveTakeover.js';
import type { TakeoverOptions } from '../../../storage/takeover.js';
import type { Kafka, KafkaRuntime } from './kafka.js';
import { type BatchMessages, changelogCommand, KafkajsChangelog } from './kafkajsChangelog.js';
import { kafkajsTransactions } from './kafkajsTransactions.js';

/** Options of `kafkaCheckpoint`. */
export interface KafkaCheckpointOptions extends TakeoverOptions {
  /** The compacted topic in which states are kept. It is created where it is missing. */
  readonly topic: string;
  /**
   * The partition that is this checkpoint's own: that of the task, in a job that is divided into tasks.
   * @default 0
   */
  readonly partition?: number | undefined;
  /**
   * How many partitions the topic gets where it is created here: the number of tasks.
   * @default 1 for partition 0; for another one the topic must exist
   */
  readonly partitions?: number | undefined;
  /**
   * When the broker aborts a transaction that has not ended, in ms.
   * @default 60000
   */
  readonly transactionTimeout?: number | undefined;
  /**
   * A directory on this machine, for a copy of the partition: a restart here reads only what came after it. Partitions of several topics
   * may share the directory, and processes of one machine too. The copy is a help and no more: where it is damaged or too old, or the disk is full, a
   * process warning says so, and the job goes on without. Takes the package `lmdb`.
   *
   * @default none: all of the partition is read from Kafka
   */
  readonly copy?: string | undefined;
  /**
   * How long, in ms, copies stay in the directory `copy` that no process of the machine works with or keeps as a standby: then those of this topic
   * are deleted, such as of tasks that have moved to another machine. `Infinity` deletes none. Kafka Streams calls it `state.cleanup.delay.ms`.
   * @default 600000
   */
  readonly copyCleanupDelay?: number | undefined;
}

/** A checkpoint in Kafka. `sendInTransaction` takes it to write in the transaction that saves the batch. */
export interface KafkaCheckpoint extends Checkpoint {
  /** @internal Writes messages in the transaction in which the batch of this time will be saved, if this is the open checkpoint of the run. */
  inTransaction(session: object | undefined, time: number, messages: BatchMessages): void;
  /** @internal The client that it writes with. */
  readonly client: Kafka | KafkaRuntime;
}

/** As of Kafka Streams. */
const defaultCleanupDelayMs = 600_000;

const optionChecks: OptionChecks<KafkaCheckpointOptions> = {
  topic: required(checkTopic),
  partition: checkNonNegativeInteger,
  partitions: checkPositiveInteger,
  transactionTimeout: allOf(checkPositiveInteger, checkTimer),
  copy: checkText,
  copyCleanupDelay: orInfinity(checkPositiveInteger),
  ...takeoverChecks,
};

/**
 * A checkpoint in Kafka alone: the progress, the planned batches and the state of a job, in one partition of a compacted topic, each
 * complete batch in one transaction. With `sendInTransaction` the output of the batch is in that transaction too.
 *
 * Give each job a topic, and each task of it a partition: the topic and partition are the transactional id, so that two jobs with the
 * same would fence each other. A job whose owner shows signs of life is waited for, unless `takeover` says otherwise; a member of a group
 * (`kafkaTasks`, `membership: 'exclusive'`) takes what is its own at once. A process that waits reads on, and has little left to read when it is due.
 * An owner that was believed dead and is alive writes nothing more, and fails with a `FencedError`.
 *
 * The cost of a batch is in proportion to what it changed. The structured clone algorithm must be able to copy the state; a key with its state
 * must fit into a record (`max.message.bytes` of the topic, 1 MiB by default). All of it is read when the checkpoint is opened, and lives
 * in memory; with `copy` only what is newer than a copy on this machine comes from Kafka. A damaged entry is noticed when its state is read.
 *
 * Source: changelog topics of Kafka Streams; the transaction over state, output and progress is its exactly-once processing (KIP-129).
 *
 * @throws {InvalidOptionError} when an option is out of its range; (as a notification) when the topic lacks the partition
 * @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4
 * @throws {CheckpointError} (as a notification) when the topic is not compacted, or another process owns it and is not to be waited for
 * @throws {CorruptCheckpointError} (as a notification) when records of the partition are no checkpoint's, damaged, or of another
 * version
 * @throws {FencedError} (as a notification) when another process has opened it
 * @throws {RecordTooLargeError} (as a notification) when a key with its state is larger than a record may be
 *
 * @example
 * ```ts no-run
 * import { json, mapRecords, updateStateByKey } from 'dstream';
 * import { kafkaCheckpoint, kafkaTasks, sendInTransaction } from 'dstream/kafka';
 * import { Kafka } from 'kafkajs';
 * import { mergeMap } from 'rxjs';
 *
 * const kafka = new Kafka({ brokers: ['localhost:9092'] });
 * kafkaTasks(kafka, {
 *   topics: ['clicks'],
 *   groupId: 'counts',
 *   start: 'earliest',
 *   interval: 1_000,
 *   deserialize: json<{ user: string }>(),
 *   checkpoint: ({ partition, of }) => kafkaCheckpoint(kafka, { topic: 'counts-state', partition, partitions: of }),
 * })
 *   .pipe(
 *     mergeMap((task) =>
 *       task.pipe(
 *         mapRecords(({ user }) => [user, 1] as const),
 *         updateStateByKey((values, total: number | undefined) => (total ?? 0) + values.length, { id: 'clicks' }),
 *         mapRecords(([key, total]) => ({ key, value: String(total) })),
 *         sendInTransaction(task.checkpoint, { topic: 'counts' }),
 *       ),
 *     ),
 *   )
 *   .subscribe();
 * ```
 *
 * @see {@link sendInTransaction}
 * @see {@link kafkaTasks}
 */
export function kafkaCheckpoint(kafka: Kafka | KafkaRuntime, options: KafkaCheckpointOptions): KafkaCheckpoint {
  checkOptions('kafkaCheckpoint', options, optionChecks);
  const { topic, partition = 0, partitions = partition === 0 ? 1 : undefined, transactionTimeout = 60_000 } = options;
  const place = options.copy === undefined ? undefined : resolve(options.copy);
  const { copyCleanupDelay = defaultCleanupDelayMs } = options;
  const copies =
    place === undefined ? undefined : lmdbCopies(resolve(place, `${topic}-${partition}`), copyCleanupDelay);
  if (partitions !== undefined && partitions <= partition) {
    throw new InvalidOptionError(
      'kafkaCheckpoint',
      'partitions',
      partitions,
      `must be more than partition ${partition}`,
    );
  }
  // Fails now if `kafka` is not supported.
  kafkajsTransactions(kafka, transactionTimeout);
  const takeover = resolveTakeover(options);
  const location = `Kafka topic ${topic}/${partition}`;
  let current: ChangelogSession<BatchMessages> | undefined;
  const changelogPlace = { topic, partition, partitions, transactionTimeout };
  const open = async (how: OpenOptions = {}) => {
    try {
      const changelog = new KafkajsChangelog(kafka, location, changelogPlace);
      if (how.salvage) return await openDamagedChangelog(changelog, how.salvage, takeover(how));
      current = await openChangelog(changelog, { ...takeover(how), by: how.by }, copies);
      return current;
    } catch (cause) {
      if (cause instanceof DStreamError) throw cause;
      throw new CheckpointError(location, 'open', { cause });
    }
  };
  return {
    location,
    client: kafka,
    command: (action) => changelogCommand(topic, partition, action),
    copies:
      copies &&
      changelogCopies(`${hostname()} ${place}`, copies, () => {
        return new KafkajsChangelog(kafka, location, { ...changelogPlace, follows: true });
      }),
    open: (how) => defer(() => open(how)),
    inTransaction: (session, time, messages) => {
      const rule = 'must be the checkpoint of the stream';
      if (!current || session !== current)
        throw new InvalidOptionError('sendInTransaction', 'checkpoint', location, rule);
      current.with(time, messages);
    },
  };
}

/** As Kafka names topics. */
function checkTopic(owner: string, option: string, value: unknown): void {
  if (typeof value !== 'string' || !/^[\w.-]{1,249}$/.test(value) || value === '.' || value === '..') {
    throw new InvalidOptionError(owner, option, value, 'must be a name of a topic');
  }
}
