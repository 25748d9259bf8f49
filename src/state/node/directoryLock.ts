import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../../batch/errors.js';

/** Directories that this process has locked: its own process id in the file of one that it has not is from another life. */
const held = new Set<string>();

/**
 * Takes the directory for this process. A lock whose process is gone is taken over.
 *
 * @throws {CheckpointError} when another process, or another stream of this one, has it
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const file = join(directory, 'lock');
  for (;;) {
    if (held.has(directory)) throw inUse(directory, 'another stream of this process');
    try {
      await writeFile(file, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = Number(await readFile(file, 'utf8').catch(() => ''));
    if (owner !== process.pid && isRunning(owner)) throw inUse(directory, `process ${owner}`);
    await rm(file, { force: true });
  }
  held.add(directory);
  return async () => {
    held.delete(directory);
    await rm(file, { force: true });
  };
}

function inUse(directory: string, owner: string): CheckpointError {
  return new CheckpointError(directory, 'open', { cause: new Error(`it is in use by ${owner}`) });
}

function isRunning(pid: number): boolean {
  if (!(Number.isInteger(pid) && pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
