import type { Observable } from 'rxjs';

// Which streams a stream is derived from. Known as soon as the operators are put together: operators of this library
// record it here, operators of rxjs keep it in the `source` of the Observable that they return. What is behind rxjs's
// creation functions (`merge`, `defer`) and inner Observables (`switchMap`) stays unknown.

const lineage = new WeakMap<object, readonly Observable<unknown>[]>();

/** Records that `stream` is derived from `sources`, and returns it. */
export function derivedFrom<S extends Observable<unknown>>(stream: S, ...sources: readonly Observable<unknown>[]): S {
  lineage.set(stream, sources);
  return stream;
}

/** The streams that this one is directly derived from, as far as they are known. */
export function sourcesOf(stream: Observable<unknown>): readonly Observable<unknown>[] {
  const { source } = stream as { readonly source?: Observable<unknown> };
  return lineage.get(stream) ?? (source ? [source] : []);
}
