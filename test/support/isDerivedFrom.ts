import type { Observable } from 'rxjs';
import { sourcesOf } from '../../src/batch/lineage.js';

/** Whether the library knows that a stream is built on another: that is how it knows which states there are before a batch. */
export function isDerivedFrom(stream: Observable<unknown>, source: Observable<unknown>): boolean {
  return stream === source || sourcesOf(stream).some((next) => isDerivedFrom(next, source));
}
