import type { PlannedBatch } from './checkpoint.js';

/**
 * The names of a batch's outputs contain the partitions that its stream was given: a batch keeps them when it runs again, whatever the stream
 * is given by then. They are saved among its ranges, as a source without ranges, whose name is theirs in brackets. Batches that were planned
 * by versions without such names have none.
 */
export function withSelection(ranges: PlannedBatch['ranges'], selection: string | undefined): PlannedBatch['ranges'] {
  return selection === undefined ? ranges : { ...ranges, [`(${selection})`]: [] };
}

/** What `withSelection` has added; `undefined` for nothing. */
export function selectionIn(ranges: PlannedBatch['ranges']): string | undefined {
  return Object.keys(ranges).find(isSelection)?.slice(1, -1);
}

/** The ranges of the sources alone. */
export function withoutSelection(ranges: PlannedBatch['ranges']): PlannedBatch['ranges'] {
  return Object.fromEntries(Object.entries(ranges).filter(([name]) => !isSelection(name)));
}

function isSelection(name: string): boolean {
  return /^\(.+\)$/.test(name);
}
