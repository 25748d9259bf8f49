import { from, Observable } from 'rxjs';
import type { Step } from './inTurn.js';

/** Runs all of `works` at once. Emits their last values, by name, when all have completed; `undefined` for one that had none. */
export function lastOfEach<T>(
  works: readonly (readonly [name: string, work: Step<T>])[],
): Observable<Map<string, T | undefined>> {
  return new Observable((subscriber) => {
    const values = new Map<string, T | undefined>(works.map(([name]) => [name, undefined]));
    let left = works.length;
    const settle = (): void => {
      subscriber.next(values);
      subscriber.complete();
    };
    if (left === 0) settle();
    for (const [name, work] of works) {
      if (subscriber.closed) return;
      try {
        subscriber.add(
          from(work()).subscribe({
            next: (value) => values.set(name, value),
            error: (error: unknown) => subscriber.error(error),
            complete: () => {
              if (--left === 0) settle();
            },
          }),
        );
      } catch (error) {
        subscriber.error(error);
      }
    }
  });
}
