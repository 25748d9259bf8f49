import { from, Observable, type ObservableInput } from 'rxjs';
import { Listener } from './listener.js';
import type { Steps } from './steps.js';

/** Pieces of work by name, begun when they are called. */
type Works<T> = readonly (readonly [name: string, work: () => ObservableInput<T>])[];

/**
 * Runs all of `works` at once. Emits what `result` makes of their last values, by name, when all have completed; `undefined` is that of one
 * without values.
 */
export function lastOfEach<T, R>(works: Works<T>, result: (values: Map<string, T | undefined>) => R): Observable<R> {
  return new Observable((subscriber) => {
    const values = new Map<string, T | undefined>();
    for (const [name] of works) values.set(name, undefined);
    let left = works.length;
    const fail = (error: unknown): void => subscriber.error(error);
    const settle = (): void => {
      try {
        subscriber.next(result(values));
        subscriber.complete();
      } catch (error) {
        fail(error);
      }
    };
    const completed = (): void => {
      if (--left === 0) settle();
    };
    if (left === 0) settle();
    for (const [name, work] of works) {
      if (subscriber.closed) return;
      try {
        const source = from(work());
        const listener = new Listener<T>(fail, completed, (value) => values.set(name, value));
        subscriber.add(listener);
        source.subscribe(listener);
      } catch (error) {
        fail(error);
      }
    }
  });
}

/** The same in steps, with the values themselves. A single one, as most streams have it, needs no Observable for all. */
export function* lastOfAll<T>(works: Works<T>): Steps<Map<string, T | undefined>> {
  const [first] = works;
  if (!first || works.length > 1) return (yield lastOfEach(works, (values) => values)) as Map<string, T | undefined>;
  const [name, work] = first;
  return new Map([[name, (yield work()) as T | undefined]]);
}

/** Completes when all of `works` have. A single one is begun at once, and returned. */
export function eachOf(works: Works<unknown>): ObservableInput<unknown> {
  const [first] = works;
  return first && works.length === 1 ? first[1]() : lastOfEach(works, (values) => values);
}
