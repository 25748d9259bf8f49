import type { Observer } from 'rxjs';
import { InvalidOptionError } from '../batch/errors.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { arrayOf, checkBoolean, checkObserver, checkText } from '../options/checks.js';
import type { Checkpoint, OpenOptions } from '../state/checkpoint.js';
import type { Damage } from '../state/damage.js';
import { checkCheckpoint, knownState, openCheckpoint, settle } from './openedCheckpoint.js';
import type { EntryLine, ProgressLine, StateLine } from './stateLines.js';
import { toTaggedJson } from './taggedJson.js';

/** Options of `exportCheckpoint`. */
export interface ExportOptions {
  /**
   * Whether what is damaged is left out, so that the rest of the checkpoint can be imported into a new one. Nothing is written to the
   * damaged one.
   * @default false: damage fails the export
   */
  readonly skipDamaged?: boolean | undefined;
  /**
   * With `skipDamaged`, of a checkpoint in files whose changelog has lost a record: whether the export is as of the last batch. A key that
   * no later record sets has an unknown value then, and is left out. Otherwise the export is as of the batch before the lost record.
   * @default false
   */
  readonly pastDamage?: boolean | undefined;
  /**
   * With `skipDamaged`: its `next` receives each damage, and what is left out because of it.
   * @default none
   */
  readonly damageObserver?: Partial<Observer<Damage>> | undefined;
}

const optionChecks: OptionChecks<ExportOptions> = {
  skipDamaged: checkBoolean,
  pastDamage: checkBoolean,
  damageObserver: checkObserver,
};

/**
 * Reads a checkpoint as lines of JSON: its progress, then each state with its entries, oldest key first. What JSON has no form for is
 * [tagged](https://github.com/dstream-js/dstream/blob/main/docs/checkpoint-tool.md#the-lines). The checkpoint is in use until the last
 * line, or until the iteration is left.
 *
 * @param ids the states to export. Default: all
 * @throws {InvalidOptionError} when an argument is not what it should be; (as a rejection) when the checkpoint has no state with one of the
 * ids; the message lists those it has
 * @throws {CheckpointError} (as a rejection) while a stream owns the checkpoint
 * @throws {CorruptCheckpointError} (as a rejection) when it is damaged, unless that is to be left out
 *
 * @see importCheckpoint
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, memoryCheckpoint, type Pair, updateStateByKey } from 'dstream';
 * import { exportCheckpoint } from 'dstream/node';
 *
 * const checkpoint = memoryCheckpoint();
 * const visits: Pair<string, bigint>[][] = [[['ann', 1n], ['bob', 2n]]];
 * const add = (values: readonly bigint[], sum = 0n) => values.reduce((a, b) => a + b, sum);
 * fromBatches(visits, { interval: 10, checkpoint })
 *   .pipe(updateStateByKey(add, { id: 'sums' }), foreachBatch(() => {}))
 *   .subscribe({
 *     complete: async () => {
 *       for await (const line of exportCheckpoint(checkpoint, ['sums'])) {
 *         if (!line.includes('progress')) console.log(line);
 *       }
 *     },
 *   });
 * // => {"dstream":"state","id":"sums","operator":"updateStateByKey","signature":"","version":0}
 * // => {"key":"ann","state":{"$":"bigint","value":"1"}}
 * // => {"key":"bob","state":{"$":"bigint","value":"2"}}
 * ```
 */
export function exportCheckpoint(
  checkpoint: Checkpoint,
  ids?: readonly string[],
  options: ExportOptions = {},
): AsyncGenerator<string, void> {
  checkCheckpoint('exportCheckpoint', 'checkpoint', checkpoint);
  if (ids !== undefined) arrayOf(checkText)('exportCheckpoint', 'ids', ids as never);
  checkOptions('exportCheckpoint', options, optionChecks);
  const { skipDamaged = false, pastDamage = false, damageObserver } = options;
  if (pastDamage && !skipDamaged) {
    throw new InvalidOptionError('exportCheckpoint', 'pastDamage', pastDamage, 'needs skipDamaged');
  }
  const damaged = (damage: Damage) => damageObserver?.next?.(damage);
  return linesOf(checkpoint, ids, skipDamaged ? { salvage: { damaged, past: pastDamage } } : {});
}

async function* linesOf(
  checkpoint: Checkpoint,
  ids: readonly string[] | undefined,
  how: OpenOptions,
): AsyncGenerator<string, void> {
  const session = await openCheckpoint(checkpoint, { takeover: 'refuse', ...how });
  try {
    const { restored } = session;
    const wanted = ids ?? restored?.stateIds ?? [];
    for (const id of wanted) knownState('exportCheckpoint', 'ids', id, checkpoint, session);
    if (!restored) return;
    const { time, zeroTime, interval, positions, planned } = restored;
    // What is left of a damaged one may have states without it.
    if (!Number.isNaN(time))
      yield line({ dstream: 'progress', format: 1, time, zeroTime, interval, positions, planned });
    for (const id of wanted) {
      const { state } = knownState('exportCheckpoint', 'ids', id, checkpoint, session);
      const { operator, signature, version } = state;
      yield line({ dstream: 'state', id, operator, signature, version });
      for (const [key, value] of state.entries()) yield line({ key: toTaggedJson(key), state: toTaggedJson(value) });
    }
  } finally {
    await settle(session.close());
  }
}

function line(content: ProgressLine | StateLine | EntryLine): string {
  return JSON.stringify(content);
}
