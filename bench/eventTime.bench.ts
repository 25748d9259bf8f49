// What do windows by event time cost beside the same windows by batch time, with and without disorder? What do they keep of a key?
//
//   npm run bench -- eventTime [--rounds N] [--only PART-OF-A-NAME]
//
// Each contender runs alone in a process of its own, in interleaved rounds. Times are processor times of the process, with
// those of the collector's threads, so that what else runs on the machine counts little; a ratio is the median of the rounds' own.
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { type Sample, sampleAlone } from './alone.js';
import { contenders } from './eventTime/contenders.js';
import { printTable, rowOf, writeResults } from './report.js';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, only: { type: 'string', default: '' } },
});
const rounds = Number(options.rounds);
const child = new URL('./eventTime/child.ts', import.meta.url);
const memoryChild = new URL('./eventTime/memory.ts', import.meta.url);

/** Each over the same by batch time, or over the shorter window. */
const compared: Readonly<Record<string, string>> = {
  '12 panes, sum, in order': '12 panes, sum, by batch time',
  '12 panes, sum, out of order by 1.5 panes': '12 panes, sum, by batch time',
  '12 panes, sum, out of order by 40 panes': '12 panes, sum, by batch time',
  '12 panes, max, in order': '12 panes, max, by batch time',
  '12 panes, max, out of order by 40 panes': '12 panes, max, by batch time',
  'tumbling, sum, in order': 'tumbling, sum, by batch time',
  'tumbling, sum, out of order by 1.5 panes': 'tumbling, sum, by batch time',
  'tumbling, sum, out of order by 40 panes': 'tumbling, sum, by batch time',
  '360 panes, sum, 1,000 keys': '12 panes, sum, 1,000 keys',
  '360 panes, max, 1,000 keys': '12 panes, max, 1,000 keys',
  'a row with eventTime and a tumbling sum': 'a row with reduceByKey',
};

/** Of what memory is measured: panes in a window, and panes that are open. */
const kept: Readonly<Record<string, readonly [panesPerWindow: number, open: number]>> = {
  'tumbling, 1 open': [1, 1],
  'tumbling, 2 open': [1, 2],
  'tumbling, 3 open': [1, 3],
  'tumbling, 12 open': [1, 12],
  '12 panes, 12 open': [12, 12],
};

function measure(): void {
  const samples = new Map<string, Sample[]>(
    Object.keys(contenders)
      .filter((name) => name.includes(options.only))
      .map((name) => [name, []]),
  );
  const bytes = Object.fromEntries(
    Object.entries(kept).map(([name, panes]) => [name, sampleAlone<number>(memoryChild, ...panes.map(String))]),
  );
  for (let round = 1; round <= rounds; round++) {
    for (const [name, taken] of samples) {
      taken.push(sampleAlone(child, name));
      console.log(`round ${round}  ${name.padEnd(45)} ${(taken.at(-1)?.ms ?? 0).toPrecision(3)} ms`);
    }
    report(samples, bytes, round);
  }
}

/** After each round, so that a run that is stopped leaves what it has. */
function report(
  samples: ReadonlyMap<string, readonly Sample[]>,
  bytesPerKeyAndPane: Readonly<Record<string, number>>,
  round: number,
): void {
  const rows = Array.from(samples, ([name, taken]) =>
    rowOf(
      name,
      taken.map(({ ms }) => ms),
    ),
  );
  const median = (name: string) => rows.find((row) => row.name === name)?.median ?? Number.NaN;
  // Of each round by itself: what else runs on the machine changes from round to round.
  const ratioOf = (name: string, other: string): number => {
    const others = samples.get(other) ?? [];
    const ratios = samples.get(name)?.map(({ ms }, i) => ms / (others[i]?.ms ?? Number.NaN)) ?? [];
    return rowOf(name, ratios).median;
  };
  const ratios = Object.fromEntries(
    Object.entries(compared)
      .filter(([name, other]) => samples.has(name) && samples.has(other))
      .map(([name, other]) => [name, ratioOf(name, other)]),
  );
  const unit = 'ms a batch of 10,000 records and a slide';
  const [load = 0] = loadavg();
  writeResults('eventTime', { unit, rows, ratios, bytesPerKeyAndPane, rounds: round, load });
  if (round < rounds) return;
  const shown = (name: string) => median(name).toFixed(2);
  printTable(
    ['', 'ms a batch', 'compared with', 'ms a batch', 'ratio'],
    Object.entries(ratios).map(([name, ratio]) => {
      const other = compared[name] as string;
      return [name, shown(name), other, shown(other), ratio.toFixed(2)];
    }),
  );
  printTable(
    ['open panes', 'bytes a key and pane'],
    Object.entries(bytesPerKeyAndPane).map(([name, bytes]) => [name, bytes.toFixed(0)]),
  );
}

measure();
