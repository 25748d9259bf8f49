import { linkSync, mkdirSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { die, failpoint, isDue } from '../../src/storage/failpoint.js';
import type { Written } from './judge.js';

/** A batch that was run again gave something else: then its id does not make it idempotent. */
export class DifferentOutputError extends Error {}

/**
 * An output that is written once for each id, which is its name and the batch time: a file that is whole or not there, and one that is
 * there already is left alone.
 */
export class OutputFiles {
  readonly #directory: string;

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true });
    this.#directory = directory;
  }

  write(output: string, time: number, lines: readonly string[]): void {
    const path = join(this.#directory, `${output}-${time}`);
    const temporary = `${path}.${process.pid}`;
    const text = lines.join('\n');
    failpoint('output:before');
    if (isDue('output:torn')) {
      writeFileSync(temporary, text.slice(0, text.length >> 1));
      die();
    }
    writeFileSync(temporary, text);
    failpoint('output:before-link');
    try {
      linkSync(temporary, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const before = readFileSync(path, 'utf8');
      if (before !== text) throw new DifferentOutputError(`${path}: was ${before}, is ${text}`);
    }
    failpoint('output:after-link');
    unlinkSync(temporary);
    failpoint('output:after');
  }
}

/** What the run in this directory has written. */
export function readFiles(directory: string): Written {
  const output = join(directory, 'output');
  // Others are temporary files of lives that were killed.
  const names = readdirSync(output).filter((name) => !name.includes('.'));
  return names.map((name) => {
    const text = readFileSync(join(output, name), 'utf8');
    return [name, text === '' ? [] : text.split('\n')];
  });
}
