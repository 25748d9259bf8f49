import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Observer } from 'rxjs';
import { type Damage, damageText } from '../state/damage.js';
import type { CommandStreams } from './commandStreams.js';

/**
 * Writes the lines of an export, and what is damaged beside them.
 *
 * @throws {Error} when anything was left out
 */
export async function writeExport(
  place: string,
  { output, errors }: Pick<CommandStreams, 'output' | 'errors'>,
  linesOf: (damageObserver: Partial<Observer<Damage>>) => AsyncIterable<string>,
): Promise<void> {
  let damages = 0;
  const next = (damage: Damage) => {
    damages++;
    errors.write(`dstream: left out: ${damageText(damage)}\n`);
  };
  try {
    await pipeline(Readable.from(ended(linesOf({ next }))), output, { end: false });
  } catch (error) {
    // The reader of a pipe has enough.
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
  if (damages > 0) throw new Error(`${place}: the export is not complete: ${damages} lines say what is damaged`);
}

async function* ended(lines: AsyncIterable<string>): AsyncGenerator<string, void> {
  for await (const line of lines) yield `${line}\n`;
}
