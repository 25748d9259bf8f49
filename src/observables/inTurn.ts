import { EMPTY, from, Observable, type ObservableInput } from 'rxjs';
import { Listener } from './listener.js';

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
          const listener = new Listener(fail, settled);
          subscriber.add(listener);
          from(work).subscribe(listener);
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

/** The same as `inTurn` without an end, begun at once, for a step itself. Returns `EMPTY` where no step has left anything to wait for. */
export function begun(steps: readonly Step[]): Observable<never> {
  for (let i = 0; i < steps.length; i++) {
    const work = (steps[i] as Step)();
    if (work !== EMPTY) return inTurn([() => work, ...steps.slice(i + 1)]);
  }
  return EMPTY;
}
