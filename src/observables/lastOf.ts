import { from, Observable, type ObservableInput } from 'rxjs';

/** Emits the last value of `source` when that has completed, or `otherwise` when it had none. */
export function lastOf<T, D>(source: ObservableInput<T>, otherwise: D): Observable<T | D> {
  return new Observable((subscriber) => {
    let value: T | D = otherwise;
    subscriber.add(
      from(source).subscribe({
        next: (latest) => {
          value = latest;
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          subscriber.next(value);
          subscriber.complete();
        },
      }),
    );
  });
}
