import {
  defer,
  filter,
  finalize,
  map,
  Observable,
  type OperatorFunction,
  Subject,
  type Subscriber,
  type Subscription,
  takeUntil,
} from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import type { BatchContext } from '../../batch/batchContext.js';
import { derivedFrom } from '../../batch/lineage.js';

/** What an operator does with each batch of one subscription. */
export interface BatchHandler<T, R> {
  /** Returns the batch to pass on, or `undefined` to swallow this one (a window between two slides). */
  next(batch: Batch<T>): Batch<R> | undefined;
  /** Called when the batch that `next` has returned has passed through everything that is synchronous behind the operator. */
  after?(batch: Batch<T>): void;
  /** Called once when the subscription ends, however it ends. */
  close?(): void;
}

/**
 * Makes every synchronous operator: `create` runs once per subscription, so that a second subscription or a `retry()` starts
 * clean. Only here does an exception of a user's function fail the batch (so that other branches of the stream fail with it
 * and nothing is saved), and only here is a swallowed batch claimed.
 */
export function perBatch<T, R>(
  operator: string,
  create: (source: Observable<Batch<T>>) => BatchHandler<T, R> | BatchHandler<T, R>['next'],
  id?: string,
): OperatorFunction<Batch<T>, Batch<R>> {
  return (source) => {
    const handled = defer(() => {
      const created = create(source);
      const handler = typeof created === 'function' ? { next: created } : created;
      const owner = { operator, id };
      const results = handler.after
        ? new Observable<Batch<R>>((subscriber) => handleAround(owner, handler, source, subscriber))
        : source.pipe(
            map((batch) => handle(owner, handler, batch)),
            filter((batch) => batch !== undefined),
          );
      return handler.close ? results.pipe(finalize(() => handler.close?.())) : results;
    });
    return derivedFrom(handled, source);
  };
}

/** The operator, as monitors see it. */
interface Owner {
  readonly operator: string;
  readonly id: string | undefined;
}

function handle<T, R>(owner: Owner, handler: BatchHandler<T, R>, batch: Batch<T>): Batch<R> | undefined {
  const result = failingBatch(owner, batch.context, () => handler.next(batch));
  // A claimed batch may go no further: the driver does not take it for lost.
  if (result === undefined) batch.context.hold().release();
  return result;
}

/** As `handle` for each batch, and `after` when it has passed on. */
function handleAround<T, R>(
  owner: Owner,
  handler: BatchHandler<T, R>,
  source: Observable<Batch<T>>,
  subscriber: Subscriber<Batch<R>>,
): Subscription {
  const left = new Subject<void>();
  subscriber.add(() => left.next());
  // With `takeUntil` a source that emits during `subscribe` sees at once that it was unsubscribed.
  return source.pipe(takeUntil(left)).subscribe({
    next: (batch) => {
      try {
        const result = handle(owner, handler, batch);
        if (result === undefined) return;
        subscriber.next(result);
        if (!subscriber.closed) failingBatch(owner, batch.context, () => handler.after?.(batch));
      } catch (error) {
        subscriber.error(error);
      }
    },
    error: (error: unknown) => subscriber.error(error),
    complete: () => subscriber.complete(),
  });
}

/** Runs `work`; when it throws, the batch fails and the error goes on. */
function failingBatch<R>(owner: Owner, context: BatchContext, work: () => R): R {
  try {
    return work();
  } catch (error) {
    context.effects?.failing(error, owner.operator, owner.id);
    failBatch(context, error);
    throw error;
  }
}

function failBatch(context: BatchContext, error: unknown): void {
  try {
    context.hold().fail(error);
  } catch {
    // The batch is complete or has failed already; `error` itself goes on to the subscriber.
  }
}
