import type { PlannedBatch } from './checkpoint.js';

/**
 * The `selection` of a planned batch. Earlier versions have saved it among the ranges, as a source without ranges whose name is the selection
 * in brackets.
 *
 * @param sources the names of the stream's sources: one of them may look like that too
 */
export function selectionIn({ selection, ranges }: PlannedBatch, sources: readonly string[]): string | undefined {
  if (selection !== undefined) return selection;
  const saved = ([name, own]: [string, readonly unknown[]]) =>
    own.length === 0 && !sources.includes(name) && /^\(.+-\d+(_[\da-f]{8})?\)$/.test(name);
  return Object.entries(ranges).find(saved)?.[0].slice(1, -1);
}
