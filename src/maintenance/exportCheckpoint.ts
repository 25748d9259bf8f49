import { arrayOf, checkText } from '../options/checks.js';
import type { Checkpoint } from '../state/checkpoint.js';
import { checkCheckpoint, knownState, openCheckpoint, settle } from './openedCheckpoint.js';
import type { EntryLine, ProgressLine, StateLine } from './stateLines.js';
import { toTaggedJson } from './taggedJson.js';

/**
 * Reads a checkpoint as lines of JSON: its progress, then each state with its entries, oldest key first. What JSON has no form for is
 * [tagged](https://github.com/dstream-js/dstream/blob/main/docs/checkpoint-tool.md#the-lines). The checkpoint is in use until the last
 * line, or until the iteration is left.
 *
 * @param ids the states to export. Default: all
 * @throws {InvalidOptionError} (as a rejection) when the checkpoint has no state with one of the ids; the message lists those it has
 * @throws {CheckpointError} (as a rejection) while a stream owns the checkpoint
 * @throws {CorruptCheckpointError} (as a rejection) when it is damaged
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
export function exportCheckpoint(checkpoint: Checkpoint, ids?: readonly string[]): AsyncGenerator<string, void> {
  checkCheckpoint('exportCheckpoint', 'checkpoint', checkpoint);
  if (ids !== undefined) arrayOf(checkText)('exportCheckpoint', 'ids', ids as never);
  return linesOf(checkpoint, ids);
}

async function* linesOf(checkpoint: Checkpoint, ids: readonly string[] | undefined): AsyncGenerator<string, void> {
  const session = await openCheckpoint(checkpoint, { takeover: 'refuse' });
  try {
    const { restored } = session;
    const wanted = ids ?? restored?.stateIds ?? [];
    for (const id of wanted) knownState('exportCheckpoint', 'ids', id, checkpoint, session);
    if (!restored) return;
    const { time, zeroTime, interval, positions, planned } = restored;
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
