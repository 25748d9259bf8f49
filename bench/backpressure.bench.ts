// How soon does a rate controller settle, and how long do batches wait, on simulated plants? The shipped controllers, AIMD
// and Gradient2 on the same noise.
//
//   npm run bench -- backpressure [--seeds N] [--plants N]
import { parseArgs } from 'node:util';
import { costModel, pid, type RateControllerFactory } from 'dstream';
import { aimd } from './backpressure/aimd.js';
import { gradient2 } from './backpressure/gradient2.js';
import { heldOutPlant } from './backpressure/heldOut.js';
import { measure } from './backpressure/measure.js';
import { knowing } from './backpressure/reference.js';
import { scenarios } from './backpressure/scenarios.js';
import { simulate } from './backpressure/simulate.js';
import { runSeeds, type Summary, summarize } from './backpressure/summary.js';
import { quantile } from './quantile.js';
import { rowOf, writeResults } from './report.js';

const { values: options } = parseArgs({
  options: { seeds: { type: 'string', default: '31' }, plants: { type: 'string', default: '300' } },
});
const seeds = Number(options.seeds);
const plants = Number(options.plants);

const controllers: readonly [string, RateControllerFactory][] = [
  ['costModel', costModel()],
  ['pid', pid()],
  ['aimd', aimd],
  ['gradient2', gradient2],
];

const show = (value: number) => (Number.isFinite(value) ? String(value) : 'never');

function line(name: string, { settle, maxWait, overloaded, throughput, variation }: Summary): string {
  const cells = [
    `${show(settle.median)} (${show(settle.worst)})`,
    `${maxWait.median.toFixed(2)} (${maxWait.worst.toFixed(2)})`,
    String(overloaded.median),
    throughput.median.toFixed(3),
    Number.isNaN(variation.median) ? '-' : variation.median.toFixed(2),
  ];
  return `  ${name.padEnd(22)}${cells.map((cell) => cell.padStart(17)).join('')}`;
}

/** JSON knows no Infinity. */
const plain = (value: number) => (Number.isFinite(value) ? value : null);

function runScenarios() {
  const titles = ['settle (worst)', 'max wait (worst)', 'overloaded', 'throughput', 'variation'];
  console.log(`${' '.repeat(24)}${titles.map((title) => title.padStart(17)).join('')}`);
  return scenarios.map((plant) => {
    console.log(plant.name);
    const entries = controllers.map(([name, factory]) => {
      const summary = summarize(runSeeds(factory, plant, seeds));
      console.log(line(name, summary));
      const flat = Object.entries(summary).map(([key, { median, worst }]) => [key, [plain(median), plain(worst)]]);
      return [name, Object.fromEntries(flat)] as const;
    });
    if (plant.name.startsWith('S6')) {
      for (const [target, slack] of [
        [1, 0.4],
        [1.05, 0.3],
        [1.1, 0.2],
      ] as const) {
        console.log(line(`knowing ${target} ${slack}`, summarize(runSeeds(knowing(target, slack), plant, seeds))));
      }
    }
    return [plant.name, Object.fromEntries(entries)] as const;
  });
}

function runHeldOut(name: string, factory: RateControllerFactory) {
  const runs = Array.from({ length: plants }, (_, i) => {
    const plant = heldOutPlant(i + 1);
    return measure(simulate(factory, plant, i + 1), plant);
  });
  const settle = runs.map((run) => run.settle);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const result = {
    settleMedian: quantile(settle, 0.5),
    settleP90: quantile(settle, 0.9),
    never: settle.filter((value) => !Number.isFinite(value)).length,
    overloaded: mean(runs.map((run) => run.overloaded)),
    throughput: mean(runs.map((run) => run.throughput)),
  };
  const { settleMedian, settleP90, never, overloaded, throughput } = result;
  const figures = `settle ${show(settleMedian)}, p90 ${show(settleP90)}, never ${never}`;
  console.log(
    `  ${name.padEnd(12)}${figures}, overloaded ${overloaded.toFixed(1)}, throughput ${throughput.toFixed(3)}`,
  );
  const finite = { ...result, settleMedian: plain(settleMedian), settleP90: plain(settleP90) };
  return [name, { ...finite, settle }] as const;
}

const table = Object.fromEntries(runScenarios());
console.log(`\n${plants} held-out plants, in batches after the change of cost`);
const held = new Map(controllers.map(([name, factory]) => runHeldOut(name, factory)));
// Plants on which a controller never settles count as the 150 batches that were watched.
const watched = (settle: readonly number[]) => settle.map((value) => Math.min(value, 150));
writeResults('backpressure', {
  unit: 'batches to settle after a change, on held-out plants',
  rows: controllers.map(([name]) => rowOf(name, watched(held.get(name)?.settle ?? []))),
  ratios: { p90CostModelOverPid: (held.get('costModel')?.settleP90 ?? 150) / (held.get('pid')?.settleP90 ?? 150) },
  seeds,
  plants,
  scenarios: table,
  heldOut: Object.fromEntries([...held].map(([name, { settle: _, ...rest }]) => [name, rest])),
});
