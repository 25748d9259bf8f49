import { heldPicture } from './heldPlot.js';
import { type PlotOptions, type PlottedBatch, type PlottedBatches, plotRun } from './plotRun.js';
import { plotStyle } from './plotStyle.js';

/** One picture: records by batch and partition, and what event-time windows make of them. */
interface Scene extends PlotOptions {
  readonly file: string;
  readonly title: string;
  readonly batches: PlottedBatches;
}

const scenes: readonly Scene[] = [
  {
    file: 'watermark.svg',
    title: 'One partition, outOfOrderness 5, windows of 10',
    outOfOrderness: 5,
    window: 10,
    batches: [[[2, 6, 4]], [[11, 9, 13]], [[18, 3, 16]], [[24, 21, 27]]],
  },
  {
    file: 'partitions.svg',
    title: 'Two partitions, outOfOrderness 2, windows of 10',
    outOfOrderness: 2,
    window: 10,
    batches: [
      [[4, 12], [2]],
      [[21, 6], [7]],
      [[25], [9, 14]],
      [[27], [24]],
    ],
  },
  {
    file: 'corrections.svg',
    title: "outOfOrderness 5, windows of 10, allowedLateness 10, emit 'corrections'",
    outOfOrderness: 5,
    window: 10,
    allowedLateness: 10,
    batches: [[[2, 6, 4]], [[11, 9, 16]], [[18, 3]], [[24, 21, 27]]],
  },
];

const width = 720;
const left = 56;
const right = 16;
const plot = { top: 88, height: 210 };
const bottom = plot.top + plot.height;
const height = bottom + 62;

/** The pictures of docs/event-time.md, by file name: a run with these records, nothing drawn by hand. */
export function pictures(): ReadonlyMap<string, string> {
  const drawn = scenes.map((scene) => [scene.file, pictureOf(scene, plotRun(scene.batches, scene))] as const);
  return new Map([...drawn, ['replay.svg', heldPicture()]]);
}

function pictureOf(scene: Scene, run: readonly PlottedBatch[]): string {
  const axes = new Axes(scene, run);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">
<title>${scene.title}. ${run.map(sentenceOf).join(' ')}</title>
<style>${plotStyle}
</style>
<text class="title" x="${left}" y="22">${scene.title}</text>
${[...axes.bands(), ...axes.ticks(), ...axes.ownWatermarks(), axes.watermark(), ...axes.records(), ...axes.results()].join('\n')}
${legend(axes.partitions).join('\n')}
</svg>
`;
}

/** What a reader hears who does not see the picture. */
function sentenceOf({ partitions, progress, late, results }: PlottedBatch, i: number): string {
  const records = partitions.map((each) => each.join(', ') || 'none').join(' and ');
  const lates = late.length > 0 ? `, late: ${late.join(', ')}` : '';
  const given = results.map((each) => `, ${labelOf(each)}`).join('');
  return `Batch ${i + 1}: records ${records}; watermark ${progress.watermark}${lates}${given}.`;
}

function labelOf({ start, end, value, final }: PlottedBatch['results'][number]): string {
  return `[${start}, ${end}): ${value}${final ? '' : ', not final'}`;
}

/** Places of event times and batches. */
class Axes {
  readonly partitions: number;
  readonly #scene: Scene;
  readonly #run: readonly PlottedBatch[];
  readonly #top: number;
  readonly #step: number;

  constructor(scene: Scene, run: readonly PlottedBatch[]) {
    this.#scene = scene;
    this.#run = run;
    this.partitions = Math.max(...run.map(({ partitions }) => partitions.length));
    const newest = Math.max(...run.flatMap(({ partitions }) => partitions.flat()));
    this.#top = scene.window * Math.ceil((newest + 1) / scene.window);
    this.#step = (width - left - right) / run.length;
  }

  /** Every other window. */
  bands(): readonly string[] {
    const { window } = this.#scene;
    return Array.from({ length: this.#top / window }, (_, k) => k * window)
      .filter((start) => (start / window) % 2 === 0)
      .map((start) => {
        const top = this.#y(start + window);
        return `<rect class="band" x="${left}" y="${top}" width="${width - left - right}" height="${round(Number(this.#y(start)) - Number(top))}"/>`;
      });
  }

  ticks(): readonly string[] {
    const { window } = this.#scene;
    const times = Array.from({ length: this.#top / window + 1 }, (_, k) => k * window);
    return [
      `<text x="${left}" y="${plot.top - 44}">results, at the end of each batch</text>`,
      `<text x="${left - 40}" y="${plot.top - 8}">event time</text>`,
      ...times.map((time) => `<text x="${left - 8}" y="${this.#y(time)}" dy="4" text-anchor="end">${time}</text>`),
      `<path class="axis" d="M${left},${plot.top}V${bottom}H${width - right}"/>`,
      ...this.#run.map((_, i) => `<path class="tick" d="M${this.#end(i)},${plot.top}V${bottom}"/>`),
      ...this.#run.map((_, i) => {
        return `<text x="${round(this.#begin(i) + this.#step / 2)}" y="${bottom + 18}" text-anchor="middle">batch ${i + 1}</text>`;
      }),
    ];
  }

  /** Of each partition, record by record: it decides what is late. */
  ownWatermarks(): readonly string[] {
    return Array.from({ length: this.partitions }, (_, partition) => {
      let newest = -Infinity;
      const path = this.#placed(partition).flatMap(({ time, x }) => {
        const before = newest - this.#scene.outOfOrderness;
        newest = Math.max(newest, time);
        const after = newest - this.#scene.outOfOrderness;
        if (after < 0) return [];
        return before < 0 ? [`M${x},${this.#y(after)}`] : [`H${x}V${this.#y(after)}`];
      });
      const end = path.length > 0 ? `H${width - right}` : '';
      return `<path class="own own${partition}" d="${path.join('')}${end}"/>`;
    });
  }

  /** Of the stream, batch by batch: it decides when windows close. */
  watermark(): string {
    let path = '';
    for (const [i, { progress }] of this.#run.entries()) {
      if (progress.watermark < 0) continue;
      const y = this.#y(progress.watermark);
      path += path === '' ? `M${this.#end(i)},${y}` : `H${this.#end(i)}V${y}`;
    }
    return `<path class="watermark" d="${path}h${right}"/>`;
  }

  records(): readonly string[] {
    return Array.from({ length: this.partitions }, (_, partition) =>
      this.#placed(partition).map(({ time, x, late }) => {
        const y = this.#y(time);
        // Above the ring of a late record.
        const rise = late ? -12 : -8;
        const dot = `<circle class="p${partition}" cx="${x}" cy="${y}" r="4"/><text x="${x}" y="${y}" dy="${rise}" text-anchor="middle">${time}</text>`;
        if (!late) return dot;
        return `${dot}<circle class="late" cx="${x}" cy="${y}" r="8"/><text class="late" x="${x}" y="${y}" dx="13" dy="4">late</text>`;
      }),
    ).flat();
  }

  results(): readonly string[] {
    return this.#run.flatMap(({ results }, i) =>
      results.map((each, place) => {
        const y = plot.top - 26 + 14 * (place - results.length + 2);
        return `<text class="result" x="${this.#end(i)}" y="${y}" text-anchor="end">${labelOf(each)}</text>`;
      }),
    );
  }

  #placed(partition: number): readonly { readonly time: number; readonly x: string; readonly late: boolean }[] {
    return this.#run.flatMap(({ partitions, late }, i) => {
      const before = partitions.slice(0, partition).flat().length;
      const all = partitions.flat().length;
      return (partitions[partition] ?? []).map((time, place) => {
        const x = round(this.#begin(i) + ((before + place + 0.6) * this.#step) / (all + 0.4));
        return { time, x, late: late.includes(time) };
      });
    });
  }

  #begin(batch: number): number {
    return left + batch * this.#step;
  }

  #end(batch: number): string {
    return round(this.#begin(batch + 1));
  }

  #y(time: number): string {
    return round(plot.top + plot.height * (1 - time / this.#top));
  }
}

function legend(partitions: number): readonly string[] {
  const y = bottom + 46;
  const own = Array.from({ length: partitions }, (_, partition) => {
    const x = left + 245 * partition;
    const which = partitions > 1 ? ` ${partition}` : '';
    return `<circle class="p${partition}" cx="${x + 4}" cy="${y - 4}" r="4"/><path class="own own${partition}" d="M${x + 14},${y - 4}h26"/><text x="${x + 46}" y="${y}">partition${which} and its watermark</text>`;
  });
  const x = left + 245 * partitions;
  return [
    ...own,
    `<path class="watermark" d="M${x},${y - 4}h26"/><text class="watermark" x="${x + 34}" y="${y}">watermark</text>`,
  ];
}

function round(value: number): string {
  return value.toFixed(1).replace(/\.0$/, '');
}
