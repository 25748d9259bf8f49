import { entryOf } from '../collections/entryOf.js';
import type { PaneChanges, PaneView, Partials } from './eventPanes.js';
import type { WindowNumbers } from './windowNumbers.js';

/** A window that is still open and has a result, with its keys. */
export interface UpdatedWindow<K> {
  readonly window: number;
  readonly keys: Iterable<K>;
}

/** Knows which windows have results before they close: those that a batch changes or, for `'corrections'`, those of them that have ended. */
export class WindowUpdates<K, P> implements PaneChanges<K, P> {
  readonly #numbers: WindowNumbers;
  readonly #emit: 'corrections' | 'changes';
  readonly #next: PaneChanges<K, P> | undefined;
  /** The keys that records have changed, by the first window that counts them, then by pane. */
  readonly #changed = new Map<number, Map<number, Set<K>>>();
  /** What enters a pane when a window closes is no change. */
  #visiting = true;

  /** `next` hears of the same changes. */
  constructor(numbers: WindowNumbers, emit: 'corrections' | 'changes', next?: PaneChanges<K, P>) {
    this.#numbers = numbers;
    this.#emit = emit;
    this.#next = next;
  }

  pane(pane: number, key: K, partials: Partials<K, P>): void {
    if (this.#visiting) this.#note(pane, -Infinity, key);
    this.#next?.pane(pane, key, partials);
  }

  straggler(window: number, pane: number, key: K, partials: Partials<K, P>): void {
    this.#note(pane, window, key);
    this.#next?.straggler(window, pane, key, partials);
  }

  given(window: number, firstPane: number): void {
    this.#next?.given(window, firstPane);
  }

  /** The records of a batch have been visited: windows close now. */
  visited(): void {
    this.#visiting = false;
  }

  /** The windows that have results with the batch, in order. `before` and `after`: the watermarks. */
  take(before: number, after: number, views: readonly PaneView<K, unknown>[]): readonly UpdatedWindow<K>[] {
    const numbers = this.#numbers;
    const ended = this.#emit === 'changes' ? Infinity : numbers.endedBy(after);
    const firstOpen = numbers.closedBy(after) + 1;
    const updated = new Map<number, Set<K>>();
    const add = (pane: number, from: number, until: number, keys: Iterable<K>): void => {
      const last = Math.min(numbers.lastOf(pane), until);
      for (let window = Math.max(numbers.firstOf(pane), from); window <= last; window++) {
        const all = entryOf(updated, window, () => new Set<K>());
        for (const key of keys) all.add(key);
      }
    };
    if (this.#emit === 'corrections') {
      // Those that end with this batch come whole.
      const from = Math.max(firstOpen, numbers.endedBy(before) + 1);
      for (const view of views) {
        if (numbers.lastOf(view.time) >= from && numbers.firstOf(view.time) <= ended) {
          add(view.time, Math.max(from, view.from), ended, [...view.keys()]);
        }
      }
    }
    for (const [from, panes] of this.#changed) {
      for (const [pane, keys] of panes) add(pane, Math.max(firstOpen, from), ended, keys);
    }
    this.#changed.clear();
    this.#visiting = true;
    return Array.from(updated, ([window, keys]) => ({ window, keys })).sort((a, b) => a.window - b.window);
  }

  #note(pane: number, from: number, key: K): void {
    entryOf(
      entryOf(this.#changed, from, () => new Map<number, Set<K>>()),
      pane,
      () => new Set<K>(),
    ).add(key);
  }
}
