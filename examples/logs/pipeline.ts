import { type Batch, filterRecords, foreachBatch, mapRecords, type Pair, reduceByKeyAndWindow } from 'dstream';
import { from, merge, type Observable, type ObservableInput, share } from 'rxjs';
import type { LogLine } from './logLine.js';

export interface Outputs {
  /** Reports an error; the batch waits for it. */
  report(line: LogLine): ObservableInput<unknown>;
  /** Lines of the last minute by service and level. */
  counts(counts: readonly Pair<string, number>[]): void;
}

/** Reports errors, and counts all lines. */
export function ingestion(lines: Observable<Batch<LogLine>>, { report, counts }: Outputs): Observable<unknown> {
  const shared = lines.pipe(share());
  const errors = shared.pipe(
    filterRecords(({ level }) => level === 'error'),
    foreachBatch((batch) => merge(...batch.map((line) => from(report(line))))),
  );
  const byService = shared.pipe(
    mapRecords(({ service, level }) => [`${service} ${level}`, 1]),
    reduceByKeyAndWindow((a, b) => a + b, { inverse: (a, b) => a - b, window: 60_000, id: 'counts' }),
    foreachBatch((pairs) => counts(pairs)),
  );
  return merge(errors, byService);
}
