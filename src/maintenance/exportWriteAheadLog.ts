import { resolve } from 'node:path';
import type { Observer } from 'rxjs';
import { CorruptCheckpointError } from '../batch/errors.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkBoolean, checkNonNegativeInteger, checkObserver, checkText, withMethods } from '../options/checks.js';
import { readDamagedLog } from '../sources/receiver/node/salvageBlocks.js';
import type { BlockCodec } from '../sources/receiver/node/segmentRecords.js';
import type { Damage } from '../state/damage.js';
import { type IntegrityOptions, integrityChecks, integrityKeyOf } from '../storage/integrityKey.js';
import { toTaggedJson } from './taggedJson.js';

/** Options of `exportWriteAheadLog`. */
export interface ExportLogOptions extends IntegrityOptions {
  /**
   * The offset of the first record that is exported: where a checkpoint goes on, for records that are not saved. A log is deleted in
   * pieces, and has some before that; one that begins behind it is damaged.
   * @default 0: all that the log has
   */
  readonly from?: number | undefined;
  /**
   * Whether what is damaged is left out. Nothing is written to the log.
   * @default false: damage fails the export
   */
  readonly skipDamaged?: boolean | undefined;
  /**
   * With `skipDamaged`: its `next` receives each damage.
   * @default none
   */
  readonly damageObserver?: Partial<Observer<Damage>> | undefined;
  /**
   * The `codec` of the log.
   * @default that of `fileWriteAheadLog`
   */
  readonly codec?: BlockCodec | undefined;
}

const optionChecks: OptionChecks<ExportLogOptions> = {
  from: checkNonNegativeInteger,
  skipDamaged: checkBoolean,
  damageObserver: checkObserver,
  codec: withMethods('encode', 'decode'),
  ...integrityChecks,
};

/**
 * Reads a `fileWriteAheadLog` as lines of JSON, one for each record, with its offset. What JSON has no form for is
 * [tagged](https://github.com/dstream-js/dstream/blob/main/docs/checkpoint-tool.md#the-lines).
 *
 * @param directory the directory of the log
 * @throws {InvalidOptionError} when an argument is not what it should be
 * @throws {CheckpointError} (as a rejection) while a stream owns the log
 * @throws {CorruptCheckpointError} (as a rejection) when it is damaged, unless that is to be left out
 *
 * @see exportCheckpoint
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { foreachBatch, receiverBatches } from 'dstream';
 * import { exportWriteAheadLog, fileCheckpoint, fileWriteAheadLog } from 'dstream/node';
 *
 * const directory = mkdtempSync(join(tmpdir(), 'receiver-'));
 * receiverBatches<string>(['a', 'b'], {
 *   interval: 5,
 *   checkpoint: fileCheckpoint(`${directory}/checkpoint`),
 *   writeAheadLog: fileWriteAheadLog(`${directory}/wal`),
 * })
 *   .pipe(foreachBatch(() => {}))
 *   .subscribe({
 *     complete: async () => {
 *       for await (const line of exportWriteAheadLog(`${directory}/wal`)) console.log(line);
 *     },
 *   });
 * // => {"offset":0,"record":"a"}
 * // => {"offset":1,"record":"b"}
 * ```
 */
export function exportWriteAheadLog(directory: string, options: ExportLogOptions = {}): AsyncGenerator<string, void> {
  checkText('exportWriteAheadLog', 'directory', directory);
  checkOptions('exportWriteAheadLog', options, optionChecks);
  return linesOf(resolve(directory), options);
}

async function* linesOf(location: string, options: ExportLogOptions): AsyncGenerator<string, void> {
  const { from, skipDamaged = false, damageObserver, codec } = options;
  const damaged = (damage: Damage) => {
    if (skipDamaged) damageObserver?.next?.(damage);
    else
      throw new CorruptCheckpointError(damage.place, damage.offset ?? 0, `${damage.reason}; skipDamaged leaves it out`);
  };
  for await (const block of readDamagedLog(location, { codec, key: integrityKeyOf(options), from }, damaged)) {
    for (const [i, record] of block.records.entries()) {
      const offset = block.from + i;
      if (offset >= (from ?? 0)) yield JSON.stringify({ offset, record: toTaggedJson(record) });
    }
  }
}
