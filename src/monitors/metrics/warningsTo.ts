import type { Observer } from 'rxjs';

/** Where the warnings of a monitor go. */
export function warningsTo(observer: Partial<Observer<string>> | undefined): (message: string) => void {
  return observer ? (message) => observer.next?.(message) : (message) => console.warn(message);
}
