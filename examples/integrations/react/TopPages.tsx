import type { Batch } from 'dstream';
import { useMemo } from 'react';
import type { Observable } from 'rxjs';
import { topPages, type Views } from './topPages.js';
import { useLatest } from './useLatest.js';

const none: readonly Views[] = [];

/** A list that follows the stream: a render for each batch, not for each click. */
export function TopPages({ clicks }: { readonly clicks: Observable<Batch<string>> }) {
  const pages = useLatest(
    useMemo(() => topPages(clicks), [clicks]),
    none,
  );
  return (
    <ol>
      {pages.map(([page, views]) => (
        <li key={page}>
          {page}: {views}
        </li>
      ))}
    </ol>
  );
}
