// The picture of the page on event time is the library at work, in virtual time: a log in memory, its watermarks, windows, an output that may fail.
import {
  aggregateByEventWindow,
  eventTime,
  fixedRate,
  foreachBatch,
  json,
  type LateRecord,
  logBatches,
  memoryCheckpoint,
  memoryLog,
  sideOutput,
} from 'dstream';
import { count } from 'dstream/aggregators';
import { merge, retry, tap, VirtualTimeScheduler } from 'rxjs';
import {
  type EventTimeSettings,
  type EventTimeView,
  idleAfterSeconds,
  type ShownRecord,
  type ShownWindow,
  seconds,
  windowSeconds,
} from './eventTimeLive.js';

const second = 1_000;
const interval = 2 * second;
/** Until when the log is read, s: the slowest rate has read everything long before. */
const end = 160;
const half = seconds / 2;
/** When a partition that was idle sends the rest, s: after the stream has gone on without it. */
const backAt = seconds + 2 * idleAfterSeconds;
const crashBatch = 3;

interface Sent {
  readonly partition: number;
  readonly at: number;
  /** When it is written to the log, s. */
  readonly written: number;
}

/** The same for every visitor. */
function seeded(): () => number {
  let state = 11;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** One record a second and partition, each by chance later than it happened. */
function sent({ disorder, skew, idle, comesBack }: EventTimeSettings): readonly Sent[] {
  const random = seeded();
  return [0, 1].flatMap((partition) =>
    Array.from({ length: seconds }, (_, at) => ({ at, delay: random() * disorder }))
      .filter(({ at }) => partition === 0 || !idle || comesBack || at < half)
      .map(({ at, delay }) => {
        const held = partition === 1 && idle && at >= half;
        return { partition, at, written: held ? backAt : at + delay + partition * skew };
      })
      .sort((a, b) => a.written - b.written),
  );
}

/** Runs the pipeline once, from the first record to the last. */
export function runEventTime(settings: EventTimeSettings): EventTimeView {
  const scheduler = new VirtualTimeScheduler(undefined, end * second);
  const log = memoryLog({ topics: { events: 2 } });
  for (const { partition, at, written } of sent(settings)) {
    scheduler.schedule(
      () => log.append('events', [{ partition, value: JSON.stringify({ partition, at }) }]),
      written * second,
    );
  }
  const batches = new Map<number, readonly Pick<ShownRecord, 'partition' | 'at'>[]>();
  const watermarks = new Map<number, number>();
  const lateOf = new Map<number, readonly number[]>();
  const windows = new Map<number, ShownWindow>();
  const replayed = new Set<number>();
  let failed = false;
  const late = sideOutput<LateRecord<{ partition: number; at: number }>>();
  const lateRecords = late.pipe(
    foreachBatch(
      (records, { time }) =>
        void lateOf.set(
          time,
          records.map(({ record }) => keyOf(record)),
        ),
    ),
  );
  const counted = logBatches(log, {
    topics: ['events'],
    start: 'earliest',
    interval,
    deserialize: json<{ partition: number; at: number }>(),
    backpressure: fixedRate((settings.perBatch * second) / interval),
    checkpoint: memoryCheckpoint(),
    scheduler,
  }).pipe(
    tap(({ records, context: { time } }) => {
      if (batches.has(time)) replayed.add(time);
      batches.set(time, records);
    }),
    eventTime({
      timestamp: ({ at }) => at * second,
      outOfOrderness: settings.outOfOrderness * second,
      idleAfter: idleAfterSeconds * second,
      future: Infinity,
      progress: { next: ({ time, watermark }) => void watermarks.set(time, watermark / second) },
      id: 'time',
    }),
    aggregateByEventWindow(count(), {
      window: windowSeconds * second,
      allowedLateness: settings.allowedLateness * second,
      late,
      id: 'windows',
    }),
    foreachBatch((results) => {
      if (settings.crash && !failed && batches.size > crashBatch) {
        failed = true;
        throw new Error('the output fails');
      }
      for (const { start, end, value } of results)
        windows.set(start, { start: start / second, end: end / second, count: value });
    }),
  );
  const running = merge(lateRecords, counted).pipe(retry()).subscribe();
  scheduler.flush();
  running.unsubscribe();
  return viewOf(batches, watermarks, lateOf, windows, replayed);
}

const keyOf = ({ partition, at }: { readonly partition: number; readonly at: number }) => partition * seconds + at;

function viewOf(
  batches: ReadonlyMap<number, readonly Pick<ShownRecord, 'partition' | 'at'>[]>,
  watermarks: ReadonlyMap<number, number>,
  lateOf: ReadonlyMap<number, readonly number[]>,
  windows: ReadonlyMap<number, ShownWindow>,
  replayed: ReadonlySet<number>,
): EventTimeView {
  const all = [...batches.keys()].sort((a, b) => a - b);
  const lastRead = all.findLastIndex((time) => (batches.get(time) ?? []).length > 0);
  const last = Math.max(
    lastRead,
    all.findLastIndex((time, i) => watermarks.get(time) !== watermarks.get(all[i - 1] ?? -1)),
  );
  const times = all.slice(0, last + 1);
  const records = times.flatMap((time, batch) => {
    const late = new Set(lateOf.get(time));
    return (batches.get(time) ?? []).map(({ partition, at }) => ({
      partition,
      at,
      batch,
      late: late.has(keyOf({ partition, at })),
    }));
  });
  const closed = [...windows.values()].sort((a, b) => a.start - b.start);
  const open = Array.from({ length: seconds / windowSeconds }, (_, i) => i * windowSeconds)
    .filter((start) => !windows.has(start * second))
    .map((start) => ({ start, end: start + windowSeconds }));
  return {
    records,
    watermarks: times.map((time) => {
      const watermark = watermarks.get(time) ?? -Infinity;
      return watermark > -Infinity ? watermark : undefined;
    }),
    replayed: times.flatMap((time, batch) => (replayed.has(time) ? [batch] : [])),
    windows: [...closed, ...open].sort((a, b) => a.start - b.start),
    late: records.filter(({ late }) => late).length,
  };
}
