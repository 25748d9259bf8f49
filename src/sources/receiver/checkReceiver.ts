import { isObservable } from 'rxjs';
import { InvalidOptionError } from '../../batch/errors.js';

/** A receiver may be many things, and `from` would refuse the others only when it is started. */
export function checkReceiver(owner: string, option: string, receiver: unknown): void {
  if (typeof receiver === 'function' || typeof receiver === 'string') return;
  if (isObservable(receiver) || isInput(receiver)) return;
  const rule = 'must be an Observable, a promise, an iterable, a stream or a function';
  throw new InvalidOptionError(owner, option, receiver, rule);
}

/** What RxJS's `from` takes, a stream of Node, and what `acknowledged` returns. */
function isInput(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const names = [Symbol.iterator, Symbol.asyncIterator, 'then', 'getReader', 'pipe', 'length', 'eventsOf', observable];
  return names.some((name) => name in value);
}

/** As in RxJS, which has it under a name where the symbol is missing. */
const observable = (Symbol as { readonly observable?: symbol }).observable ?? '@@observable';
