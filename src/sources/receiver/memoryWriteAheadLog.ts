import { defer, EMPTY, of } from 'rxjs';
import { InvalidRecordError } from '../../batch/errors.js';
import { oneOwner } from '../../state/oneOwner.js';
import { checkLoggable } from './loggableRecord.js';
import { refusedBlock } from './refusedBlock.js';
import type { Block, WriteAheadLog, WriteAheadLogRequest, WriteAheadLogSession } from './writeAheadLog.js';

const location = 'memory';

/**
 * A write-ahead log in memory. It outlives subscriptions, not the process: with it and `memoryCheckpoint()` the records of a
 * receiver survive a stream that fails and is retried, in a browser too, and restarts can be tested in virtual time.
 *
 * Records must be plain data, or built-in objects that `structuredClone` copies; others are refused. One stream uses the log at a time: when another opens it, the earlier
 * one is fenced.
 *
 * @throws {FencedError} (as a notification) when another stream has opened it
 *
 * @example
 * ```ts
 * import { foreachBatch, memoryCheckpoint, memoryWriteAheadLog, receiverBatches } from 'dstream';
 * import { retry, Subject } from 'rxjs';
 *
 * const clicks = new Subject<string>();
 * let crashes = 1;
 * const stream = receiverBatches(clicks, {
 *   interval: 5,
 *   checkpoint: memoryCheckpoint(),
 *   writeAheadLog: memoryWriteAheadLog(),
 * });
 * const subscription = stream
 *   .pipe(
 *     foreachBatch((records) => {
 *       if (records.length === 0) return;
 *       if (crashes-- > 0) throw new Error('crash');
 *       console.log(records);
 *       subscription.unsubscribe();
 *     }),
 *     retry(1),
 *   )
 *   .subscribe();
 * for (const click of ['a', 'b']) clicks.next(click);
 * // => [ 'a', 'b' ]
 * ```
 */
export function memoryWriteAheadLog(): WriteAheadLog {
  let blocks: Block<unknown>[] = [];
  const takeOver = oneOwner();

  const dropBefore = (offset: number) => {
    blocks = blocks.filter(({ from, records }) => from + records.length > offset);
  };
  const session = ({ saved, planned }: WriteAheadLogRequest): WriteAheadLogSession => {
    const asOwner = takeOver();
    dropBefore(saved);
    const last = blocks.at(-1);
    let next = last ? last.from + last.records.length : planned;
    const add = (block: Block<unknown>) => {
      const refused = refusedBlock(location, block, next);
      if (refused) throw refused;
      blocks.push(copyOf(block));
      next += block.records.length;
    };
    return {
      recovered: () => structuredClone(blocks),
      check: (record) => checkLoggable('memoryWriteAheadLog', record),
      append: (block) => asOwner(() => add(block)),
      release: (offset) => asOwner(() => dropBefore(offset)),
      close: () => EMPTY,
    };
  };
  return { location, open: (request) => defer(() => of(session(request))) };
}

function copyOf(block: Block<unknown>): Block<unknown> {
  try {
    return structuredClone(block);
  } catch (error) {
    // What `check` cannot see, such as a Proxy.
    const rule = `cannot be copied by structuredClone: ${(error as Error).message}`;
    throw new InvalidRecordError('memoryWriteAheadLog', block.records, rule);
  }
}
