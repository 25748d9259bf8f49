import type { Key } from '../batch/key.js';
import { savedKeyOf } from '../operators/base/savedPanes.js';

export type SplitEntry = readonly [key: Key, state: unknown];

/** Says in which parts an entry of a state goes on, and what of it. */
export type Split = (entry: SplitEntry) => Iterable<readonly [part: number, entry: SplitEntry]>;

/** @param partOf the part of a key of the records, of `parts` */
export type Splitter = (partOf: (key: Key) => number, parts: number) => Split;

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

/** An entry for each key of a pane, and one that says which windows have ended. */
const byEventPane: Splitter = (partOf, parts) => {
  const all = toAll(partOf, parts);
  return (entry) => {
    const key = savedKeyOf(entry[0] as string);
    return key === undefined ? all(entry) : [[partOf(key), entry]];
  };
};

/** An entry for each partition of a topic, by its name and number, and the watermark of all. */
const byPartition: Splitter = (partOf, parts) => {
  const all = toAll(partOf, parts);
  return (entry) => {
    const partition = /\/(\d+)$/.exec(String(entry[0]))?.[1];
    return partition === undefined ? all(entry) : [[Number(partition), entry]];
  };
};

const splitters: ReadonlyMap<string, Splitter> = new Map([
  ...['updateStateByKey', 'mapWithState', 'sessionWindow', 'eventSessionWindow'].map((name) => [name, byKey] as const),
  ...['reduceByKeyAndWindow', 'aggregateByKeyAndWindow', 'groupByKeyAndWindow'].map((name) => [name, byPane] as const),
  ...['reduceByKeyAndEventWindow', 'aggregateByKeyAndEventWindow', 'groupByKeyAndEventWindow'].map(
    (name) => [name, byEventPane] as const,
  ),
  ['deduplicate', toAll],
  ['eventTime', byPartition],
]);

/** Returns `undefined` for an operator whose state has no keys of records. */
export function splitterOf(operator: string): Splitter | undefined {
  return splitters.get(operator);
}
