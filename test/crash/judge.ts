import type { CrashedEnds } from './checkpoints.js';
import { expectedJoined, expectedPassed, expectedSessions, expectedWindows } from './expectedByEventTime.js';
import { enough, eventsOf, interval, partitions, slide, timeout, window } from './records.js';

/** What one run wrote, against what it should have written. */
export interface Verdict {
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
}

/** The lines of each output of each batch, by the name of the output and the batch time: `raw-30`. */
export type Written = readonly (readonly [name: string, lines: readonly string[]])[];

type Batch = { readonly time: number; readonly keys: readonly string[] };

/**
 * Judges the output of a run that has come to its end. Which records make a batch is read from what was written: that
 * every record of the log is in one batch, once and in order, and that what windows and states gave follows from those
 * batches, is worked out here anew, with plain maps and no window algorithm.
 */
export function judge(all: Written, operators: CrashedEnds['operators'] = 'all'): Verdict {
  const written = new Map(all);
  if (written.size < all.length) {
    const times = new Map<string, number>();
    for (const [name] of all) times.set(name, (times.get(name) ?? 0) + 1);
    const often = [...times].filter(([, count]) => count > 1);
    return { lost: [], doubled: often.map(([name, count]) => `${name} is there ${count} times`) };
  }
  const times = [...written.keys()].flatMap((name) => /^raw-(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  const last = Math.max(...times);
  const raw = rawLines(written, last);
  const verdict = compare(expectedRaw(), raw.lines);
  if (verdict.lost.length > 0 || verdict.doubled.length > 0) return verdict;
  const derived = [...written].filter(([name]) => !name.startsWith('raw-'));
  const lines = derived.flatMap(([name, records]) => {
    // By event time it does not matter with which batch a line comes.
    const [, byEventTime] = /^(event|late|session|passed|joined)-/.exec(name) ?? [];
    return [`${name} is there`, ...records.map((line) => `${byEventTime ?? name} ${line}`)];
  });
  const expected = operators === 'all' ? expectedDerived(raw.batches) : expectedByEventTime(raw.batches);
  return compare(expected, lines);
}

/** The records of each partition in the order of batches, and the keys of each batch; a batch that is missing is empty. */
function rawLines(written: ReadonlyMap<string, readonly string[]>, last: number) {
  const lines: string[] = [];
  const batches: Batch[] = [];
  const places = new Map<number, number>();
  for (let time = interval; time <= last; time += interval) {
    const records = written.get(`raw-${time}`);
    if (!records) lines.push(`no batch at ${time}`);
    const keys: string[] = [];
    for (const line of records ?? []) {
      const [partition, sequence] = JSON.parse(line) as [number, number];
      const place = places.get(partition) ?? 0;
      places.set(partition, place + 1);
      lines.push(`${partition}/${sequence}${place === sequence ? '' : ' out of order'}`);
      keys.push(eventsOf(partition)[sequence]?.key ?? '');
    }
    batches.push({ time, keys });
  }
  return { lines, batches };
}

function expectedRaw(): readonly string[] {
  return Array.from({ length: partitions }, (_, partition) => eventsOf(partition))
    .flat()
    .map(({ partition, sequence }) => `${partition}/${sequence}`);
}

function expectedDerived(batches: readonly Batch[]): readonly string[] {
  const totals = new Map<string, number>();
  const running = new Map<string, { n: number; touched: number }>();
  const lines: string[] = [];
  const say = (output: string, time: number, records: readonly unknown[]) => {
    lines.push(`${output}-${time} is there`, ...records.map((record) => `${output}-${time} ${JSON.stringify(record)}`));
  };
  for (const { time, keys } of batches) {
    if (time % slide === 0) say('window', time, windowAt(batches, time));
    say('totals', time, addTo(totals, keys));
    say('running', time, runOn(running, keys, time));
    lines.push(`event-${time} is there`, `late-${time} is there`);
  }
  return [...lines, ...expectedWindows()];
}

function expectedByEventTime(batches: readonly Batch[]): readonly string[] {
  const outputs = ['event', 'late', 'session', 'passed', 'joined'];
  const there = batches.flatMap(({ time }) => outputs.map((output) => `${output}-${time} is there`));
  return [...there, ...expectedWindows(), ...expectedSessions(), ...expectedPassed(), ...expectedJoined()];
}

function windowAt(batches: readonly Batch[], end: number): readonly unknown[] {
  const counts = new Map<string, number>();
  for (const { time, keys } of batches) {
    if (time <= end - window || time > end) continue;
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts];
}

function addTo(totals: Map<string, number>, keys: readonly string[]): readonly unknown[] {
  for (const key of new Set([...totals.keys(), ...keys])) {
    const total = (totals.get(key) ?? 0) + keys.filter((other) => other === key).length;
    if (total >= enough) totals.delete(key);
    else totals.set(key, total);
  }
  return [...totals];
}

function runOn(
  running: Map<string, { n: number; touched: number }>,
  keys: readonly string[],
  time: number,
): readonly unknown[] {
  const said: string[] = [];
  for (const key of keys) {
    const n = (running.get(key)?.n ?? 0) + 1;
    running.set(key, { n, touched: time });
    said.push(`${key} has ${n}`);
  }
  for (const [key, { n, touched }] of running) {
    if (touched >= time - timeout) continue;
    running.delete(key);
    said.push(`${key} left with ${n}`);
  }
  return said;
}

/** As multisets. */
function compare(expected: readonly string[], actual: readonly string[]): Verdict {
  const left = new Map<string, number>();
  for (const line of expected) left.set(line, (left.get(line) ?? 0) + 1);
  const doubled: string[] = [];
  for (const line of actual) {
    const count = left.get(line) ?? 0;
    if (count === 0) doubled.push(line);
    else left.set(line, count - 1);
  }
  return { lost: [...left].flatMap(([line, count]) => Array.from({ length: count }, () => line)), doubled };
}
