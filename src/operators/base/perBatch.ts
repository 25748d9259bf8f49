import { defer, filter, finalize, map, type Observable, type OperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import type { BatchContext } from '../../batch/batchContext.js';
import { derivedFrom } from '../../batch/lineage.js';
import { checkingKeys } from '../../collections/ownKeys.js';

/** What an operator does with each batch of one subscription. */
export interface BatchHandler<T, R> {
  /** Returns the batch to pass on, or `undefined` to swallow this one (a window between two slides). */
  next(batch: Batch<T>): Batch<R> | undefined;
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
      const results = source.pipe(
        map((batch) => handle({ operator, id }, handler, batch)),
        filter((batch) => batch !== undefined),
      );
      return handler.close ? results.pipe(finalize(() => handler.close?.())) : results;
    });
    return derivedFrom(handled, source);
  };
}

/** The operator, as monitors see it. */
export interface Owner {
  readonly operator: string;
  readonly id: string | undefined;
}

function handle<T, R>(owner: Owner, handler: BatchHandler<T, R>, batch: Batch<T>): Batch<R> | undefined {
  const { keyCheck } = batch.context.run;
  const next = () => handler.next(batch);
  const result = failingBatch(owner, batch.context, keyCheck ? () => checkingKeys(keyCheck, next) : next);
  if (result === failed) return undefined;
  // A claimed batch may go no further: the driver does not take it for lost.
  if (result === undefined) batch.context.hold().release();
  return result;
}

const failed = Symbol('failed');

/** Runs `work`; when it throws, the batch fails and the error goes on, unless the stream starts again by itself. */
export function failingBatch<R>(owner: Owner, context: BatchContext, work: () => R): R | typeof failed {
  try {
    return work();
  } catch (error) {
    context.effects?.failing(error, owner.operator, owner.id);
    if (failBatch(context, error) && context.run.restarts) return failed;
    throw error;
  }
}

/** Returns whether the batch could still fail. */
function failBatch(context: BatchContext, error: unknown): boolean {
  try {
    context.hold().fail(error);
    return true;
  } catch {
    // The batch is complete or has failed already; `error` itself goes on to the subscriber.
    return false;
  }
}
