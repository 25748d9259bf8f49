// node --import tsx docs/build/stories.ts: runs the pipelines of the diagrams that a reader steps through, in virtual time, and writes what they
// did into .cache/docs/stories.json.
import { mkdirSync, writeFileSync } from 'node:fs';
import {
  aggregateByEventWindow,
  type BatchInfo,
  eventTime,
  foreachBatch,
  fromBatches,
  type LateRecord,
  logBatches,
  mapRecords,
  mapWithState,
  memoryCheckpoint,
  memoryLog,
  type Pair,
  pid,
  reduceByKeyAndWindow,
  sideOutput,
  string,
  updateStateByKey,
} from 'dstream';
import { count } from 'dstream/aggregators';
import { interval, merge, retry, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import type { Box, Lane, Step, Story } from '../.vitepress/story.js';

const inVirtualTime = (work: () => void): void => new TestScheduler(() => {}).run(work);
const shown = ([key, value]: readonly [unknown, unknown]): string => `${key}:${value}`;
const lane = (name: string, batches: readonly (readonly string[])[], mark: Box['mark'] = 'done'): Lane => ({
  name,
  boxes: batches.map((records, column) => ({ column, records, mark })),
});
const list = (items: readonly string[]): string => (items.length === 0 ? 'nothing' : items.join(', '));

function windows(): Story {
  const batches: Pair<string, number>[][] = [
    [
      ['a', 1],
      ['b', 2],
    ],
    [['a', 1]],
    [['c', 3]],
    [],
    [['b', 1]],
  ];
  const results: (readonly Pair<string, number>[])[] = [];
  inVirtualTime(() => {
    fromBatches(batches, { interval: 10 })
      .pipe(
        reduceByKeyAndWindow((a, b) => a + b, { inverse: (a, b) => a - b, window: 30 }),
        foreachBatch((sums) => void results.push(sums)),
      )
      .subscribe();
  });
  const inputs = batches.map((batch) => batch.map(shown));
  const outputs = results.map((sums) => sums.map(shown));
  const steps = batches.map((_, i): Step => {
    const from = Math.max(0, i - 2);
    const leaves =
      i > 2 ? `The batch of ${10 * (i - 2)} leaves it, and is subtracted: ${list(inputs[i - 3] ?? [])}. ` : '';
    return {
      text: `At ${10 * (i + 1)} the batch has ${list(inputs[i] ?? [])}. It enters the window. ${leaves}The sums are ${list(outputs[i] ?? [])}.`,
      lanes: [lane('in', inputs.slice(0, i + 1)), lane('out', outputs.slice(0, i + 1))],
      bracket: { from, to: i, label: 'window of 30' },
    };
  });
  return { title: 'A window slides over batches', columns: batches.map((_, i) => String(10 * (i + 1))), steps };
}

function state(): Story {
  const batches: Pair<string, number>[][] = [
    [
      ['ann', 1],
      ['bob', 4],
    ],
    [['ann', 2]],
    [],
    [['ann', 5]],
    [],
  ];
  const outputs: string[][] = [];
  const tables: (readonly (readonly [string, string])[])[] = [];
  const kept = new Map<string, number>();
  inVirtualTime(() => {
    fromBatches(batches, { interval: 10 })
      .pipe(
        mapWithState<string, number, number, string>(
          (key, value, sum) => {
            if (sum.isTimingOut) {
              kept.delete(key);
              return `${key} left`;
            }
            sum.update((sum.get() ?? 0) + (value ?? 0));
            kept.set(key, sum.get() ?? 0);
            return shown([key, sum.get()]);
          },
          { timeout: 20 },
        ),
        foreachBatch((records) => {
          outputs.push([...records]);
          tables.push([...kept].map(([key, sum]) => [key, String(sum)] as const));
        }),
      )
      .subscribe();
  });
  const inputs = batches.map((batch) => batch.map(shown));
  const steps = batches.map(
    (_, i): Step => ({
      text: `At ${10 * (i + 1)} come ${list(inputs[i] ?? [])}. Emitted: ${list(outputs[i] ?? [])}. A key that nothing has touched for more than 20 times out.`,
      lanes: [lane('in', inputs.slice(0, i + 1)), lane('out', outputs.slice(0, i + 1))],
      table: { name: 'state', rows: tables[i] ?? [] },
    }),
  );
  return { title: 'The state of keys, with a time-out', columns: batches.map((_, i) => String(10 * (i + 1))), steps };
}

function backpressure(): Story {
  const infos: BatchInfo[] = [];
  inVirtualTime(() => {
    const log = memoryLog({ topics: { clicks: 2 } });
    const producer = interval(10).subscribe(() =>
      log.append('clicks', [{ value: 'a' }, { value: 'b' }, { value: 'c' }]),
    );
    const clicks = logBatches(log, {
      topics: ['clicks'],
      start: 'earliest',
      interval: 100,
      deserialize: string(),
      backpressure: pid({ minRate: 10 }),
      batchObserver: { next: (info) => void infos.push(info) },
    });
    const write = (records: readonly unknown[], { time }: { readonly time: number }) =>
      timer(time > 300 && time <= 700 ? 6 * records.length : 10);
    const subscription = clicks.pipe(foreachBatch(write)).subscribe();
    timer(1_150).subscribe(() => {
      producer.unsubscribe();
      subscription.unsubscribe();
    });
  });
  const records = infos.map((info) => info.records);
  const lags = infos.map(({ inputs }) => inputs.log?.lag ?? 0);
  const took = infos.map(({ processingDelay }) => processingDelay);
  const waited = infos.map(({ schedulingDelay }) => schedulingDelay);
  const steps = infos.map(({ time }, i): Step => {
    const slow = time > 300 && time <= 700;
    const bars = (name: string, unit: string, values: readonly number[]) => ({
      name,
      unit,
      values: values.slice(0, i + 1),
      most: Math.max(...values),
    });
    return {
      text: `Batch ${time}: the output is ${slow ? 'slow, 6 ms a record' : 'fast'}. ${records[i]} records take ${took[i]} ms of the interval of 100, after ${waited[i]} ms of waiting; ${lags[i]} stay in the log.`,
      bars: [
        bars('records', '', records),
        bars('processing', 'ms', took),
        bars('waited', 'ms', waited),
        bars('lag', '', lags),
      ],
    };
  });
  return { title: 'An output that is slow for a while', columns: infos.map(({ time }) => String(time)), steps };
}

function eventTimes(): Story {
  const batches = [[2, 5], [11], [4, 16], [3, 31]];
  const closed: string[][] = [];
  const lates: string[][] = [];
  const watermarks: number[] = [];
  inVirtualTime(() => {
    const late = sideOutput<LateRecord<number>>();
    // With the last batch everything has been read, and all windows close: a batch that is not shown.
    const results = fromBatches([...batches, []], { interval: 10, partitions: 1 }).pipe(
      eventTime({
        timestamp: (at) => at,
        outOfOrderness: 5,
        progress: { next: ({ watermark }) => void watermarks.push(watermark) },
      }),
      aggregateByEventWindow(count(), { window: 10, late }),
      foreachBatch((found) => void closed.push(found.map(({ start, end, value }) => `[${start}, ${end}): ${value}`))),
    );
    merge(
      results,
      late.pipe(foreachBatch((found) => void lates.push(found.map(({ record }) => String(record))))),
    ).subscribe();
  });
  const inputs = batches.map((batch) => batch.map(String));
  const steps = batches.map(
    (batch, i): Step => ({
      text: `Records of the times ${batch.join(' and ')} arrive. The newest so far is ${Math.max(...batches.slice(0, i + 1).flat())}; less 5, the watermark is ${watermarks[i]}. ${
        (closed[i]?.length ?? 0) > 0
          ? `It has reached the end of a window, which comes: ${closed[i]?.join(', ')}.`
          : 'No window ends before it.'
      }${(lates[i]?.length ?? 0) > 0 ? ` ${lates[i]?.join(', ')} is late: its window is closed.` : ''}`,
      lanes: [
        lane('records', inputs.slice(0, i + 1)),
        lane('windows', closed.slice(0, i + 1)),
        lane('late', lates.slice(0, i + 1)),
      ],
      table: { name: 'event time', rows: [['watermark', String(watermarks[i])]] },
    }),
  );
  return { title: 'A watermark closes windows', columns: batches.map((_, i) => `batch ${i + 1}`), steps };
}

function recovery(): Story {
  const batches = [['to', 'be'], ['or', 'to'], ['be']];
  interface Event {
    readonly kind: 'written' | 'saved' | 'crash';
    readonly time: number;
    readonly counts?: readonly string[];
  }
  const events: Event[] = [];
  inVirtualTime(() => {
    let crashes = 1;
    fromBatches(batches, {
      interval: 10,
      checkpoint: memoryCheckpoint(),
      batchObserver: { next: ({ time }) => void events.push({ kind: 'saved', time }) },
    })
      .pipe(
        mapRecords((word) => [word, 1]),
        updateStateByKey((ones, sum: number | undefined) => (sum ?? 0) + ones.length, { id: 'counts' }),
        foreachBatch((counts, { time }) => {
          events.push({ kind: 'written', time, counts: counts.map(shown) });
          if (time === 20 && crashes-- > 0) {
            events.push({ kind: 'crash', time });
            throw new Error('crash');
          }
        }),
        retry(1),
      )
      .subscribe();
  });
  const lives: Box[][] = [[]];
  let saved: { readonly time: number; readonly counts: readonly string[] } | undefined;
  const steps = events.map((event): Step => {
    const life = lives.at(-1) ?? [];
    const column = event.time / 10 - 1;
    let text = '';
    if (event.kind === 'written') {
      life.push({ column, records: event.counts ?? [], mark: 'open' });
      const again = lives.length > 1 && lives[0]?.some((box) => box.column === column);
      text = again
        ? `The batch of ${event.time} comes again, with the same time and the same records. Its counts are those of before, as the state is that of the checkpoint: ${list(event.counts ?? [])}.`
        : `The output of batch ${event.time} writes ${list(event.counts ?? [])}.`;
    } else if (event.kind === 'saved') {
      const box = life.findIndex((each) => each.column === column);
      const before = life[box];
      if (before) {
        life[box] = { ...before, mark: 'done' };
        saved = { time: event.time, counts: before.records };
      }
      text = `Batch ${event.time} is complete: its state and its position are saved together.`;
    } else {
      const box = life.findIndex((each) => each.column === column);
      const before = life[box];
      if (before) life[box] = { ...before, mark: 'lost' };
      lives.push([]);
      text = `The process dies in batch ${event.time}. What it wrote may be there or not, and nothing of the batch is saved.`;
    }
    return {
      text,
      lanes: [
        lane(
          'in',
          batches.map((batch) => [...batch]),
        ),
        ...['first life', 'second life']
          .slice(0, lives.length)
          .map((name, i) => ({ name, boxes: [...(lives[i] ?? [])] })),
      ],
      table: {
        name: 'checkpoint',
        rows: saved
          ? [['batch', String(saved.time)] as const, ...saved.counts.map((each) => each.split(':') as [string, string])]
          : [],
      },
    };
  });
  return {
    title: 'A crash between output and checkpoint',
    columns: batches.map((_, i) => String(10 * (i + 1))),
    steps,
  };
}

const stories = {
  windows: windows(),
  state: state(),
  backpressure: backpressure(),
  'event-time': eventTimes(),
  recovery: recovery(),
};
for (const [name, { steps }] of Object.entries(stories)) {
  if (steps.length < 4 || steps.some(({ text }) => /undefined|NaN/.test(text)))
    throw new Error(`the story ${name} has a gap`);
}
const folder = new URL('../../.cache/docs/', import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL('stories.json', folder), JSON.stringify(stories));
console.log(`dstream: ${Object.keys(stories).length} stories run`);
