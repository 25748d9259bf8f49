import type { Observer } from 'rxjs';
import { InvalidOptionError } from '../../batch/errors.js';
import { maxTimerMs } from '../../driver/driverOptions.js';
import { checkFunction, checkObserver, checkOneOf, checkPositive, checkPositiveInteger } from '../../options/checks.js';
import type { WriteAheadLog } from './writeAheadLog.js';

/** A receiver failed and is going to be started again. */
export interface ReceiverRestart {
  /** What the receiver failed with. */
  readonly error: unknown;
  /** How many restarts this subscription has had, this one included. */
  readonly restarts: number;
}

/** Options of a receiver. */
export interface ReceiverSourceOptions {
  /**
   * How often the records that arrived become a block, in ms, at the multiples of it. A block is a partition of its batch.
   * @default 200, or the batch interval where that is shorter
   */
  readonly blockInterval?: number;
  /**
   * Upper limit of the rate, in records per second, with or without a rate controller. For a lower limit use the `minRate` of
   * the controller: all records of a receiver are one partition.
   * @default no limit
   */
  readonly maxRate?: number;
  /**
   * How many records may wait in memory: for the rate, in blocks, and in batches that wait for their turn.
   * @default 100000
   */
  readonly maxQueue?: number;
  /**
   * What happens to a record that arrives when `maxQueue` records wait: `'error'` fails the stream with a `QueueOverflowError`,
   * `'drop-oldest'` drops the record that has waited longest (of those that no batch has taken), `'drop-newest'` drops the
   * new one. Dropped records are counted by `skipped` in the `BatchInfo`. A receiver that can be pulled is not pulled then,
   * and never overflows. With a `writeAheadLog`, `'drop-oldest'` is refused: the record may have been acknowledged.
   * @default 'error'
   */
  readonly overflow?: 'error' | 'drop-oldest' | 'drop-newest';
  /**
   * How long after a failure the receiver is started again, in ms.
   * @default no restart: a failure of the receiver fails the stream, once batches have taken what came before
   */
  readonly restartDelay?: number;
  /**
   * Its `next` receives each failure after which the receiver is started again; an error that it throws fails the stream.
   * Needs `restartDelay`.
   * @default none
   */
  readonly restartObserver?: Partial<Observer<ReceiverRestart>>;
  /**
   * Keeps the records from the moment they are received until their batch is saved, such as `fileWriteAheadLog()`. A batch
   * takes only what is durable there, and what a crash interrupts is replayed from it. Needs a checkpoint.
   * @default none: records that no batch has completed are lost with the process
   */
  readonly writeAheadLog?: WriteAheadLog;
}

export interface ResolvedReceiverOptions {
  readonly blockInterval: number | undefined;
  readonly maxRate: number | undefined;
  readonly maxQueue: number;
  readonly overflow: 'error' | 'drop-oldest' | 'drop-newest';
  readonly restartDelay: number | undefined;
  readonly restartObserver: Partial<Observer<ReceiverRestart>> | undefined;
  readonly writeAheadLog: WriteAheadLog | undefined;
}

/** @throws {InvalidOptionError} naming the owner, the option, its value and the rule */
export function resolveReceiverOptions(owner: string, options: ReceiverSourceOptions): ResolvedReceiverOptions {
  const { blockInterval, maxRate, maxQueue = 100_000, overflow = 'error' } = options;
  const { restartDelay, restartObserver, writeAheadLog } = options;
  if (blockInterval !== undefined) {
    checkPositiveInteger(owner, 'blockInterval', blockInterval);
    checkTimer(owner, 'blockInterval', blockInterval);
  }
  if (maxRate !== undefined) checkPositive(owner, 'maxRate', maxRate);
  checkPositiveInteger(owner, 'maxQueue', maxQueue);
  checkOneOf(owner, 'overflow', overflow, ['error', 'drop-oldest', 'drop-newest']);
  if (restartDelay !== undefined) {
    checkPositive(owner, 'restartDelay', restartDelay);
    checkTimer(owner, 'restartDelay', restartDelay);
  }
  if (restartObserver !== undefined) {
    checkObserver(owner, 'restartObserver', restartObserver);
    if (restartDelay === undefined) {
      throw new InvalidOptionError(owner, 'restartObserver', restartObserver, 'needs restartDelay');
    }
  }
  if (writeAheadLog !== undefined) {
    checkFunction(owner, 'writeAheadLog.open', writeAheadLog.open);
    if (overflow === 'drop-oldest') {
      const rule = 'cannot be used with writeAheadLog: it drops what was acknowledged';
      throw new InvalidOptionError(owner, 'overflow', overflow, rule);
    }
  }
  return { blockInterval, maxRate, maxQueue, overflow, restartDelay, restartObserver, writeAheadLog };
}

function checkTimer(owner: string, option: string, value: number): void {
  if (value > maxTimerMs) {
    throw new InvalidOptionError(owner, option, value, `must be at most ${maxTimerMs}, what a timer can wait`);
  }
}
