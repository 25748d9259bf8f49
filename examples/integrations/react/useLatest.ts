import { useEffect, useState } from 'react';
import type { Observable } from 'rxjs';

/**
 * The latest value of an Observable, to which the component is subscribed while it is mounted. An error goes to the next error boundary.
 * Pass the same Observable at each render: one from outside, or from `useMemo`.
 */
export function useLatest<T>(results: Observable<T>, initial: T): T {
  const [latest, setLatest] = useState(initial);
  useEffect(() => {
    const subscription = results.subscribe({
      // As functions, so that a value that is a function is not called.
      next: (value) => setLatest(() => value),
      error: (error) =>
        setLatest(() => {
          throw error;
        }),
    });
    return () => subscription.unsubscribe();
  }, [results]);
  return latest;
}
