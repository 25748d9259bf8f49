import { type Batch, foreachBatch, fromBatches } from 'dstream';
import { type OperatorFunction, VirtualTimeScheduler } from 'rxjs';
import type { Written } from './judge.js';
import { interval, type TaskEvent, taskOutputs } from './tasksOperators.js';

/** What is wrong with what tasks have written. */
export interface TasksVerdict {
  readonly batches: number;
  readonly records: number;
  /** Records of the input that are in no batch. */
  readonly lost: number;
  /** Outputs of a batch that were written twice, and records that are in two batches. */
  readonly doubled: number;
  /** Batches whose windows, totals or states are not those of a process that nothing happens to. */
  readonly wrong: number;
  readonly examples: readonly string[];
}

interface TaskOutput {
  /** By time and name. */
  readonly lines: Map<number, Map<string, readonly string[]>>;
}

/** Judges what tasks have written by every offset of their topic: `ends` has the end of each partition. */
export function judgeTasks(written: Written, ends: readonly number[]): TasksVerdict {
  const examples: string[] = [];
  const verdict = { batches: 0, records: 0, lost: 0, doubled: 0, wrong: 0 };
  const fault = (what: keyof typeof verdict, example: string): void => {
    verdict[what]++;
    if (examples.length < 20) examples.push(`${what}: ${example}`);
  };
  const tasks = new Map<string, TaskOutput>();
  for (const [name, lines] of written) {
    const [output = '', task = '', time = ''] = name.split('-');
    const one = tasks.get(task) ?? { lines: new Map() };
    tasks.set(task, one);
    const batch = one.lines.get(Number(time)) ?? new Map<string, readonly string[]>();
    one.lines.set(Number(time), batch);
    if (batch.has(output)) fault('doubled', name);
    batch.set(output, lines);
  }
  for (const [partition, end] of ends.entries()) {
    const task = tasks.get(String(partition)) ?? { lines: new Map() };
    const seen = new Set<string>();
    for (const batch of task.lines.values()) {
      for (const line of batch.get('input') ?? []) {
        const [offset = ''] = line.split(' ');
        if (seen.has(offset)) fault('doubled', `offset ${offset} of ${partition}`);
        seen.add(offset);
      }
    }
    for (let offset = 0; offset < end; offset++) {
      if (!seen.has(String(offset))) fault('lost', `offset ${offset} of ${partition}`);
    }
    verdict.records += seen.size;
    verdict.batches += task.lines.size;
    for (const [time, batch] of compared(task)) fault('wrong', `${time} of ${partition}: ${batch}`);
  }
  return { ...verdict, examples };
}

const names = ['window', 'totals', 'running'];

/** The batches that differ from those of a process that nothing happens to, with what differs. */
function compared({ lines }: TaskOutput): readonly (readonly [time: number, difference: string])[] {
  const times = [...lines.keys()].sort((a, b) => a - b);
  const [first = 0] = times;
  const count = times.length === 0 ? 0 : ((times.at(-1) as number) - first) / interval + 1;
  const timeOf = (index: number) => first + index * interval;
  const batches = Array.from({ length: count }, (_, i) =>
    (lines.get(timeOf(i))?.get('input') ?? []).map((line): TaskEvent => {
      const [offset = '', key = ''] = line.split(' ');
      return { key, offset: Number(offset) };
    }),
  );
  const expected = referenceOf(batches);
  return batches.flatMap((_, i): [number, string][] => {
    const found = lines.get(timeOf(i));
    if (!found) return [[timeOf(i), 'there is no batch']];
    return names
      .filter((name) => textOf(found.get(name)) !== textOf(expected[i]?.get(name)))
      .map((name) => [timeOf(i), `${name} is ${textOf(found.get(name))}, not ${textOf(expected[i]?.get(name))}`]);
  });
}

const textOf = (lines: readonly string[] | undefined) => [...(lines ?? ['nothing'])].sort().join('; ');

/** What one process writes of these batches. */
function referenceOf(batches: readonly (readonly TaskEvent[])[]): readonly Map<string, readonly string[]>[] {
  const scheduler = new VirtualTimeScheduler();
  const outputs = batches.map(() => new Map<string, readonly string[]>());
  const save = (name: string): OperatorFunction<Batch<string>, unknown> =>
    foreachBatch((lines, { time }) => void outputs[time / interval - 1]?.set(name, lines));
  let failure: unknown;
  taskOutputs(fromBatches(batches, { interval, scheduler, partitions: 1 }), save).subscribe({
    error: (error) => {
      failure = error;
    },
  });
  scheduler.flush();
  if (failure) throw failure;
  return outputs;
}
