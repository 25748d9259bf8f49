import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { slideTimeAt } from '../batch/batchTime.js';
import type { KeyedState } from '../batch/keyedState.js';
import { Fifo } from '../windows/fifo.js';
import { perBatchWithState } from './perBatchWithState.js';
import { checkWindow, slideOf, type WindowOptions, windowSignature } from './windowOptions.js';

/** A pane with the time of the batch that brought it. */
export type TimedPane<P> = readonly [time: number, pane: P];

/** What a window operator makes of panes. `P` is plain data: it is what a checkpoint saves. */
export interface PaneHandler<T, P, R> {
  /** What one batch brings; `undefined` when there is nothing to keep. */
  pane(batch: Batch<T>): P | undefined;
  /**
   * Called once, before anything else, when a checkpoint has had a result: with the panes that are still in the window,
   * oldest first.
   */
  restore(panes: readonly TimedPane<P>[]): void;
  /**
   * A result is due: panes with times up to and including `evicted` leave, and those that came since the last result and
   * are still in the window enter, oldest first. Gives the records of the result.
   */
  slide(evicted: number, added: readonly TimedPane<P>[]): readonly R[];
  /**
   * Called after each slide with the pane of its time, if there is one: gives the pane that is to be saved instead, when
   * the result has changed what a restart must know.
   */
  amend?(pane: P | undefined): P | undefined;
}

export interface SlidingPanesOptions<T, P, R> {
  readonly operator: string;
  readonly options: WindowOptions;
  /** What the panes depend on besides window and slide. */
  readonly signature?: string | undefined;
  readonly create: () => PaneHandler<T, P, R>;
}

/** Where the time of the last result stands among the panes: no batch has a time below 0. */
const lastResult = -1;

/**
 * The one way in which operators over sliding windows are made.
 *
 *     time     1    2    3    4    5    6          window 4, slide 2
 *     panes    a    b    c    d    e    f
 *     t = 4   |a    b    c    d|                   evicted: up to 0, added: c, d
 *     t = 6             |c    d    e    f|         evicted: up to 2, added: e, f
 *
 * Each batch is a pane, kept by its time in the operator's state until it leaves the window, so that what a checkpoint
 * saves is what comes and what goes. Between two slides the batch is swallowed.
 *
 * Batch times may jump over a slide, when the source is a foreign one or batches were filtered out before. A pane that no
 * later window has would then be lost: the result that was jumped over comes with the next batch, before its own.
 */
export function slidingPanes<T, P, R>(settings: SlidingPanesOptions<T, P, R>): OperatorFunction<Batch<T>, Batch<R>> {
  const { operator, options, create } = settings;
  checkWindow(operator, options);
  const { window } = options;
  const signature = [windowSignature(options), settings.signature].filter(Boolean).join(' ');
  const description = { operator, id: options.id, signature };

  return perBatchWithState<T, R, number, P | number>(description, (state, first) => {
    const { interval, zeroTime } = first.context;
    const slide = slideOf(operator, options, interval);
    const handler = create();
    const { inWindow, pending } = restorePanes(state, handler);

    const resultAt = (time: number): readonly R[] => {
      const evicted = time - window;
      for (const paneTime of inWindow.takeWhile((paneTime) => paneTime <= evicted)) state.delete(paneTime);
      const added = pending.takeWhile(([paneTime]) => paneTime <= time);
      for (const [paneTime] of added) inWindow.push(paneTime);
      const results = handler.slide(evicted, added);
      const newest = added.at(-1)?.[0] === time ? added.at(-1)?.[1] : undefined;
      const amended = handler.amend?.(newest);
      if (amended !== undefined) {
        state.set(time, amended);
        if (newest === undefined) inWindow.push(time);
      }
      if (inWindow.size > 0 || state.has(lastResult)) state.set(lastResult, time);
      return results;
    };

    return (batch) => {
      const { time } = batch.context;
      const due = slideTimeAt(time, zeroTime, slide);
      const results: (readonly R[])[] = [];
      while ((pending.first?.[0] ?? Infinity) <= due - window) {
        results.push(resultAt(slideTimeAt((pending.first as TimedPane<P>)[0], zeroTime, slide)));
      }
      // With a slide longer than the window, batches between two windows are in no result.
      const pane = time > due - window ? handler.pane(batch) : undefined;
      if (pane !== undefined) {
        state.set(time, pane);
        pending.push([time, pane]);
      }
      if (time === due) results.push(resultAt(time));
      const [only] = results;
      return only === undefined ? undefined : batch.withRecords(results.length === 1 ? only : results.flat());
    };
  });
}

/** Panes up to the last result are in the window already; later ones wait for the next, as they did before the restart. */
function restorePanes<T, P, R>(
  state: KeyedState<number, P | number>,
  handler: PaneHandler<T, P, R>,
): { readonly inWindow: Fifo<number>; readonly pending: Fifo<TimedPane<P>> } {
  const inWindow = new Fifo<number>();
  const pending = new Fifo<TimedPane<P>>();
  const last = state.get(lastResult) as number | undefined;
  const entered: TimedPane<P>[] = [];
  for (const [time, pane] of [...state.entries()].sort(([a], [b]) => a - b)) {
    if (time === lastResult) continue;
    if (last === undefined || time > last) pending.push([time, pane as P]);
    else {
      inWindow.push(time);
      entered.push([time, pane as P]);
    }
  }
  if (last !== undefined) handler.restore(entered);
  return { inWindow, pending };
}
