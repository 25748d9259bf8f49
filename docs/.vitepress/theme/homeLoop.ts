// What the picture of the home page shows.

export const pages = ['home', 'cart', 'search', 'help'] as const;
export type Page = (typeof pages)[number];
export const intervalMs = 1_000;
/** Records that arrive in a second. */
export const inputRate = 12.5;
export const windowBatches = 4;
export const shownBatches = 7;

/** A batch as it is drawn. */
export interface ShownBatch {
  readonly time: number;
  /** Index of the page of each record. */
  readonly records: readonly number[];
  readonly done: boolean;
  /** How long the output took, in ms. */
  readonly took?: number;
}

export interface LoopView {
  readonly batches: readonly ShownBatch[];
  /** Records that wait in the log. */
  readonly waiting: number;
  /** Records per second that the controller allows; absent before its first estimate. */
  readonly rate?: number | undefined;
  /** That of the last batches, the newest last: what travels back from the output to the log. */
  readonly rates: readonly number[];
  /** Counts of the window, by page. */
  readonly counts: readonly number[];
}

/** What the page shows before the library runs, and where nothing should move. */
export const still: LoopView = {
  batches: [
    [0, 1, 0, 2, 3, 0, 1, 0],
    [2, 0, 0, 1, 0, 3, 2],
    [0, 1, 1, 0, 2, 0, 0, 2],
    [3, 0, 1, 2, 0, 0, 1],
    [0, 0, 2, 1, 0, 3, 1, 0],
    [1, 0, 2, 0, 0, 1, 2],
    [0, 3, 0, 1, 2, 0, 0],
  ].map((records, i) => ({ time: (i + 1) * intervalMs, records, done: true, took: records.length * 60 })),
  waiting: 3,
  rate: 16,
  rates: Array.from({ length: shownBatches }, () => 16),
  counts: [16, 6, 6, 3].map(
    (_, page) =>
      [
        [3, 0, 1, 2, 0, 0, 1],
        [0, 0, 2, 1, 0, 3, 1, 0],
        [1, 0, 2, 0, 0, 1, 2],
        [0, 3, 0, 1, 2, 0, 0],
      ]
        .flat()
        .filter((record) => record === page).length,
  ),
};
