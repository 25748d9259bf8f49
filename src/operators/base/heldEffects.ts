import {
  AsyncSubject,
  concat,
  concatMap,
  defer,
  finalize,
  from,
  map,
  Observable,
  type ObservableInput,
  type OperatorFunction,
  Subscription,
} from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import { derivedFrom } from '../../batch/lineage.js';
import type { EffectDescription } from '../../batch/monitoring/effectRunner.js';
import { watched } from '../../observables/watched.js';

/**
 * Makes every asynchronous operator. On arrival each batch is held and its effect started (or, with `overlap` false, started
 * when the one before has settled). When the effect has completed, its last value (a batch) passes on, in the order of the
 * batches even if effects overlap; then the hold is released, so that an operator further down can take its own before the
 * batch completes. An effect that fails also fails the batch; one that is unsubscribed before it has settled abandons it.
 */
export function heldEffects<T, R>(
  effect: (batch: Batch<T>) => ObservableInput<Batch<R>>,
  overlap: boolean,
  described?: EffectDescription,
): OperatorFunction<Batch<T>, Batch<R>> {
  return (source) => {
    const results = defer(() => {
      const running = new Subscription();
      return source.pipe(
        map((batch) => hold(batch, effect, overlap, running, described)),
        concatMap((held) => held),
        finalize(() => running.unsubscribe()),
      );
    });
    return derivedFrom(results, source);
  };
}

function hold<T, R>(
  batch: Batch<T>,
  effect: (batch: Batch<T>) => ObservableInput<Batch<R>>,
  overlap: boolean,
  running: Subscription,
  described: EffectDescription | undefined,
): Observable<Batch<R>> {
  let abort = (): void => {};
  let aborted = false;
  const held = batch.context.hold(() => {
    aborted = true;
    abort();
  });
  let delivering = false;
  const open = new Subscription(() => {
    if (!delivering) held.abandon();
  });
  running.add(open);

  const { effects, state } = batch.context;
  const { restoring } = state;
  const start = () => from(effect(batch));
  const run = restoring ? () => concat(restoring, defer(start)) : start;
  const limited = () =>
    effects && described ? effects.effect(described, () => effects.limited(described, run)) : run();
  const work = new Observable<Batch<R>>((subscriber) => {
    abort = () => subscriber.complete();
    // Now, not when its turn comes: a batch that has failed must not wait for those before it.
    watched(limited, (error) => held.fail(error)).subscribe(subscriber);
  });
  const result = new AsyncSubject<Batch<R>>();
  if (overlap) open.add(work.subscribe(result));

  return new Observable((subscriber) => {
    const deliver = (notify: () => void): void => {
      delivering = true;
      notify();
      held.release();
      running.remove(open);
    };
    // Abandoned while it waited for its turn: its effect does not start, and a result goes no further.
    if (aborted) {
      subscriber.complete();
      return;
    }
    let last: Batch<R> | undefined;
    return (overlap ? result : work).subscribe({
      next: (value) => {
        last = value;
      },
      error: (error: unknown) => {
        delivering = true;
        running.remove(open);
        // The batch has failed by it, and the stream starts again by itself.
        if (batch.context.run.restarts) subscriber.complete();
        else subscriber.error(error);
      },
      complete: () => {
        const value = last;
        if (value === undefined) deliver(() => {});
        else deliver(() => subscriber.next(value));
        subscriber.complete();
      },
    });
  });
}
