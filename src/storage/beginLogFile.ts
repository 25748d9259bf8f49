import { dirname, join } from 'node:path';
import type { FileSystem } from './fileSystem.js';
import { LogWriter } from './logWriter.js';
import { syncDirectory } from './syncDirectory.js';

/**
 * A new log file whose first record says what comes before it: durable, with its name, when this resolves. `leftOver` are
 * names of files beside it that do not count any more: they are deleted then.
 */
export async function beginLogFile(
  fs: FileSystem,
  path: string,
  kind: 'changelog' | 'segment',
  begin: Uint8Array,
  leftOver: readonly string[] = [],
): Promise<LogWriter> {
  const log = await LogWriter.create(fs, path, kind);
  try {
    await log.append([begin]);
    await syncDirectory(dirname(path), fs);
    // Only now: what is deleted is not needed by any file that counts.
    for (const name of leftOver) await fs.remove(join(dirname(path), name));
    return log;
  } catch (error) {
    await log.close();
    throw error;
  }
}
