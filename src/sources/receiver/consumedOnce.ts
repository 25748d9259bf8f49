import { isObservable } from 'rxjs';
import { isAcknowledged } from './acknowledged.js';
import type { Receiver } from './receiver.js';

/**
 * Returns the name of what a receiver is if it can be consumed only once, such as a socket or a generator: started again, it would
 * have nothing more, or fail at once. `undefined` for all others.
 */
export function consumedOnce(receiver: Receiver<unknown>): string | undefined {
  if (isAcknowledged(receiver)) return consumedOnce(receiver.source);
  if (typeof receiver !== 'object' || receiver === null || isObservable(receiver)) return undefined;
  const { next, then, getReader, pipe, on } = receiver as unknown as Readonly<Record<string, unknown>>;
  const isIterator = typeof next === 'function' && (Symbol.asyncIterator in receiver || Symbol.iterator in receiver);
  const isNodeStream = typeof pipe === 'function' && typeof on === 'function';
  if (!isIterator && !isNodeStream && typeof then !== 'function' && typeof getReader !== 'function') return undefined;
  return nameOf(receiver);
}

function nameOf(value: object): string {
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1);
  return tag === 'Object' ? (value.constructor?.name ?? tag) : tag;
}
