// How far can any rate controller get with heavy-tailed noise (scenario S6)? The best sizes by dynamic programming, for one
// that knows more than can be known, and the same played in the simulator.
//
//   npm run bench -- backpressureBound [--seeds N]
import { parseArgs } from 'node:util';
import { boundOf, foreseeing } from './backpressure/foreseeing.js';
import { measure } from './backpressure/measure.js';
import { scenarios } from './backpressure/scenarios.js';
import { simulate } from './backpressure/simulate.js';
import { quantile } from './quantile.js';

const { values: options } = parseArgs({ options: { seeds: { type: 'string', default: '31' } } });
const plant = scenarios.find(({ name }) => name.startsWith('S6'));
if (!plant) throw new Error('S6');
console.log('penalty of an overloaded batch: throughput, overloaded of 500; the same in the simulator, medians');
for (const penalty of [0.3, 0.5, 0.6, 0.7, 1]) {
  const bound = boundOf(plant, penalty);
  const runs = Array.from({ length: Number(options.seeds) }, (_, i) => {
    return measure(simulate(foreseeing(bound, plant, i + 1), plant, i + 1), plant);
  });
  const median = (of: 'throughput' | 'overloaded') =>
    quantile(
      runs.map((run) => run[of]),
      0.5,
    );
  const figures = [bound.throughput.toFixed(3), (500 * bound.overloaded).toFixed(0)];
  console.log(`${penalty}: ${figures.join(', ')}; ${median('throughput').toFixed(3)}, ${median('overloaded')}`);
}
