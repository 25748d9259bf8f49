import type { Observer } from 'rxjs';
import { reportUnhandled } from './reportUnhandled.js';

/** Notifies an observer that only watches: what it throws is reported, and what it watches goes on. */
export function tellObserver<E>(observer: Partial<Observer<E>> | undefined, event: E): void {
  try {
    observer?.next?.(event);
  } catch (error) {
    reportUnhandled(error);
  }
}
