import type { Key } from '../../batch/key.js';

// How the panes of event-time windows lie in the state of an operator. What a key has in a pane is an entry of its own, and most of its bytes
// would be the number of the pane, so a pane that is open has a short number there, its place, and one entry says which pane that is.
//
//     given      the last window that was given
//     @0         176123456            place 0 is that pane
//     @1         [176123456, 29353]   place 1 has stragglers of the pane, which count from that window on
//     0:SFO      12                   the partial of the key 'SFO' in place 0
//     0#7        3                    that of the key 7
//
// Places are written in base 36. A place that is free again is given to another pane.

/** Of the signature: a state whose entries lie in another way is refused. */
export const paneLayout = 'layout=2';

/** The key of the last window that was given. */
export const givenKey = 'given';

/** What an entry in the state holds: a partial, a place or the last window that was given. */
export type PaneState<P> = P | SavedPlace | number;

/** The number of a pane, or that and the first window that counts stragglers. */
type SavedPlace = number | readonly [pane: number, window: number];

/** What a place means. `window`: the first that counts stragglers; `undefined` where it is the pane itself. */
export interface Place {
  readonly number: number;
  readonly pane: number;
  readonly window: number | undefined;
}

/** The partial of a key. */
export interface PaneEntry<K, P> {
  readonly name: string;
  readonly place: Place;
  readonly key: K;
  readonly partial: P;
}

/** All that the state of an operator holds. */
export interface PaneEntries<K, P> {
  /** The last window that was given, if any. */
  readonly given: number | undefined;
  readonly places: readonly Place[];
  readonly partials: readonly PaneEntry<K, P>[];
}

export function readPaneEntries<K extends Key, P>(
  entries: Iterable<readonly [string, PaneState<P>]>,
): PaneEntries<K, P> {
  let given: number | undefined;
  const places = new Map<string, Place>();
  const partials: (readonly [name: string, partial: P])[] = [];
  for (const [name, saved] of entries) {
    if (name === givenKey) given = saved as number;
    else if (name.startsWith('@')) places.set(name.slice(1), placeOf(name, saved as SavedPlace));
    else partials.push([name, saved as P]);
  }
  return {
    given,
    places: [...places.values()],
    // Not before: a store may have the places behind the partials.
    partials: partials.map(([name, partial]) => {
      const end = endOfPlace(name);
      return { name, place: places.get(name.slice(0, end)) as Place, key: keyAt(name, end) as K, partial };
    }),
  };
}

/** The entry of a place. */
export function placeEntry({ number, pane, window }: Place): readonly [name: string, saved: SavedPlace] {
  return [`@${number.toString(36)}`, window === undefined ? pane : [pane, window]];
}

/** The mark behind the place says of which type the key is, because 1 and '1' are two keys. */
export function partialName(place: number, key: Key): string {
  return place.toString(36) + markOf(key) + String(key);
}

/** The key of an entry in the state; `undefined` for an entry that is of no key. */
export function savedKeyOf(name: string): Key | undefined {
  return name === givenKey || name.startsWith('@') ? undefined : keyAt(name, endOfPlace(name));
}

function markOf(key: Key): string {
  switch (typeof key) {
    case 'string':
      return ':';
    case 'number':
      return '#';
    case 'bigint':
      return '~';
    case 'boolean':
      return '?';
    default:
      return '-';
  }
}

function placeOf(name: string, saved: SavedPlace): Place {
  const [pane, window] = typeof saved === 'number' ? [saved, undefined] : saved;
  return { number: Number.parseInt(name.slice(1), 36), pane, window };
}

function endOfPlace(name: string): number {
  return name.search(/[^0-9a-z]/);
}

function keyAt(name: string, mark: number): Key {
  const text = name.slice(mark + 1);
  switch (name[mark]) {
    case '#':
      return Number(text);
    case '~':
      return BigInt(text);
    case '?':
      return text === 'true';
    case '-':
      return null;
    default:
      return text;
  }
}
