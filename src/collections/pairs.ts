import { InvalidRecordError } from '../batch/errors.js';
import type { Key } from '../batch/key.js';
import { checkOwnKey } from './ownKeys.js';

/**
 * Called where a key is met for the first time (a miss in a map), so that it costs nothing for the keys that are known.
 *
 * @throws {InvalidRecordError} when the record is no pair, or its key is an object
 */
export function checkPair(operator: string, record: readonly [Key, unknown]): void {
  if (!Array.isArray(record) || record.length < 2) {
    throw new InvalidRecordError(operator, record, 'is not a pair [key, value]');
  }
  const type = typeof record[0];
  if ((type === 'object' && record[0] !== null) || type === 'function' || type === 'undefined' || type === 'symbol') {
    throw new InvalidRecordError(operator, record, 'has a key that is no string, number, bigint, boolean or null');
  }
}

/**
 * Puts the values of each key together with `reduce`, in the order of the records; keys in order of first appearance.
 * `visit` is to call what it is given with each record.
 */
export function reducePairs<K extends Key, V>(
  operator: string,
  reduce: (a: V, b: V) => V,
  visit: (add: (record: readonly [K, V]) => void) => void,
): Map<K, V> {
  const reduced = new Map<K, V>();
  visit((record) => {
    // A record that is no array at all would fail at `record[0]` with a message that names nothing.
    if (!Array.isArray(record)) checkPair(operator, record);
    const key = record[0];
    const before = reduced.get(key);
    if (before !== undefined || reduced.has(key)) reduced.set(key, reduce(before as V, record[1]));
    else {
      checkPair(operator, record);
      checkOwnKey(operator, key);
      reduced.set(key, record[1]);
    }
  });
  return reduced;
}

/** Collects the values of each key, in the order of the records. */
export function groupPairs<K extends Key, V>(
  operator: string,
  partitions: readonly { readonly records: readonly (readonly [K, V])[] }[],
): Map<K, V[]> {
  const groups = new Map<K, V[]>();
  for (const { records } of partitions) {
    for (const record of records) {
      if (!Array.isArray(record)) checkPair(operator, record);
      const group = groups.get(record[0]);
      if (group) group.push(record[1]);
      else {
        checkPair(operator, record);
        checkOwnKey(operator, record[0]);
        groups.set(record[0], [record[1]]);
      }
    }
  }
  return groups;
}

interface Pairs<K extends Key, V> {
  readonly partitions: readonly { readonly records: readonly (readonly [K, V])[] }[];
}

/** Collects the values of each key in two batches; keys of the first one first. */
export function cogroupPairs<K extends Key, V, W>(
  operator: string,
  left: Pairs<K, V>['partitions'],
  right: Pairs<K, W>['partitions'],
): Map<K, readonly [V[], W[]]> {
  const lefts = groupPairs(operator, left);
  const rights = groupPairs(operator, right);
  const groups = new Map<K, readonly [V[], W[]]>();
  for (const [key, values] of lefts) groups.set(key, [values, rights.get(key) ?? []]);
  for (const [key, others] of rights) if (!lefts.has(key)) groups.set(key, [[], others]);
  return groups;
}

/** Which keys stay although only one of the batches has them. */
export type JoinKind = 'inner' | 'left' | 'right' | 'full';

/** Every value of a key with every value of it on the other side; `undefined` for a side that has none. */
export function joinPairs<K extends Key, V, W>(
  operator: string,
  left: Pairs<K, V>,
  right: Pairs<K, W>,
  kind: JoinKind,
): readonly (readonly [K, readonly [V | undefined, W | undefined]])[] {
  const joined: [K, [V | undefined, W | undefined]][] = [];
  const lefts = groupPairs(operator, left.partitions);
  const rights = groupPairs(operator, right.partitions);
  const keepsLeft = kind === 'left' || kind === 'full';
  for (const [key, values] of lefts) {
    const others = rights.get(key);
    if (others) for (const value of values) for (const other of others) joined.push([key, [value, other]]);
    else if (keepsLeft) for (const value of values) joined.push([key, [value, undefined]]);
  }
  if (kind === 'inner' || kind === 'left') return joined;
  for (const [key, others] of rights) {
    if (!lefts.has(key)) for (const other of others) joined.push([key, [undefined, other]]);
  }
  return joined;
}
