import { costModel, pid, type RateControllerFactory } from 'dstream';
import { capacityOf, type Plant } from './plant.js';
import { scenarios } from './scenarios.js';
import { type SimulatedBatch, simulate } from './simulate.js';

/** One picture: a scenario between two batches, of seed 1. */
interface Scene {
  readonly scenario: string;
  readonly from: number;
  readonly until: number;
  readonly title: string;
  /** Top of the lower panel, in intervals. */
  readonly longestWait: number;
}

const scenes: readonly Scene[] = [
  { scenario: 'S2', from: 0, until: 60, title: 'S2: a cold start before a backlog', longestWait: 2 },
  {
    scenario: 'S3',
    from: 140,
    until: 200,
    title: 'S3: at batch 150 everything costs three times as much',
    longestWait: 10,
  },
  {
    scenario: 'S5',
    from: 195,
    until: 245,
    title: 'S5: from 20 to 8,000 records a second at batch 200',
    longestWait: 1,
  },
  {
    scenario: 'S6',
    from: 0,
    until: 120,
    title: 'S6: noise of 30 %, and 2 % of batches cost five times as much',
    longestWait: 10,
  },
  { scenario: 'S7', from: 0, until: 60, title: 'S7: twice the records cost more than twice as much', longestWait: 4 },
  {
    scenario: 'S8',
    from: 95,
    until: 165,
    title: 'S8: batches 100 to 129 cost 1.3 intervals and their records',
    longestWait: 16,
  },
];

const controllers: readonly (readonly [name: string, factory: RateControllerFactory])[] = [
  ['pid', pid()],
  ['costModel', costModel()],
];

const width = 720;
const left = 56;
const right = 12;
const upper = { top: 58, height: 130 };
const lower = { top: 226, height: 90 };
/** Top of the upper panel: batch size over capacity. */
const largestShare = 4;

const style = `
  text { font: 12px system-ui, sans-serif; fill: #57606a }
  .title { font-size: 14px; fill: #24292f }
  .axis { stroke: #8c959f; fill: none } .grid { stroke: #d0d7de; fill: none; stroke-dasharray: 3 3 }
  .pid { stroke: #cf222e; fill: none; stroke-width: 1.4 } .costModel { stroke: #0969da; fill: none; stroke-width: 1.8 }
  text.pid { fill: #cf222e; stroke: none } text.costModel { fill: #0969da; stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 } .title { fill: #e6edf3 } .grid { stroke: #3d444d }
    .pid { stroke: #f85149 } .costModel { stroke: #4493f8 } text.pid { fill: #f85149 } text.costModel { fill: #4493f8 }
  }`;

/** The pictures of docs/backpressure.md, by file name. The simulator's own output, nothing drawn by hand. */
export function pictures(): ReadonlyMap<string, string> {
  return new Map(scenes.map((scene) => [`${scene.scenario.toLowerCase()}.svg`, pictureOf(scene)]));
}

function pictureOf(scene: Scene): string {
  const plant = scenarios.find(({ name }) => name.startsWith(scene.scenario));
  if (!plant) throw new Error(`there is no scenario ${scene.scenario}`);
  const runs = controllers.map(([name, factory]) => [name, shown(simulate(factory, plant, 1), scene)] as const);
  const lines = runs.flatMap(([name, batches]) => [
    line(
      name,
      batches.map((batch) => [x(batch.index, scene), share(batch, plant)]),
    ),
    line(
      name,
      batches.map((batch) => [x(batch.index, scene), wait(batch, plant, scene)]),
    ),
  ]);
  const legend = controllers.map(
    ([name], i) => `<text class="${name}" x="${width - 170 + 60 * i}" y="22">${name}</text>`,
  );
  const most = runs.map(([name, batches]) => `${name} ${longest(batches, plant)}`).join(', ');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} 344" role="img">
<title>${scene.title}. Longest wait in intervals: ${most}.</title>
<style>${style}
</style>
<text class="title" x="${left}" y="22">${scene.title}</text>
${legend.join('\n')}
<text x="${left}" y="48">records of a batch, over what fits into an interval</text>
${scale(upper, largestShare, [0, 1, 2, 3, 4])}
<text x="${left}" y="216">waiting before it starts, in intervals</text>
${scale(lower, scene.longestWait, [0, scene.longestWait / 2, scene.longestWait])}
${ticks(scene)}
${lines.join('\n')}
</svg>
`;
}

const shown = (batches: readonly SimulatedBatch[], { from, until }: Scene) => batches.slice(from, until + 1);
const x = (index: number, { from, until }: Scene) => left + ((width - left - right) * (index - from)) / (until - from);

function y({ top, height }: typeof upper, value: number, most: number): number {
  return top + height * (1 - Math.min(value, most) / most);
}

/** Where even a batch of one record does not fit, over what fitted at first. */
function share({ index, records }: SimulatedBatch, plant: Plant): number {
  const capacity = capacityOf(plant.cost(index), plant.interval) || capacityOf(plant.cost(0), plant.interval);
  return y(upper, records / capacity, largestShare);
}

function wait({ start, formed }: SimulatedBatch, { interval }: Plant, { longestWait }: Scene): number {
  return y(lower, (start - formed) / interval, longestWait);
}

function longest(batches: readonly SimulatedBatch[], { interval }: Plant): string {
  return Math.max(...batches.map(({ start, formed }) => (start - formed) / interval)).toFixed(1);
}

function line(name: string, points: readonly (readonly [number, number])[]): string {
  const path = points.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(' ');
  return `<polyline class="${name}" points="${path}"/>`;
}

function scale(panel: typeof upper, most: number, values: readonly number[]): string {
  return values
    .map((value) => {
      const at = y(panel, value, most).toFixed(1);
      const kind = value === 0 ? 'axis' : 'grid';
      return `<path class="${kind}" d="M${left},${at}H${width - right}"/><text x="${left - 8}" y="${at}" dy="4" text-anchor="end">${value}</text>`;
    })
    .join('\n');
}

function ticks(scene: Scene): string {
  const step = (scene.until - scene.from) / 5;
  return Array.from({ length: 6 }, (_, i) => Math.round(scene.from + i * step))
    .map((index) => `<text x="${x(index, scene).toFixed(1)}" y="334" text-anchor="middle">${index}</text>`)
    .join('\n');
}
