import { Observable, type Observer, type OperatorFunction, Subscription } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import { derivedFrom } from '../../batch/lineage.js';
import type { SideFeed } from '../../batch/sideFeed.js';

/** A side output that an operator feeds, under the name of its option. */
export type NamedFeed = readonly [
  option: string,
  stream: Observable<unknown>,
  feed: Pick<SideFeed<unknown>, 'begin' | 'end'> & { takeSubscribers(): Pick<Observer<unknown>, 'error' | 'complete'> },
];

/**
 * Makes an operator feed its side outputs: they end as it does, with the same error. The operator itself puts batches in, one for each
 * batch that it takes.
 */
export function feeding<T, R>(
  operator: string,
  feeds: readonly NamedFeed[],
  make: OperatorFunction<Batch<T>, Batch<R>>,
): OperatorFunction<Batch<T>, Batch<R>> {
  if (feeds.length === 0) return make;
  return (source) => {
    const results = make(source);
    for (const [, stream] of feeds) derivedFrom(stream, source);
    const fed = new Observable<Batch<R>>((subscriber) => {
      const begun = new Subscription();
      for (const [option, , feed] of feeds) {
        feed.begin(operator, option);
        begun.add(() => feed.end());
      }
      subscriber.add(begun);
      // Freed and taken out first: a `retry()` subscribes to everything again before `error` returns.
      const taken = () => {
        begun.unsubscribe();
        return feeds.map(([, , feed]) => feed.takeSubscribers());
      };
      return results.subscribe({
        next: (batch) => subscriber.next(batch),
        error: (error: unknown) => {
          const sides = taken();
          subscriber.error(error);
          for (const side of sides) side.error(error);
        },
        complete: () => {
          const sides = taken();
          subscriber.complete();
          for (const side of sides) side.complete();
        },
      });
    });
    return derivedFrom(fed, source);
  };
}
