import { exportWriteAheadLog } from '../maintenance/exportWriteAheadLog.js';
import { hasWriteAheadLog } from '../maintenance/hasWriteAheadLog.js';
import type { CommandStreams } from './commandStreams.js';
import { parsedArgs } from './parsedArgs.js';
import { UsageError } from './usageError.js';
import { writeExport } from './writeExport.js';

const options = { from: { type: 'string' }, 'skip-damaged': { type: 'boolean' } } as const;

/** `dstream log DIRECTORY export ...` */
export async function logCommand(args: readonly string[], streams: CommandStreams): Promise<void> {
  const { values, positionals } = parsedArgs(args, options);
  const [directory, command, ...operands] = positionals;
  if (directory === undefined || command === undefined) throw new UsageError('log needs DIRECTORY and COMMAND');
  if (command !== 'export') throw new UsageError(`unknown command log ${JSON.stringify(command)}`);
  if (operands.length > 0) throw new UsageError(`export: ${operands.length} operands instead of 0`);
  if (!(await hasWriteAheadLog(directory))) {
    throw new UsageError(`${directory} has no write-ahead log: no files segment-N`);
  }
  const { from, 'skip-damaged': skipDamaged = false } = values;
  if (from !== undefined && !/^\d+$/.test(from)) throw new UsageError('--from must be an offset');
  await writeExport(directory, streams, (damageObserver) =>
    exportWriteAheadLog(directory, {
      from: from === undefined ? undefined : Number(from),
      skipDamaged,
      damageObserver,
      integrityKey: process.env.DSTREAM_INTEGRITY_KEY,
    }),
  );
}
