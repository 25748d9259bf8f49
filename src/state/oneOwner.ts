import { defer, EMPTY, type Observable } from 'rxjs';
import { FencedError } from '../batch/errors.js';

/** Returns an Observable that does the work of the owner when it is subscribed to, and completes. */
export type AsOwner = (work: () => void) => Observable<never>;

/**
 * What is kept in memory has one owner at a time: each call takes it over, and the work of earlier owners fails with a
 * `FencedError` from then on.
 */
export function oneOwner(): () => AsOwner {
  let owner: AsOwner | undefined;
  return () => {
    const asOwner: AsOwner = (work) =>
      defer(() => {
        if (owner !== asOwner) throw new FencedError('memory');
        work();
        return EMPTY;
      });
    owner = asOwner;
    return asOwner;
  };
}
