// What does a slide cost, whatever the length of the window; what does an operator add; and what do records cost?
//
//   npm run bench -- windows [--rounds N] [--only PART-OF-A-NAME]
//
// Each contender runs alone in a process of its own, in interleaved rounds. Times are processor times of the process, with
// those of the collector's threads, so that what else runs on the machine counts little.
import { parseArgs } from 'node:util';
import { type Sample, sampleAlone } from './alone.js';
import { type Row, rowOf, writeResults } from './report.js';
import { algorithms } from './windows/algorithms.js';
import { keyed } from './windows/keyed.js';
import { operators } from './windows/operators.js';
import { records } from './windows/records.js';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, only: { type: 'string', default: '' } },
});
const rounds = Number(options.rounds);

interface Group {
  readonly unit: string;
  /** How many of the unit are in a millisecond. */
  readonly perMs: number;
  readonly contenders: readonly string[];
}

const groups: Readonly<Record<string, Group>> = {
  algorithms: { unit: 'ns a slide', perMs: 1e6, contenders: Object.keys(algorithms) },
  keyed: { unit: 'ms a slide', perMs: 1, contenders: Object.keys(keyed) },
  operators: { unit: 'ns a batch', perMs: 1e6, contenders: Object.keys(operators) },
  records: { unit: 'ms for 1,000,000 records', perMs: 1, contenders: Object.keys(records) },
};

const child = new URL('./windows/child.ts', import.meta.url);

/** After each round there is a report, so that a run that is stopped leaves what it has. */
function measure(): void {
  const names = Object.values(groups).flatMap(({ contenders }) => contenders);
  const samples = new Map<string, Sample[]>(
    names.filter((name) => name.includes(options.only)).map((name) => [name, []]),
  );
  for (let round = 1; round <= rounds; round++) {
    for (const [name, taken] of samples) {
      taken.push(sampleAlone(child, name));
      console.log(`round ${round}  ${name.padEnd(40)} ${((taken.at(-1)?.ms ?? 0) * 1e6).toPrecision(4)} ns`);
    }
    report(samples, round);
  }
}

/** Contenders of a group that do the same work must come to the same result. */
function checkSame(samples: ReadonlyMap<string, readonly Sample[]>, names: readonly string[]): void {
  const checks = new Set(names.flatMap((name) => samples.get(name)?.map(({ check }) => check) ?? []));
  if (checks.size > 1) throw new Error(`different results of ${names.join(', ')}: ${[...checks].join(', ')}`);
}

function report(samples: ReadonlyMap<string, readonly Sample[]>, round: number): void {
  for (const { contenders } of [groups.keyed, groups.operators, groups.records] as Group[])
    checkSame(samples, contenders);
  const rows = Object.values(groups).flatMap(({ contenders, perMs, unit }) =>
    contenders.flatMap((name): (Row & { readonly unit: string })[] => {
      const taken = samples.get(name);
      return taken
        ? [
            {
              ...rowOf(
                name,
                taken.map(({ ms }) => ms * perMs),
              ),
              unit,
            },
          ]
        : [];
    }),
  );
  const median = (name: string) => rows.find((row) => row.name === name)?.median ?? Number.NaN;
  const over = (a: string, b: string) => median(a) / median(b);
  const ratios = {
    twoStacksMillionOverThousand: over('two stacks, 1,000,000 panes', 'two stacks, 1,000 panes'),
    dabaLiteMillionOverThousand: over('DABA Lite, 1,000,000 panes', 'DABA Lite, 1,000 panes'),
    recomputeOverTwoStacksAtThousand: over('recompute, 1,000 panes', 'two stacks, 1,000 panes'),
    sparkOverReduceByKeyAndWindow: over("Spark's rebuild", 'reduceByKeyAndWindow, inverse'),
    rxjsOverAggregateByWindow: over('RxJS bufferCount and recompute', 'aggregateByWindow, max'),
    operatorAddsNs: median('aggregateByWindow, max') - median('bare two stacks'),
    recordsOverOneLoop: over('mapRecords, filterRecords, reduceByKey', 'one loop'),
    recordsAmongOthersOverOneLoop: over('mapRecords, filterRecords, reduceByKey, one pipeline of six', 'one loop'),
    recordsOverLoopWithSameSteps: over('mapRecords, filterRecords, reduceByKey', 'a loop with the same steps'),
  };
  writeResults('windows', {
    unit: 'ns a slide or batch, ms a keyed slide or million records',
    rows,
    ratios,
    rounds: round,
  });
}

measure();
