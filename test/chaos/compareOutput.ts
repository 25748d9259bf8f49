import type { ReadRecord } from './consoleConsumer.js';
import { poison, unreadable } from './modes.js';

/** A row of the output: a record of the input with its number among those of its partition. */
export interface WrittenRow extends ReadRecord {
  readonly n: number;
}

/** What the output is, against what it should be. */
export interface OutputVerdict {
  /** Records that should be in the output. */
  readonly records: number;
  readonly lost: readonly string[];
  /** Rows that are there once too often, or should not be there at all. */
  readonly doubled: readonly string[];
  /** Rows whose number is wrong: the state was lost, or counted a record twice. */
  readonly miscounted: readonly string[];
}

const placeOf = ({ partition, offset, value }: ReadRecord) => `${partition}/${offset} ${value}`;

/**
 * Judges an output with nothing but the two lists: every readable record of the input once, with the offset that it has, and where the
 * job keeps its state (`counted`) numbered in the order of its partition.
 */
export function compareOutput(
  input: readonly ReadRecord[],
  output: readonly WrittenRow[],
  counted: boolean,
): OutputVerdict {
  const expected = new Map<string, number>();
  const counts = new Map<number, number>();
  for (const record of [...input].sort((a, b) => a.partition - b.partition || a.offset - b.offset)) {
    if (record.value.startsWith(unreadable) || record.value.startsWith(poison)) continue;
    const n = (counts.get(record.partition) ?? 0) + 1;
    counts.set(record.partition, n);
    expected.set(placeOf(record), n);
  }
  const records = expected.size;
  const doubled: string[] = [];
  const miscounted: string[] = [];
  for (const row of output) {
    const place = placeOf(row);
    const n = expected.get(place);
    if (n === undefined) doubled.push(place);
    else if (counted && n !== row.n) miscounted.push(`${place}: ${row.n} instead of ${n}`);
    expected.delete(place);
  }
  return { records, lost: [...expected.keys()], doubled, miscounted };
}
