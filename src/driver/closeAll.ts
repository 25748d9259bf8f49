import {
  concat,
  defer,
  dematerialize,
  ignoreElements,
  materialize,
  mergeMap,
  type Observable,
  type ObservableInput,
  toArray,
} from 'rxjs';

/** Closes one after the other, every one, whatever fails; the first error is passed on at the end. */
export function closeAll(resources: readonly { close(): ObservableInput<unknown> }[]): Observable<never> {
  const ends = resources.map((resource) => defer(() => resource.close()).pipe(ignoreElements(), materialize()));
  return concat(...ends).pipe(
    toArray(),
    mergeMap((all) => all.filter(({ kind }) => kind === 'E').slice(0, 1)),
    dematerialize(),
  );
}
