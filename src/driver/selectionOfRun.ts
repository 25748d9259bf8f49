import type { PartitionSelection } from '../batch/partitionSelection.js';
import type { Source } from '../sources/source.js';

/** The partitions that the sources of a run were given; `undefined` where they were given topics. Tables are read whole by every stream. */
export function selectionOfRun(sources: Readonly<Record<string, Source<unknown>>>): PartitionSelection | undefined {
  const given = Object.values(sources).flatMap(({ readFirst, selection }) =>
    readFirst || !selection ? [] : [selection],
  );
  if (given.length === 0) return undefined;
  const joined = (name: keyof PartitionSelection) =>
    given
      .map((selection) => selection[name])
      .sort()
      .join('+');
  return { first: joined('first'), all: joined('all') };
}
