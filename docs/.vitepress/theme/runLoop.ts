// The picture of the home page is the library at work: a log in memory, a rate controller, a window, an output that takes its time.
import { costModel, foreachBatch, logBatches, mapRecords, memoryLog, reduceByKeyAndWindow, string } from 'dstream';
import { interval, type Subscription, tap, timer } from 'rxjs';
import {
  inputRate,
  intervalMs,
  type LoopView,
  type Page,
  pages,
  type ShownBatch,
  shownBatches,
  still,
  windowBatches,
} from './homeLoop.js';

/** Repeats itself, so that every visitor sees the same. */
function seeded(): () => number {
  let state = 7;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** A batch that was there before the run: those of the run have the time of day. */
const isStill = ({ time }: ShownBatch): boolean => time < 0;

const countOf = (page: number, batches: readonly ShownBatch[]): number =>
  batches.flatMap(({ records }) => records).filter((record) => record === page).length;

export interface LoopOptions {
  /** Cost of the output, in ms a record. */
  readonly cost: () => number;
  readonly show: (view: LoopView) => void;
}

/** Starts the pipeline and shows what happens to it. Unsubscribe to stop both. */
export function runLoop({ cost, show }: LoopOptions): Subscription {
  const random = seeded();
  const log = memoryLog({ topics: { clicks: 1 } });
  // Begins with the batches that the page shows already: they leave to the left, one by one.
  let view: LoopView = { ...still, batches: still.batches.map((batch, i) => ({ ...batch, time: i - shownBatches })) };
  let written = 0;
  let read = 0;
  const update = (next: Partial<LoopView>) => {
    view = { ...view, ...next, waiting: written - read };
    show(view);
  };

  const producing = interval(1_000 / inputRate).subscribe(() => {
    const page = pages[Math.floor(random() ** 2 * pages.length)] ?? pages[0];
    log.append('clicks', [{ value: page }]);
    written++;
    update({});
  });

  const clicks = logBatches(log, {
    topics: ['clicks'],
    start: 'earliest',
    interval: intervalMs,
    deserialize: string(),
    backpressure: costModel(),
    initialRate: 12,
    batchObserver: {
      next: ({ time, processingDelay, inputs }) => {
        const done = view.batches.map((batch) =>
          batch.time === time ? { ...batch, done: true, took: processingDelay } : batch,
        );
        const rate = Object.values(inputs)[0]?.rate;
        const rates = rate === undefined ? view.rates : [...view.rates, rate].slice(-shownBatches);
        update({ batches: done, rate, rates });
      },
    },
  });
  const running = clicks
    .pipe(
      tap(({ context: { time }, records }) => {
        read += records.length;
        const batch = { time, records: records.map((page) => pages.indexOf(page as Page)), done: false };
        update({ batches: [...view.batches, batch].slice(-shownBatches) });
      }),
      mapRecords((page): readonly [string, number] => [page ?? '', 1]),
      reduceByKeyAndWindow((a, b) => a + b, { window: windowBatches * intervalMs }),
      foreachBatch((counts) => {
        const byPage = new Map(counts);
        const before = view.batches.slice(-windowBatches).filter(isStill);
        update({ counts: pages.map((page, i) => (byPage.get(page) ?? 0) + countOf(i, before)) });
        return timer(cost() * (view.batches.at(-1)?.records.length ?? 0));
      }),
    )
    .subscribe();
  running.add(producing);
  return running;
}
