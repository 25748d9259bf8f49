import type { Key } from '../batch/key.js';
import { savedKeyOf } from '../operators/base/paneEntries.js';

export type SplitEntry = readonly [key: Key, state: unknown];

/** Says in which parts an entry of a state goes on, and what of it. */
export type Split = (entry: SplitEntry) => Iterable<readonly [part: number, entry: SplitEntry]>;

/** @param partOf the part of a key of the records, of `parts` */
type Splitter = (partOf: (key: Key) => number, parts: number) => Split;

/** One entry of two that have one key, from the states of two tasks; `undefined` where both cannot be right. */
type Join = (a: unknown, b: unknown) => unknown;

/** How the state of an operator is divided among tasks. */
export interface Division {
  readonly split: Splitter;
  /** Absent where the states of several tasks cannot be put together. */
  readonly join?: Join;
}

/** The state of a key goes with it. */
const byKey: Splitter = (partOf) => (entry) => [[partOf(entry[0]), entry]];

/** Each part knows all of it: ids that a part never meets do no harm, until their window is over. */
const toAll: Splitter = (_, parts) => (entry) => Array.from({ length: parts }, (_, part) => [part, entry] as const);

/** A pane has the partials of all keys of a batch; the time of the last result is no pane. */
const byPane: Splitter = (partOf, parts) => {
  const all = toAll(partOf, parts);
  return (entry) => {
    const [time, pane] = entry;
    if (typeof pane !== 'object' || pane === null) return all(entry);
    return Array.from({ length: parts }, (_, part) => part).flatMap((part): [number, SplitEntry][] => {
      const mine = cut(pane as SavedPane | Partials, (key) => partOf(key) === part);
      return mine ? [[part, [time, mine]]] : [];
    });
  };
};

/** Each key was in one task. */
const never: Join = () => undefined;

/** When it was seen, or the last result was given. */
const later: Join = (a, b) => (typeof a === 'number' && typeof b === 'number' ? Math.max(a, b) : undefined);

/** The panes of one batch time, with other keys in each. */
const joinPanes: Join = (a, b) => {
  if (Array.isArray(a) && Array.isArray(b)) return [...a, ...b];
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return later(a, b);
  const [one, other] = [a as SavedPane, b as SavedPane];
  const dropped = [...(one.dropped ?? []), ...(other.dropped ?? [])];
  return { partials: [...one.partials, ...other.partials], ...(dropped.length > 0 && { dropped }) };
};

type Partials = readonly (readonly [Key, unknown])[];

interface SavedPane {
  readonly partials: Partials;
  readonly dropped?: readonly Key[];
}

/** What is left of a pane with some of its keys; `undefined` for nothing. */
function cut(pane: SavedPane | Partials, isMine: (key: Key) => boolean): SavedPane | Partials | undefined {
  if ('partials' in pane) {
    const partials = pane.partials.filter(([key]) => isMine(key));
    const dropped = pane.dropped?.filter(isMine) ?? [];
    if (partials.length === 0 && dropped.length === 0) return undefined;
    return { partials, ...(dropped.length > 0 && { dropped }) };
  }
  const groups = pane.filter(([key]) => isMine(key));
  return groups.length > 0 ? groups : undefined;
}

/** An entry for each key of a pane; others say which panes these are, and which windows have ended. */
const byEventPane: Splitter = (partOf, parts) => {
  const all = toAll(partOf, parts);
  return (entry) => {
    const key = savedKeyOf(entry[0] as string);
    return key === undefined ? all(entry) : [[partOf(key), entry]];
  };
};

/** An entry for each record that waits, under its number; the first of its values is the key. */
const byRow: Splitter = (partOf) => (entry) => [[partOf((entry[1] as readonly [Key])[0]), entry]];

/** An entry for each partition of a topic, by its name and number, and the watermark of all. */
const byPartition: Splitter = (partOf, parts) => {
  const all = toAll(partOf, parts);
  return (entry) => {
    const partition = /\/(\d+)$/.exec(String(entry[0]))?.[1];
    return partition === undefined ? all(entry) : [[Number(partition), entry]];
  };
};

const divisions: ReadonlyMap<string, Division> = new Map<string, Division>([
  ...['updateStateByKey', 'mapWithState', 'sessionWindow'].map(
    (name) => [name, { split: byKey, join: never }] as const,
  ),
  ...['reduceByKeyAndWindow', 'aggregateByKeyAndWindow', 'groupByKeyAndWindow'].map(
    (name) => [name, { split: byPane, join: joinPanes }] as const,
  ),
  // Watermarks of several tasks are not one: what is late for one is not for the other.
  ['eventSessionWindow', { split: byKey }],
  ...['reduceByKeyAndEventWindow', 'aggregateByKeyAndEventWindow', 'groupByKeyAndEventWindow'].map(
    (name) => [name, { split: byEventPane }] as const,
  ),
  ...['intervalJoin', 'asOfJoin'].map((name) => [name, { split: byRow }] as const),
  ['deduplicate', { split: toAll, join: later }],
  ['deduplicateByEventTime', { split: toAll }],
  // Keys of a table need not be those of the topic. Of two tasks it is not known whose row is the newer one.
  ['joinTable', { split: toAll }],
  ['eventTime', { split: byPartition }],
]);

/** Returns `undefined` for an operator whose state has no keys of records. */
export function divisionOf(operator: string): Division | undefined {
  return divisions.get(operator);
}
