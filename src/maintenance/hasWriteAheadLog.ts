import { readdir } from 'node:fs/promises';
import { segmentNames } from '../sources/receiver/node/segmentRecords.js';

/** Whether a directory holds a `fileWriteAheadLog`. One that cannot be read holds none. */
export async function hasWriteAheadLog(directory: string): Promise<boolean> {
  const names = await readdir(directory).catch((): string[] => []);
  return segmentNames(names).length > 0;
}
