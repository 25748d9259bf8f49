import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Another machine would see the lock of a stopped process like this: it cannot look whether that process is alive. */
export function asFromAnotherMachine(directory: string): void {
  const lock = join(directory, 'checkpoint', 'lock');
  writeFileSync(lock, JSON.stringify({ ...JSON.parse(readFileSync(lock, 'utf8')), host: 'another machine' }));
}
