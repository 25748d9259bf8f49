import { Observable, type OperatorFunction, Subject, takeUntil } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import { derivedFrom } from '../../batch/lineage.js';
import { failingBatch, type Owner } from './perBatch.js';

/**
 * Calls `after` with each batch when it has passed through everything behind that is synchronous. When it throws, the batch fails and the
 * error goes on, as that of an operator's own function.
 */
export function afterPassing<T>(owner: Owner, after: (batch: Batch<T>) => void): OperatorFunction<Batch<T>, Batch<T>> {
  return (source) => {
    const passed = new Observable<Batch<T>>((subscriber) => {
      const left = new Subject<void>();
      subscriber.add(() => left.next());
      // With `takeUntil` a source that emits during `subscribe` sees at once that it was unsubscribed.
      return source.pipe(takeUntil(left)).subscribe({
        next: (batch) => {
          subscriber.next(batch);
          if (subscriber.closed) return;
          try {
            failingBatch(owner, batch.context, () => after(batch));
          } catch (error) {
            subscriber.error(error);
          }
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
    });
    return derivedFrom(passed, source);
  };
}
