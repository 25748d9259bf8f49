import { InvalidOptionError } from '../batch/errors.js';
import type { Source } from '../sources/source.js';
import type { Positions, RestoredCheckpoint } from '../state/checkpoint.js';
import type { ResolvedDriverOptions } from './driverOptions.js';

/**
 * What the checkpoint has of sources that the stream does not read. A source that was renamed would begin at its `start` as if it
 * were new, and records between would never be read.
 *
 * @throws {InvalidOptionError} where there are any, and orphans are refused
 */
export function orphanedSources(
  { owner, orphans, checkpoint }: Pick<ResolvedDriverOptions, 'owner' | 'orphans' | 'checkpoint'>,
  sources: Readonly<Record<string, Source<unknown>>>,
  { positions, planned }: RestoredCheckpoint,
): readonly (readonly [name: string, positions: Positions])[] {
  const saved = Object.entries(positions).filter(([, own]) => own.length > 0);
  const ranges = planned.flatMap((batch) => Object.entries(batch.ranges).filter(([, own]) => own.length > 0));
  const names = new Set([...saved, ...ranges].map(([name]) => name));
  const missing = [...names].filter((name) => !Object.hasOwn(sources, name));
  if (orphans === 'refuse' && missing.length > 0) {
    const what = `${missing.map((name) => JSON.stringify(name)).join(', ')}, whose position is in the checkpoint`;
    const rule = `restore the name of the source, or set orphans to 'drop' or 'keep'`;
    if (owner === 'batchesFrom') {
      throw new InvalidOptionError(owner, 'sources', Object.keys(sources), `must have ${what}: ${rule}`);
    }
    throw new InvalidOptionError(
      owner,
      'checkpoint',
      checkpoint?.location,
      `is of a stream that reads ${what}: ${rule}`,
    );
  }
  return orphans === 'keep' ? saved.filter(([name]) => missing.includes(name)) : [];
}
