import {
  AsyncSubject,
  concat,
  defer,
  dematerialize,
  from,
  ignoreElements,
  materialize,
  mergeMap,
  NEVER,
  type Observable,
  type ObservableInput,
  takeUntil,
  toArray,
} from 'rxjs';

/**
 * Closes one after the other, every one, whatever fails; the first error is passed on at the end. What has not ended when `late` emits goes
 * on, and is not waited for.
 */
export function closeAll(
  resources: readonly { close(): ObservableInput<unknown> }[],
  late: Observable<unknown> = NEVER,
): Observable<never> {
  const ends = resources.map((resource) => {
    const closing = defer(() => {
      const end = new AsyncSubject<unknown>();
      from(resource.close()).subscribe(end);
      return end.pipe(takeUntil(late));
    });
    return closing.pipe(ignoreElements(), materialize());
  });
  return concat(...ends).pipe(
    toArray(),
    mergeMap((all) => all.filter(({ kind }) => kind === 'E').slice(0, 1)),
    dematerialize(),
  );
}
