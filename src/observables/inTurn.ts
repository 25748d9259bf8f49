import { EMPTY, from, Observable, type ObservableInput } from 'rxjs';

/** A piece of work, begun when it is called. */
export type Step<T = unknown> = () => ObservableInput<T>;

/**
 * Runs `steps` one after the other, and then emits what `end` emits. The same as a `concat` of them without what the steps emit; a driver runs
 * dozens for every batch, and most are `EMPTY`, which costs nothing here.
 */
export function inTurn<T = never>(steps: readonly Step[], end?: Step<T>): Observable<T> {
  return new Observable((subscriber) => {
    let next = 0;
    let isFree = true;
    const fail = (error: unknown): void => subscriber.error(error);
    const settled = (): void => {
      isFree = true;
      goOn();
    };
    let isLooping = false;
    // Steps that settle at once are run in a loop.
    const goOn = (): void => {
      if (isLooping) return;
      isLooping = true;
      try {
        while (isFree && next < steps.length && !subscriber.closed) {
          const work = (steps[next++] as Step)();
          if (work === EMPTY) continue;
          isFree = false;
          subscriber.add(from(work).subscribe({ error: fail, complete: settled }));
        }
        if (!isFree || subscriber.closed) return;
        if (end) from(end()).subscribe(subscriber);
        else subscriber.complete();
      } catch (error) {
        fail(error);
      } finally {
        isLooping = false;
      }
    };
    goOn();
  });
}
