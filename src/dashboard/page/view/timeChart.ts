import uPlot from 'uplot';
import { formatTime } from '../model/format.js';
import type { Columns } from '../model/series.js';
import { themeColor } from './theme.js';

/** One series of a chart. */
export interface Line {
  /** The name of its color in the theme. */
  readonly color: string;
  readonly stroke: 'solid' | 'dashed' | 'dotted' | 'area';
}

const dashes = { solid: [], dashed: [6, 4], dotted: [2, 3], area: [] };
const height = 150;
const halfLabelWidth = 26;
const font = '11px system-ui, sans-serif';

/** The charts of a page share one time axis and one cursor. */
export class SharedCursor {
  readonly #charts: TimeChart[] = [];
  readonly #moved: (index: number | undefined) => void;
  readonly #chosen: (index: number) => void;
  #index: number | undefined;

  constructor(moved: (index: number | undefined) => void, chosen: (index: number) => void) {
    this.#moved = moved;
    this.#chosen = chosen;
  }

  get index(): number | undefined {
    return this.#index;
  }

  join(chart: TimeChart): void {
    this.#charts.push(chart);
  }

  move(index: number | undefined): void {
    if (index === this.#index) return;
    this.#index = index;
    for (const chart of this.#charts) chart.point(index);
    this.#moved(index);
  }

  choose(index: number | undefined): void {
    if (index !== undefined) this.#chosen(index);
  }
}

/** Lines and areas over batch times. */
export class TimeChart {
  readonly #plot: uPlot;
  readonly #cursor: SharedCursor;
  #columns: Columns = [[]];
  #top = 1;
  /** uPlot also reports a cursor that code has moved, and one that new data have moved: only the reader's counts. */
  #hovered = false;

  /** `format` writes the values of the vertical axis. */
  constructor(target: HTMLElement, lines: readonly Line[], format: (value: number) => string, cursor: SharedCursor) {
    this.#cursor = cursor;
    const axis: uPlot.Axis = {
      font,
      stroke: () => themeColor('muted'),
      grid: { stroke: () => themeColor('grid'), width: 1 },
      ticks: { show: false },
    };
    this.#plot = new uPlot(
      {
        width: Math.max(target.clientWidth, 200),
        height,
        legend: { show: false },
        padding: [8, 4, 0, 0],
        cursor: { y: false, drag: { x: false, y: false, setScale: false }, points: { size: 7 } },
        scales: { x: { time: true }, y: { range: () => [0, this.#top] } },
        axes: [
          { ...axis, space: 70, size: 26, values: timeLabels },
          { ...axis, space: 30, size: 54, gap: 4, values: (_, splits) => splits.map((value) => format(value)) },
        ],
        series: [{}, ...lines.map(seriesOf)],
        bands: lines.flatMap(({ stroke }, i): uPlot.Band[] =>
          stroke === 'area' && i > 0 ? [{ series: [i + 1, i] }] : [],
        ),
        hooks: { setCursor: [(plot) => this.#pointed(plot)] },
      },
      [[], ...lines.map(() => [])],
      target,
    );
    const { over } = this.#plot;
    over.addEventListener('click', () => cursor.choose(cursor.index));
    over.addEventListener('mouseenter', () => {
      this.#hovered = true;
    });
    over.addEventListener('mouseleave', () => {
      this.#hovered = false;
      cursor.move(undefined);
    });
    target.addEventListener('keydown', (event) => this.#key(event));
    target.addEventListener('blur', () => cursor.move(undefined));
    new ResizeObserver(() => this.#resize(target)).observe(target);
    cursor.join(this);
  }

  /**
   * Takes new values, which `draw` shows: until then the cursor finds them on the axis as it is. `top` is the largest value that fits.
   * Areas lie on top of each other.
   */
  update(columns: Columns, top: number): void {
    this.#top = top;
    this.#columns = columns;
    this.#plot.setData(columns as uPlot.AlignedData, false);
  }

  draw(): void {
    this.#plot.setData(this.#columns as uPlot.AlignedData);
    this.#follow(this.#cursor.index);
  }

  /** Draws the same in the colors of the present theme. */
  redraw(): void {
    this.#plot.redraw(false, true);
  }

  point(index: number | undefined): void {
    this.#follow(index);
  }

  #pointed({ cursor }: uPlot): void {
    if (this.#hovered) this.#cursor.move(cursor.idx ?? undefined);
  }

  #follow(index: number | undefined): void {
    if (this.#hovered) return;
    const time = index === undefined ? undefined : this.#columns[0][index];
    const left = time === undefined ? -10 : this.#plot.valToPos(time, 'x');
    this.#plot.setCursor({ left, top: time === undefined ? -10 : 1 }, false);
  }

  #key(event: KeyboardEvent): void {
    const last = this.#columns[0].length - 1;
    const steps: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 };
    const step = steps[event.key];
    const { index } = this.#cursor;
    if (last < 0) return;
    if (step !== undefined) this.#cursor.move(Math.min(Math.max((index ?? last + 1) + step, 0), last));
    else if (event.key === 'Home') this.#cursor.move(0);
    else if (event.key === 'End') this.#cursor.move(last);
    else if (event.key === 'Escape') this.#cursor.move(undefined);
    else if (event.key === 'Enter') this.#cursor.choose(index);
    else return;
    event.preventDefault();
  }

  #resize(target: HTMLElement): void {
    const width = target.clientWidth;
    if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height });
  }
}

function seriesOf({ color, stroke }: Line): uPlot.Series {
  const series: uPlot.Series = {
    stroke: () => themeColor(color),
    width: stroke === 'area' ? 0 : 1.75,
    dash: dashes[stroke],
    points: { show: false },
    spanGaps: false,
  };
  return stroke === 'area' ? { ...series, fill: () => themeColor(color) } : series;
}

/** Without one that would be cut off at the right edge. */
function timeLabels(plot: uPlot, splits: readonly number[]): string[] {
  // As uPlot knows it: to ask the document would lay it out in the middle of a frame.
  const last = plot.bbox.width / devicePixelRatio - halfLabelWidth;
  return splits.map((seconds) => (plot.valToPos(seconds, 'x') > last ? '' : formatTime(1_000 * seconds)));
}
