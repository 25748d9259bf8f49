import {
  aggregateByEventWindow,
  type EventTimeProgress,
  eventTime,
  type LateRecord,
  sideOutput,
  type WindowResult,
} from 'dstream';
import { count } from 'dstream/aggregators';
import { runBatches } from 'dstream/testing';

/** Records by batch, then by partition: each is its event time. */
export type PlottedBatches = readonly (readonly (readonly number[])[])[];

export interface PlotOptions {
  readonly outOfOrderness: number;
  readonly window: number;
  /** Has results before they are final. */
  readonly allowedLateness?: number;
}

/** One batch of a run, with its results. */
export interface PlottedBatch {
  readonly partitions: readonly (readonly number[])[];
  readonly progress: EventTimeProgress;
  readonly late: readonly number[];
  readonly results: readonly {
    readonly start: number;
    readonly end: number;
    readonly value: number;
    readonly final: boolean;
  }[];
}

type Result = WindowResult<number> & { readonly final?: boolean };

const intervalMs = 10;

/** Runs event-time windows over the batches, in virtual time. */
export function plotRun(drawn: PlottedBatches, options: PlotOptions): readonly PlottedBatch[] {
  const { outOfOrderness, window, allowedLateness } = options;
  const progress = new Map<number, EventTimeProgress>();
  const late = new Map<number, readonly number[]>();
  const results = new Map<number, readonly Result[]>();
  runBatches(
    ({ batches, flush }) => {
      const letters = drawn.map((_, i) => String.fromCharCode(97 + i));
      const marbles = letters.map((letter, i) => `${i === 0 ? intervalMs : intervalMs - 1}ms ${letter}`).join(' ');
      const values = Object.fromEntries(letters.map((letter, i) => [letter, { partitions: drawn[i] ?? [] }]));
      const lateRecords = sideOutput<LateRecord<number>>();
      lateRecords.subscribe(({ records, context }) => {
        late.set(
          context.time,
          records.map(({ time }) => time),
        );
      });
      const timed = batches<number>(`${marbles} ${intervalMs - 1}ms |`, values).pipe(
        eventTime({
          timestamp: (at) => at,
          outOfOrderness,
          progress: { next: (reached) => void progress.set(reached.time, reached) },
        }),
      );
      const common = { window, late: lateRecords };
      const windows =
        allowedLateness === undefined
          ? timed.pipe(aggregateByEventWindow(count(), common))
          : timed.pipe(aggregateByEventWindow(count(), { ...common, allowedLateness, emit: 'corrections' }));
      windows.subscribe(({ records, context }) => {
        results.set(context.time, records);
      });
      flush();
    },
    { interval: intervalMs },
  );
  return drawn.map((partitions, i) => {
    const time = (i + 1) * intervalMs;
    const reached = progress.get(time);
    if (!reached) throw new Error(`no batch at ${time}`);
    const given = (results.get(time) ?? []).map((each) => ({ final: true, ...each }));
    return { partitions, progress: reached, late: late.get(time) ?? [], results: given };
  });
}
