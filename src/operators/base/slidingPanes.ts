import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import type { PublishedState } from '../../batch/batchState.js';
import type { Key } from '../../batch/key.js';
import type { KeyedState } from '../../batch/keyedState.js';
import { Fifo } from '../../collections/fifo.js';
import { originOf, slideOf, type WindowOptions, windowSignature } from '../windowOptions.js';
import { perBatchWithState } from './perBatchWithState.js';
import type { Shown } from './queryableOption.js';

/** A pane with the time of its batch. */
export type TimedPane<P> = readonly [time: number, pane: P];

/** What a window operator does with panes of type `P`. A checkpoint saves `S`, which is plain data. */
export interface PaneHandler<T, P, R, S = P> {
  /** The pane of one batch; `undefined` if there is nothing to keep. */
  pane(batch: Batch<T>): P | undefined;
  /**
   * Called once, before anything else, if there was a result before the checkpoint: with the panes that are still in the
   * window, oldest first.
   */
  restore(panes: readonly TimedPane<P>[]): void;
  /**
   * A result is due: panes with times up to and including `evicted` leave (`left` of them), and those that arrived since the
   * last result and are still in the window enter, oldest first. Returns the records of the result.
   */
  slide(evicted: number, added: readonly TimedPane<P>[], left: number): readonly R[];
  /**
   * Called after each slide with the pane of its time, if there is one: returns the pane to save instead, if the result has
   * changed what a restart must know. That pane counts as `left` later, even if there was none before.
   */
  amend?(pane: P | undefined): P | undefined;
  /** The whole result of the last slide, after `restore`. Default: what a slide returns over the same window. */
  whole?(): readonly R[];
  /** What is saved of a pane, if not the pane itself: both functions or neither. */
  encode?(pane: P): S;
  decode?(saved: S): P;
}

export interface SlidingPanesOptions<T, P, R, S = P> {
  readonly operator: string;
  readonly options: WindowOptions;
  /** What the panes depend on, besides window and slide. */
  readonly signature?: string | undefined;
  readonly create: () => PaneHandler<T, P, R, S>;
  /** Where the results of the last slide are shown, and how: those of each key, those of the keys that changed, or all as one. */
  readonly queryable?: Shown | undefined;
  readonly shows?: 'pairs' | 'changes' | 'value' | 'records';
}

/** Of a saved signature: panes are batches, so they can be read whatever the lengths of the windows are now. */
const savedLengths = /^window=\d+ slide=(?:\d+|interval) ?/;

/** The key of the time of the last result, among the panes: no batch has a time below 0. */
const lastResultKey = -1;

/** The key that says that slides are counted from where the options say: 0.1 always counted them from the zero time. */
const alignedKey = -2;

/**
 * Makes every operator over sliding windows.
 *
 *     time     1    2    3    4    5    6          window 4, slide 2
 *     panes    a    b    c    d    e    f
 *     t = 4   |a    b    c    d|                   evicted: up to 0, added: c, d
 *     t = 6             |c    d    e    f|         evicted: up to 2, added: e, f
 *
 * Each batch is a pane. With an `id` it is kept by its time in the operator's state until it leaves the window, so that a
 * checkpoint saves what enters and what leaves. Between two slides the batch is swallowed.
 *
 * Batch times may skip a slide, if batches were filtered out before. A pane that no later window contains would then be lost:
 * the skipped result comes with the next batch, before that batch's own.
 */
export function slidingPanes<T, P, R, S = P>(
  settings: SlidingPanesOptions<T, P, R, S>,
): OperatorFunction<Batch<T>, Batch<R>> {
  const { operator, options, create } = settings;
  const signature = [windowSignature(options), settings.signature].filter(Boolean).join(' ');
  const reads = (saved: string) => saved.replace(savedLengths, '') === (settings.signature ?? '');
  const description = { operator, id: options.id, signature, reads };

  return perBatchWithState<T, R, number, S | number>(description, (state, first) => {
    const { interval, maxInterval = interval, zeroTime } = first.context;
    const slide = slideOf(operator, options, maxInterval);
    const older = state.size > 0 && !state.has(alignedKey);
    const unchanged = older && options.offset === undefined && options.alignTo === undefined;
    const origin = unchanged ? zeroTime : originOf(options, zeroTime);
    if (older && !unchanged) state.set(alignedKey, 1);
    // Without an id there is no checkpoint that could read it.
    const saved = options.id === undefined ? undefined : state;
    const panes = new SlidingPanes(create(), { window: options.window, slide, origin }, saved);
    const { state: states } = first.context;
    const restored = settings.queryable && panes.restored();
    const shown = restored && resultOf(restored, settings.shows).filter(([, value]) => value !== undefined);
    const view = settings.queryable && states.publish?.({ operator, id: options.id }, settings.queryable, shown);
    if (!view) return (batch) => panes.next(batch);
    return (batch) => {
      const result = panes.next(batch);
      if (result) show(view, result, settings.shows);
      return result;
    };
  });
}

/** By key, or under `null`. */
function resultOf(
  records: readonly unknown[],
  shows: SlidingPanesOptions<unknown, unknown, unknown>['shows'],
): readonly (readonly [Key, unknown])[] {
  if (shows === 'pairs' || shows === 'changes') return records as readonly (readonly [Key, unknown])[];
  return shows === 'value' ? records.slice(-1).map((value) => [null, value] as const) : [[null, records]];
}

/** Shows the results of a slide. */
function show(
  view: PublishedState<Key, unknown>,
  { records, context: { time } }: Batch<unknown>,
  shows: SlidingPanesOptions<unknown, unknown, unknown>['shows'],
): void {
  const results = resultOf(records, shows);
  if (shows !== 'changes') {
    view.show(time, results, [], true);
    return;
  }
  const left = results.filter(([, value]) => value === undefined).map(([key]) => key);
  const changed = results.filter(([, value]) => value !== undefined);
  view.show(time, changed, left, false);
}

interface Lengths {
  readonly window: number;
  readonly slide: number;
  /** A time at which a result is due. */
  readonly origin: number;
}

class SlidingPanes<T, P, R, S> {
  readonly #handler: PaneHandler<T, P, R, S>;
  readonly #lengths: Lengths;
  readonly #state: KeyedState<number, S | number> | undefined;
  /** The times of the panes in the last result. */
  readonly #inWindow = new Fifo<number>();
  /** The panes since the last result. */
  #pending: TimedPane<P>[] = [];

  constructor(handler: PaneHandler<T, P, R, S>, lengths: Lengths, state: KeyedState<number, S | number> | undefined) {
    this.#handler = handler;
    this.#lengths = lengths;
    this.#state = state;
    if (state && state.size > 0) this.#restore(state);
  }

  /** The result of the last slide before a restart; `undefined` without one. */
  restored(): readonly R[] | undefined {
    const last = this.#state?.get(lastResultKey) as number | undefined;
    if (last === undefined) return undefined;
    return this.#handler.whole?.() ?? this.#handler.slide(last - this.#lengths.window, [], 0);
  }

  next(batch: Batch<T>): Batch<R> | undefined {
    const { time } = batch.context;
    const { window, slide, origin } = this.#lengths;
    const due = slideTimeAt(time, origin, slide);
    let skipped: R[] | undefined;
    for (let [first] = this.#pending; first && first[0] <= due - window; [first] = this.#pending) {
      skipped = [...(skipped ?? []), ...this.#resultAt(slideTimeAt(first[0], origin, slide))];
    }
    // With a slide longer than the window, batches between two windows are in no result.
    const pane = time > due - window ? this.#handler.pane(batch) : undefined;
    if (pane !== undefined) {
      this.#save(time, pane);
      this.#pending.push([time, pane]);
    }
    if (time !== due) return skipped && batch.withRecords(skipped);
    const results = this.#resultAt(time);
    return batch.withRecords(skipped ? [...skipped, ...results] : results);
  }

  #resultAt(time: number): readonly R[] {
    const evicted = time - this.#lengths.window;
    const left = this.#leave(evicted);
    const later = this.#pending.findIndex(([paneTime]) => paneTime > time);
    const added = later < 0 ? this.#pending : this.#pending.slice(0, later);
    this.#pending = later < 0 ? [] : this.#pending.slice(later);
    for (const [paneTime] of added) this.#inWindow.push(paneTime);
    const results = this.#handler.slide(evicted, added, left);
    this.#amend(time, added.at(-1));
    const state = this.#state;
    if (state && (this.#inWindow.size > 0 || state.has(lastResultKey))) state.set(lastResultKey, time);
    return results;
  }

  #leave(evicted: number): number {
    let left = 0;
    for (let time = this.#inWindow.first; time !== undefined && time <= evicted; time = this.#inWindow.first) {
      this.#inWindow.shift();
      this.#state?.delete(time);
      left++;
    }
    return left;
  }

  #amend(time: number, newest: TimedPane<P> | undefined): void {
    const pane = newest?.[0] === time ? newest[1] : undefined;
    const amended = this.#handler.amend?.(pane);
    if (amended === undefined) return;
    this.#save(time, amended);
    if (pane === undefined) this.#inWindow.push(time);
  }

  #save(time: number, pane: P): void {
    if (!this.#state) return;
    if (this.#state.size === 0) this.#state.set(alignedKey, 1);
    this.#state.set(time, this.#handler.encode ? this.#handler.encode(pane) : (pane as unknown as S));
  }

  /** Panes up to the last result are already in the window; later ones wait for the next result, as before the restart. */
  #restore(state: KeyedState<number, S | number>): void {
    const last = state.get(lastResultKey) as number | undefined;
    const entered: TimedPane<P>[] = [];
    for (const [time, saved] of [...state.entries()].sort(([a], [b]) => a - b)) {
      if (time === lastResultKey || time === alignedKey) continue;
      // It was in the last window, which was longer than windows are now.
      if (last !== undefined && time <= last - this.#lengths.window) {
        state.delete(time);
        continue;
      }
      const pane = this.#handler.decode ? this.#handler.decode(saved as S) : (saved as unknown as P);
      if (last === undefined || time > last) this.#pending.push([time, pane]);
      else {
        this.#inWindow.push(time);
        entered.push([time, pane]);
      }
    }
    if (last !== undefined) this.#handler.restore(entered);
  }
}

/** The first time at or after `time` that is a multiple of `slide` away from `origin`; all in ms. */
function slideTimeAt(time: number, origin: number, slide: number): number {
  return origin + Math.ceil((time - origin) / slide) * slide;
}
