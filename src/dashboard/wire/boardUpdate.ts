import type { BatchRow } from './batchRow.js';
import type { FailureRow } from './failureRow.js';
import type { GroupView } from './groupView.js';
import type { StreamView } from './streamView.js';

/** One message of the event stream of a page. */
export interface BoardUpdate {
  /** The names of all streams of the board, in the order of their first subscription. */
  readonly streams: readonly string[];
  /** `undefined` while the stream has not been subscribed to. */
  readonly view?: StreamView | undefined;
  /** `undefined` for a process that is no member of a group. */
  readonly group?: GroupView | undefined;
  /** What is new since the id that the page has. */
  readonly rows: readonly BatchRow[];
  readonly failures: readonly FailureRow[];
}

/** The answer of `/api/streams`. */
export interface StreamList {
  readonly streams: readonly StreamView[];
}

/** Rows that the server keeps, and the page shows in its charts. */
export const keptBatches = 600;

/** Rows that open to their ranges and stages. */
export const detailedBatches = 100;

/** Failures that the server keeps. */
export const keptFailures = 100;

/** Partitions that are shown one by one. */
export const shownPartitions = 64;
