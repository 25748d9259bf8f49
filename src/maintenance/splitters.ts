import type { Key } from '../batch/key.js';
import { savedKeyOf } from '../operators/base/paneEntries.js';

/**
 * What of an entry goes on in a part, `undefined` for nothing: the `split` of a `StateDescription`, which is passed the number of the part too.
 * `mine` says whether a key of the records belongs to the part.
 */
export type Split = (key: Key, state: unknown, mine: (key: Key) => boolean, part: number) => unknown;

/** One entry of two that have one key, from the states of two tasks; `undefined` where both cannot be right. */
type Join = (a: unknown, b: unknown) => unknown;

/** How the state of an operator is divided among tasks. */
export interface Division {
  readonly split: Split;
  /** Absent where the states of several tasks cannot be put together. */
  readonly join?: Join;
}

/** The state of a key goes with it. */
const byKey: Split = (key, state, mine) => (mine(key) ? state : undefined);

/** Each part knows all of it: ids that a part never meets do no harm, until their window is over. */
const toAll: Split = (_, state) => state;

/** A pane has the partials of all keys of a batch; the time of the last result is no pane. */
const byPane: Split = (_, pane, mine) =>
  typeof pane === 'object' && pane !== null ? cut(pane as SavedPane | Partials, mine) : pane;

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
const byEventPane: Split = (saved, state, mine) => {
  const key = savedKeyOf(saved as string);
  return key === undefined || mine(key) ? state : undefined;
};

/** An entry for each record that waits, under its number; the first of its values is the key. */
const byRow: Split = (_, row, mine) => (mine((row as readonly [Key])[0]) ? row : undefined);

/** An entry for each partition of a topic, by its name and number, and the watermark of all. */
const byPartition: Split = (key, state, _, part) => {
  const partition = /\/(\d+)$/.exec(String(key))?.[1];
  return partition === undefined || Number(partition) === part ? state : undefined;
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
