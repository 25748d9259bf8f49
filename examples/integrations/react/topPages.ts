import { type Batch, countByValueAndWindow, transformBatch } from 'dstream';
import { map, type Observable } from 'rxjs';

/** A page and how often it was viewed. */
export type Views = readonly [page: string, views: number];

/** The pages that were viewed most in the last ten seconds, each second. */
export function topPages(clicks: Observable<Batch<string>>): Observable<readonly Views[]> {
  return clicks.pipe(
    countByValueAndWindow({ window: 10_000 }),
    transformBatch((counts) => [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, 5)),
    map(({ records }) => records),
  );
}
