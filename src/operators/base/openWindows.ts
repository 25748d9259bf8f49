import type { CommittedState } from '../../batch/committedState.js';
import type { Key } from '../../batch/key.js';
import { entryOf } from '../../collections/entryOf.js';
import type { WindowNumbers } from '../../eventtime/windowNumbers.js';
import type { Aggregator } from '../../windows/aggregator.js';
import type { WindowResult } from '../eventWindowOptions.js';
import { type PaneState, readPaneEntries } from './paneEntries.js';

/** What a pane has of one key, and the windows that count it. */
interface Part<P> {
  readonly pane: number;
  readonly first: number;
  readonly last: number;
  readonly partial: P;
}

/**
 * The open windows of each key, with their results so far, as of the last complete batch: from the panes that an operator keeps. They are
 * put in order at the first look after a batch, and a window is combined when its key is read, so that batches pay nothing for it.
 */
export function openWindows<K extends Key, P, R>(
  panes: CommittedState<string, PaneState<P>>,
  numbers: WindowNumbers,
  { combine, lower }: Pick<Aggregator<never, P, R>, 'combine' | 'lower'>,
): CommittedState<K, readonly WindowResult<R>[]> {
  let seen: { readonly time: number | undefined; readonly parts: ReadonlyMap<K, Part<P>[]> } | undefined;
  const parts = (): ReadonlyMap<K, readonly Part<P>[]> => {
    if (seen === undefined || seen.time !== panes.time)
      seen = { time: panes.time, parts: partsOf<K, P>(panes, numbers) };
    return seen.parts;
  };
  const windowsOf = (of: readonly Part<P>[]): readonly WindowResult<R>[] => {
    const partials = new Map<number, P>();
    for (const { first, last, partial } of of) {
      for (let window = first; window <= last; window++) {
        const before = partials.get(window);
        partials.set(window, partials.has(window) ? combine(before as P, partial) : partial);
      }
    }
    return [...partials]
      .sort(([a], [b]) => a - b)
      .map(([window, partial]) => ({ start: numbers.start(window), end: numbers.end(window), value: lower(partial) }));
  };
  return {
    get time() {
      return panes.time;
    },
    get size() {
      return parts().size;
    },
    get: (key) => {
      const found = parts().get(key);
      return found && windowsOf(found);
    },
    *entries() {
      for (const [key, found] of parts()) yield [key, windowsOf(found)];
    },
  };
}

function partsOf<K extends Key, P>(
  panes: CommittedState<string, PaneState<P>>,
  numbers: WindowNumbers,
): ReadonlyMap<K, Part<P>[]> {
  const all: (Part<P> & { readonly key: K })[] = [];
  const { given = -Infinity, partials } = readPaneEntries<K, P>(panes.entries());
  for (const { place, key, partial } of partials) {
    const { pane, window = -Infinity } = place;
    const first = Math.max(numbers.firstOf(pane), window);
    all.push({ key, pane, first, last: numbers.lastOf(pane), partial });
  }
  const byKey = new Map<K, Part<P>[]>();
  for (const { key, first, ...part } of all.sort((a, b) => a.pane - b.pane || a.first - b.first)) {
    const firstOpen = Math.max(first, given + 1);
    if (firstOpen <= part.last) entryOf(byKey, key, () => []).push({ ...part, first: firstOpen });
  }
  return byKey;
}
