import { InvalidOptionError } from '../../batch/errors.js';
import { longestTimer } from '../../driver/driverOptions.js';
import { checkFunction, checkOneOf, checkPositive, checkPositiveInteger } from '../../options/checks.js';
import type { WriteAheadLog } from './writeAheadLog.js';

export interface ReceiverSourceOptions {
  /**
   * How often the records that came become a block, in ms, at the multiples of it. A block is a partition of its batch.
   * @default 200, or the batch interval where that is shorter
   */
  readonly blockInterval?: number;
  /**
   * Cap, in records per second, whatever a rate controller says, and without one too. Default none. A floor is the
   * `minRate` of the controller: all that is received is one partition.
   */
  readonly maxRate?: number;
  /**
   * How many records may wait in memory: for the rate, in blocks, and in batches that wait for their turn.
   * @default 100000
   */
  readonly maxQueue?: number;
  /**
   * What to do with a record that comes when as many wait as may: fail with a `QueueOverflowError`, or drop the record that
   * waits longest (of those that no batch has taken), or the new one. What is dropped is counted by `skipped` in the
   * `BatchInfo`. A receiver that can be pulled is not pulled then, and never overflows. With a `writeAheadLog` the record
   * that waits longest is not dropped: it may have been acknowledged.
   * @default 'error'
   */
  readonly overflow?: 'error' | 'drop-oldest' | 'drop-newest';
  /**
   * How long after a failure the receiver is started anew, in ms. Without it a failure of the receiver fails the stream,
   * once batches have taken what came before.
   */
  readonly restart?: number;
  /** Told why the receiver is going to be started anew, and how often that was of this subscription, with this one. */
  readonly onRestart?: (error: unknown, restarts: number) => void;
  /**
   * Keeps the records from the moment they are received until their batch is saved, such as `fileWriteAheadLog()`. A batch
   * takes only what is durable there, and what a crash interrupts is replayed from it. Needs a checkpoint. Default none:
   * records that no batch has completed are gone with the process.
   */
  readonly writeAheadLog?: WriteAheadLog;
}

export interface ResolvedReceiverOptions {
  readonly blockInterval: number | undefined;
  readonly maxRate: number | undefined;
  readonly maxQueue: number;
  readonly overflow: 'error' | 'drop-oldest' | 'drop-newest';
  readonly restart: number | undefined;
  readonly onRestart: ((error: unknown, restarts: number) => void) | undefined;
  readonly writeAheadLog: WriteAheadLog | undefined;
}

/** @throws {InvalidOptionError} naming the owner, the option, its value and the rule */
export function resolveReceiverOptions(owner: string, options: ReceiverSourceOptions): ResolvedReceiverOptions {
  const { blockInterval, maxRate, maxQueue = 100_000, overflow = 'error', restart, onRestart, writeAheadLog } = options;
  if (blockInterval !== undefined) {
    checkPositiveInteger(owner, 'blockInterval', blockInterval);
    checkTimer(owner, 'blockInterval', blockInterval);
  }
  if (maxRate !== undefined) checkPositive(owner, 'maxRate', maxRate);
  checkPositiveInteger(owner, 'maxQueue', maxQueue);
  checkOneOf(owner, 'overflow', overflow, ['error', 'drop-oldest', 'drop-newest']);
  if (restart !== undefined) {
    checkPositive(owner, 'restart', restart);
    checkTimer(owner, 'restart', restart);
  }
  if (onRestart !== undefined) {
    checkFunction(owner, 'onRestart', onRestart);
    if (restart === undefined) throw new InvalidOptionError(owner, 'onRestart', onRestart, 'needs restart to be set');
  }
  if (writeAheadLog !== undefined) {
    checkFunction(owner, 'writeAheadLog.open', writeAheadLog.open);
    if (overflow === 'drop-oldest') {
      const rule = 'cannot be used with writeAheadLog: it drops what was acknowledged';
      throw new InvalidOptionError(owner, 'overflow', overflow, rule);
    }
  }
  return { blockInterval, maxRate, maxQueue, overflow, restart, onRestart, writeAheadLog };
}

function checkTimer(owner: string, option: string, value: number): void {
  if (value > longestTimer) {
    throw new InvalidOptionError(owner, option, value, `must be at most ${longestTimer}, what a timer can wait`);
  }
}
