import type { Observer } from 'rxjs';
import { InvalidOptionError } from '../../batch/errors.js';
import type { ReceiverStatus } from '../../batch/monitoring/receiverStatus.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { type OptionChecks, required, shape } from '../../options/checkOptions.js';
import {
  allOf,
  checkBoolean,
  checkFunction,
  checkObserver,
  checkPositive,
  checkPositiveInteger,
  checkTimer,
  oneOf,
  orInfinity,
  withMethods,
} from '../../options/checks.js';
import type { Resolved } from '../../options/resolved.js';
import { checkDelay, checkRestart, type RestartOptions, type RestartPolicy, restartPolicy } from './restartPolicy.js';
import type { WriteAheadLog } from './writeAheadLog.js';

/** A receiver failed, or was closed, and is going to be started again. */
export interface ReceiverRestart {
  /** What the receiver failed with; `undefined` after it has completed. */
  readonly error: unknown;
  /** How many restarts this receiver has had in this subscription, this one included. */
  readonly restarts: number;
}

/** When records are left out because they have become too old. */
export interface IgnoreOptions {
  /** How old a block may be when its turn comes, in ms: older ones are left out. */
  readonly olderThan: number;
  /**
   * Whether each block is judged by itself; `false` leaves out the whole batch once its newest block is too old.
   * @default true
   */
  readonly partitions?: boolean | undefined;
}

/** Records that were left out because they had become too old. */
export interface IgnoredRecords {
  /** The blocks, as offset ranges. */
  readonly ranges: readonly OffsetRange[];
  /** How many records they have. */
  readonly records: number;
  /** The age of the newest of them, in ms. */
  readonly age: number;
}

/** Where records are between their arrival and their batch, as Spark names it. */
export type StorageLevel = 'memory' | 'memory-and-disk' | 'disk';

/** Options of a receiver. */
export interface ReceiverSourceOptions<T = unknown> {
  /**
   * How often the records that arrived become a block, in ms, at the multiples of it. A block is a partition of its batch.
   * @default 200, or the batch interval where that is shorter
   */
  readonly blockInterval?: number | undefined;
  /**
   * Upper limit of the rate, in records per second, with or without a rate controller. For a lower limit use the `minRate` of
   * the controller: all records of a receiver are one partition.
   * @default no limit
   */
  readonly maxRate?: number | undefined;
  /**
   * How many records may wait in memory: for the rate, in blocks, and in batches that wait for their turn. A receiver that is a function
   * may store what it has in hand when `store` returns `false`, up to as many again.
   * @default 100000, or no limit with a `storageLevel` that uses the disk
   */
  readonly maxQueue?: number | undefined;
  /**
   * How many bytes of records may wait in memory. A record is taken if there is room when it arrives, so one record, or one
   * block of `storeBlock`, may be beyond it.
   * @default 67108864 (64 MiB)
   */
  readonly maxQueueBytes?: number | undefined;
  /**
   * Returns about how many bytes a record takes in memory.
   * @default the length of strings and bytes, and what is kept beside them; for others an estimate by a sample of them
   */
  readonly sizeOf?: ((record: NoInfer<T>) => number) | undefined;
  /**
   * What happens to a record that arrives when `maxQueue` records or `maxQueueBytes` wait: `'error'` fails the stream with a `QueueOverflowError`,
   * `'drop-oldest'` drops the record that has waited longest (of those that no batch has taken), `'drop-newest'` drops the
   * new one. Dropped records are counted by `skipped` in the `BatchInfo`. A receiver that can be pulled is not pulled then,
   * and never overflows. With a `writeAheadLog`, `'drop-oldest'` is refused: the record may have been acknowledged.
   * @default 'error'
   */
  readonly overflow?: 'error' | 'drop-oldest' | 'drop-newest' | undefined;
  /**
   * Whether and when a receiver that failed, or was closed, is started again. A number, in ms, is the delay before each restart,
   * always the same and without a limit of their count. What can be consumed only once, such as a socket, must be made by a
   * function: `() => connect(port)`.
   * @default no restart: a failure of the receiver fails the stream, once batches have taken what came before
   */
  readonly restart?: RestartOptions | number | undefined;
  /**
   * The same as a number for `restart`: the delay in ms.
   * @default no restart
   */
  readonly restartDelay?: number | undefined;
  /**
   * Its `next` receives each failure after which the receiver is started again; an error that it throws fails the stream.
   * Needs `restart`.
   * @default none
   */
  readonly restartObserver?: Partial<Observer<ReceiverRestart>> | undefined;
  /**
   * Its `next` receives each status of each receiver: connecting, running, waiting for a restart, failed, complete, stopped; and
   * the errors that a receiver reports while it goes on. An error that it throws fails the stream.
   * @default none
   */
  readonly statusObserver?: Partial<Observer<ReceiverStatus>> | undefined;
  /**
   * The number of receivers that are started, from one function, Observable or iterable. Their records are one source, and
   * each record comes from one of them.
   * @default 1
   */
  readonly receivers?: number | undefined;
  /**
   * How long a write into the log, or to the disk, may take, in ms: the stream fails with a `TimedOutError` then. `Infinity` for no
   * limit.
   * @default 30000
   */
  readonly storeTimeout?: number | undefined;
  /**
   * Leaves out blocks, or whole batches, that are too old when their turn comes, where freshness counts more than completeness.
   * They are counted by `skipped` in the `BatchInfo`.
   * @default nothing is left out
   */
  readonly ignore?: IgnoreOptions | undefined;
  /**
   * Its `next` receives what was left out because of `ignore`.
   * @default none
   */
  readonly ignoreObserver?: Partial<Observer<IgnoredRecords>> | undefined;
  /**
   * Where records are until their batch is read: `'memory'`; `'memory-and-disk'`, where the newest are on disk only once half of
   * `maxQueueBytes` is used; or `'disk'`. `maxQueueBytes` bounds what is in memory, and what is on disk has no bound but
   * `maxQueue`. The disk is that of the `writeAheadLog`, which must be able to read blocks back as `fileWriteAheadLog()` is, or
   * else of `blockStore`.
   * @default 'memory'
   */
  readonly storageLevel?: StorageLevel | undefined;
  /**
   * Where blocks are on disk if there is no `writeAheadLog`, such as `fileBlockStore()`.
   * @default none
   */
  readonly blockStore?: WriteAheadLog | undefined;
  /**
   * How many bytes of records a batch takes at most, also without a rate, in whole chunks of about 1 MiB. Not for the storage level
   * `'memory'`, where they are in memory anyway.
   * @default half of `maxQueueBytes`
   */
  readonly maxBatchBytes?: number | undefined;
  /**
   * Keeps the records from the moment they are received until their batch is saved, such as `fileWriteAheadLog()`. A batch
   * takes only what is durable there, and what a crash interrupts is replayed from it. Needs a checkpoint.
   * @default none: records that no batch has completed are lost with the process
   */
  readonly writeAheadLog?: WriteAheadLog | undefined;
}

export interface ResolvedReceiverOptions {
  readonly blockInterval: number | undefined;
  readonly maxRate: number | undefined;
  readonly maxQueue: number;
  readonly maxQueueBytes: number;
  readonly sizeOf: ((record: unknown) => number) | undefined;
  readonly overflow: 'error' | 'drop-oldest' | 'drop-newest';
  readonly restart: RestartPolicy | undefined;
  readonly restartObserver: Partial<Observer<ReceiverRestart>> | undefined;
  readonly statusObserver: Partial<Observer<ReceiverStatus>> | undefined;
  readonly receivers: number;
  readonly storeTimeout: number;
  readonly ignore: Resolved<IgnoreOptions> | undefined;
  readonly ignoreObserver: Partial<Observer<IgnoredRecords>> | undefined;
  readonly writeAheadLog: WriteAheadLog | undefined;
  readonly storageLevel: StorageLevel;
  readonly blockStore: WriteAheadLog | undefined;
  readonly maxBatchBytes: number;
}

/** What each option must be by itself; `resolveReceiverOptions` checks what they must be together. */
export const receiverChecks: OptionChecks<ReceiverSourceOptions<never>> = {
  blockInterval: allOf(checkPositiveInteger, checkTimer),
  maxRate: checkPositive,
  maxQueue: orInfinity(checkPositiveInteger),
  maxQueueBytes: checkPositiveInteger,
  sizeOf: checkFunction,
  overflow: oneOf('error', 'drop-oldest', 'drop-newest'),
  restart: checkRestart,
  restartDelay: checkDelay,
  restartObserver: checkObserver,
  statusObserver: checkObserver,
  receivers: checkPositiveInteger,
  storeTimeout: orInfinity(allOf(checkPositive, checkTimer)),
  ignore: shape<IgnoreOptions>({ olderThan: required(checkPositive), partitions: checkBoolean }),
  ignoreObserver: checkObserver,
  storageLevel: oneOf('memory', 'memory-and-disk', 'disk'),
  blockStore: withMethods('open'),
  maxBatchBytes: checkPositiveInteger,
  writeAheadLog: withMethods('open'),
};

const defaultMaxQueueBytes = 64 << 20;
const defaultStoreTimeoutMs = 30_000;

/** @throws {InvalidOptionError} naming the owner, the option, its value and the rule */
export function resolveReceiverOptions(owner: string, options: ReceiverSourceOptions<never>): ResolvedReceiverOptions {
  const { blockInterval, maxRate, maxQueueBytes = defaultMaxQueueBytes, storageLevel = 'memory' } = options;
  const { maxQueue = storageLevel === 'memory' ? 100_000 : Infinity } = options;
  const { overflow = 'error', receivers = 1, storeTimeout = defaultStoreTimeoutMs, writeAheadLog } = options;
  checkLog(owner, options);
  checkStorage(owner, options);
  return {
    blockInterval,
    maxRate,
    maxQueue,
    maxQueueBytes,
    sizeOf: options.sizeOf as ((record: unknown) => number) | undefined,
    overflow,
    receivers,
    storeTimeout,
    writeAheadLog,
    storageLevel,
    blockStore: options.blockStore,
    maxBatchBytes: options.maxBatchBytes ?? Math.ceil(maxQueueBytes / 2),
    ...supervision(owner, options),
    ...freshness(owner, options),
  };
}

type Supervision = Pick<ResolvedReceiverOptions, 'restart' | 'restartObserver' | 'statusObserver'>;

function supervision(owner: string, options: ReceiverSourceOptions<never>): Supervision {
  const { restart, restartDelay, restartObserver, statusObserver } = options;
  if (restart !== undefined && restartDelay !== undefined) {
    throw new InvalidOptionError(owner, 'restartDelay', restartDelay, 'cannot be used with restart');
  }
  const asked = restart ?? restartDelay;
  if (asked !== undefined) return { restart: restartPolicy(owner, asked), restartObserver, statusObserver };
  if (restartObserver === undefined) return { restart: undefined, restartObserver, statusObserver };
  throw new InvalidOptionError(owner, 'restartObserver', restartObserver, 'needs restart');
}

function freshness(
  owner: string,
  { ignore, ignoreObserver }: ReceiverSourceOptions<never>,
): Pick<ResolvedReceiverOptions, 'ignore' | 'ignoreObserver'> {
  if (ignoreObserver !== undefined) {
    if (!ignore) throw new InvalidOptionError(owner, 'ignoreObserver', ignoreObserver, 'needs ignore');
  }
  if (ignore === undefined) return { ignore, ignoreObserver };
  const { olderThan, partitions = true } = ignore;
  return { ignore: { olderThan, partitions }, ignoreObserver };
}

function checkLog(owner: string, { writeAheadLog, overflow }: ReceiverSourceOptions<never>): void {
  if (writeAheadLog === undefined || overflow !== 'drop-oldest') return;
  const rule = 'cannot be used with writeAheadLog: it drops what was acknowledged';
  throw new InvalidOptionError(owner, 'overflow', overflow, rule);
}

function checkStorage(owner: string, options: ReceiverSourceOptions<never>): void {
  const { storageLevel = 'memory', blockStore, writeAheadLog, overflow, maxBatchBytes } = options;
  if (storageLevel === 'memory') {
    for (const [name, value] of Object.entries({ blockStore, maxBatchBytes })) {
      if (value !== undefined)
        throw new InvalidOptionError(owner, name, value, 'needs a storageLevel that uses the disk');
    }
    return;
  }
  if ((blockStore === undefined) === (writeAheadLog === undefined)) {
    const rule = 'needs a writeAheadLog or a blockStore, and one of them only';
    throw new InvalidOptionError(owner, 'storageLevel', storageLevel, rule);
  }
  if (overflow === 'drop-oldest') {
    const rule = `cannot be used with storageLevel "${storageLevel}": what is on disk is not dropped`;
    throw new InvalidOptionError(owner, 'overflow', overflow, rule);
  }
}
