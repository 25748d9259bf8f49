import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { isSlideTime } from '../batch/batchTime.js';
import type { KeyedState } from '../batch/keyedState.js';
import { perBatchWithState } from './perBatchWithState.js';
import { checkWindow, slideOf, type WindowOptions, windowSignature } from './windowOptions.js';

/** What a window operator makes of panes. `P` is plain data: it is what a checkpoint saves. */
export interface PaneHandler<T, P, R> {
  /** What one batch brings; `undefined` when there is nothing to keep. */
  pane(batch: Batch<T>): P | undefined;
  /** The panes of a checkpoint that are in the window, oldest first. Called once, before anything else. */
  restore(panes: readonly (readonly [time: number, pane: P])[]): void;
  /**
   * A result is due: panes with times up to and including `evicted` leave, and those that came since the last result and
   * are still in the window enter.
   */
  slide(evicted: number, added: readonly (readonly [time: number, pane: P])[], batch: Batch<T>): Batch<R>;
}

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
 */
export function slidingPanes<T, P, R>(
  operator: string,
  options: WindowOptions,
  create: (first: Batch<T>) => PaneHandler<T, P, R>,
): OperatorFunction<Batch<T>, Batch<R>> {
  checkWindow(operator, options);
  const description = { operator, id: options.id, signature: windowSignature(options) };
  return perBatchWithState<T, R, number, P>(description, (state, first) => {
    const slide = slideOf(operator, options, first.context.interval);
    const handler = create(first);
    let pending = restorePanes(state, first, slide, handler);
    return (batch) => {
      const { time, zeroTime } = batch.context;
      const pane = handler.pane(batch);
      if (pane !== undefined) {
        state.set(time, pane);
        pending.push([time, pane]);
      }
      if (!isSlideTime(time, zeroTime, slide)) return undefined;
      const evicted = time - options.window;
      for (const [paneTime] of state.entries()) {
        if (paneTime > evicted) break;
        state.delete(paneTime);
      }
      const added = pending.filter(([paneTime]) => paneTime > evicted);
      pending = [];
      return handler.slide(evicted, added, batch);
    };
  });
}

/** Panes up to the last slide were in a result already; later ones wait for the next, as they did before the restart. */
function restorePanes<T, P, R>(
  state: KeyedState<number, P>,
  { context }: Batch<T>,
  slide: number,
  handler: PaneHandler<T, P, R>,
): [time: number, pane: P][] {
  const { time, interval, zeroTime } = context;
  const before = time - interval;
  const lastSlide = before - ((before - zeroTime) % slide);
  const panes = [...state.entries()].sort(([a], [b]) => a - b);
  handler.restore(panes.filter(([paneTime]) => paneTime <= lastSlide));
  return panes.filter(([paneTime]) => paneTime > lastSlide);
}
