// Draws batches in and out as SVG: time to the right, a batch a rounded box on its tick, partitions as rows in it, keys by colour and
// letter. Colours are variables of the style sheet, so that one drawing serves light and dark.
import { escapeHtml } from '../build/escapeHtml.mjs';

/** What a run gave: records by partition, and `undefined` where there was no batch at a time. */
export interface Drawing {
  readonly times: readonly number[];
  /** Streams before the call, then `out`. */
  readonly rows: readonly DrawnRow[];
  readonly call: readonly string[];
  /** Time of each batch that completed, with the time at which it did. */
  readonly completions: readonly { readonly time: number; readonly at: number }[];
  /** Length of the windows, where the operator has them. */
  readonly window?: number | undefined;
}

export interface DrawnRow {
  readonly name: string;
  readonly cells: readonly (readonly (readonly unknown[])[] | undefined)[];
}

const charPx = 7.3;
const chip = { height: 22, gap: 4, padding: 6 };
const box = { padding: 6, minWidth: 26 };
const left = 84;
const rowGap = 18;
const keyColors = 6;

/** A drawing as SVG. `title` says what a screen reader calls it. */
export function drawingOf(drawing: Drawing): string {
  const palette = new Palette(drawing);
  const x = positionsOf(drawing);
  const right = Math.max(...drawing.times.map((_, i) => (x[i] ?? 0) + widestAt(drawing, i) / 2));
  const callWidth = Math.max(...drawing.call.map((line) => line.length)) * charPx + 24;
  const width = Math.max(right + 16, left + callWidth + 8, 320);
  const parts: string[] = [];
  let y = 8;
  const inputs = drawing.rows.filter(({ name }) => name !== 'out');
  const out = drawing.rows.find(({ name }) => name === 'out');
  if (drawing.window !== undefined && out) {
    const at = out.cells.flatMap((cell, i) => (cell === undefined ? [] : [i]));
    parts.push(windows(drawing, x, at, y));
    y += at.length * 9 + 6;
  }
  for (const row of inputs) {
    parts.push(drawRow(drawing, row, x, y, width, palette));
    y += rowHeight(row) + rowGap;
  }
  parts.push(drawCall(drawing.call, y, callWidth));
  y += drawing.call.length * 18 + 12 + rowGap;
  if (out) {
    parts.push(drawRow(drawing, out, x, y, width, palette));
    y += rowHeight(out) + 8;
  }
  parts.push(axis(drawing, x, y, width));
  y += 46;
  const size = `width="${round(width)}" height="${round(y)}" viewBox="0 0 ${round(width)} ${round(y)}"`;
  return `<svg class="batches" ${size} aria-hidden="true" focusable="false">${parts.join('')}</svg>`;
}

/** Each time has its place in proportion, as near to the one before as the boxes allow. */
function positionsOf(drawing: Drawing): readonly number[] {
  const { times } = drawing;
  const half = times.map((_, i) => widestAt(drawing, i) / 2);
  const scale = Math.max(
    ...times.slice(1).map((time, i) => ((half[i] ?? 0) + (half[i + 1] ?? 0) + 14) / (time - (times[i] ?? 0))),
    1,
  );
  const first = times[0] ?? 0;
  const proportional = times.map((time) => left + (half[0] ?? 0) + (time - first) * scale);
  if ((proportional.at(-1) ?? 0) < 900) return proportional;
  // One wide box would make all of it too wide: then each time follows the one before.
  let at = left;
  return half.map((extent) => {
    at += 2 * extent + 14;
    return at - extent - 14;
  });
}

function widestAt({ rows }: Drawing, i: number): number {
  return Math.max(46, ...rows.map(({ cells }) => boxWidth(cells[i])));
}

function boxWidth(partitions: readonly (readonly unknown[])[] | undefined): number {
  if (partitions === undefined) return 0;
  return Math.max(box.minWidth, ...partitions.map((records) => chipsWidth(records))) + 2 * box.padding;
}

function chipsWidth(records: readonly unknown[]): number {
  return records.reduce<number>((sum, record) => sum + chipWidth(record) + chip.gap, -chip.gap);
}

const chipWidth = (record: unknown): number => textOf(record).length * charPx + 2 * chip.padding;

function rowHeight({ cells }: DrawnRow): number {
  return Math.max(...cells.map((partitions) => boxHeight(partitions?.length ?? 1)));
}

const boxHeight = (partitions: number): number => partitions * (chip.height + chip.gap) - chip.gap + 2 * box.padding;

function drawRow(
  { times }: Drawing,
  row: DrawnRow,
  x: readonly number[],
  y: number,
  width: number,
  palette: Palette,
): string {
  const height = rowHeight(row);
  const middle = y + height / 2;
  const line = `<line class="stream" x1="${left - 14}" y1="${middle}" x2="${round(width - 4)}" y2="${middle}"/>`;
  const label = `<text class="label" x="8" y="${middle + 4}">${escapeHtml(row.name)}</text>`;
  const boxes = times.map((_, i) => drawBatch(row.cells[i], x[i] ?? 0, middle, palette));
  return `<g>${line}${label}${boxes.join('')}</g>`;
}

function drawBatch(
  partitions: readonly (readonly unknown[])[] | undefined,
  center: number,
  middle: number,
  palette: Palette,
): string {
  if (partitions === undefined) return '';
  const width = boxWidth(partitions);
  const height = boxHeight(partitions.length);
  const top = middle - height / 2;
  const isEmpty = partitions.every((records) => records.length === 0);
  const frame = `<rect class="batch${isEmpty ? ' empty' : ''}" x="${round(center - width / 2)}" y="${top}" width="${round(width)}" height="${height}" rx="7"/>`;
  const rows = partitions.map((records, row) => {
    let at = center - chipsWidth(records) / 2;
    const chipTop = top + box.padding + row * (chip.height + chip.gap);
    const separator =
      row === 0
        ? ''
        : `<line class="partition" x1="${round(center - width / 2)}" x2="${round(center + width / 2)}" y1="${chipTop - 2}" y2="${chipTop - 2}"/>`;
    const chips = records.map((record) => {
      const text = textOf(record);
      const drawn = `<rect class="record ${palette.classOf(record)}" x="${round(at)}" y="${chipTop}" width="${round(chipWidth(record))}" height="${chip.height}" rx="4"/><text x="${round(at + chip.padding)}" y="${chipTop + 15}">${escapeHtml(text)}</text>`;
      at += chipWidth(record) + chip.gap;
      return drawn;
    });
    return separator + chips.join('');
  });
  return frame + rows.join('');
}

function drawCall(lines: readonly string[], y: number, width: number): string {
  const height = lines.length * 18 + 12;
  const frame = `<rect class="call" x="${left - 14}" y="${y}" width="${round(width)}" height="${height}" rx="4"/>`;
  const texts = lines.map(
    (line, i) =>
      `<text class="code" xml:space="preserve" x="${left - 4}" y="${y + 19 + i * 18}">${escapeHtml(line)}</text>`,
  );
  return frame + texts.join('');
}

/** A bracket for each window, over the batches that it covers: those in (time - length, time]. */
function windows(drawing: Drawing, x: readonly number[], at: readonly number[], y: number): string {
  const { times, window = 0 } = drawing;
  const brackets = at.map((end, row) => {
    const covered = times.flatMap((time, i) =>
      time <= (times[end] ?? 0) && time > (times[end] ?? 0) - window ? [i] : [],
    );
    const [first = end] = covered;
    const from = (x[first] ?? 0) - 18;
    const to = (x[end] ?? 0) + 18;
    const top = y + row * 9;
    return `<path class="window" d="M${round(from)} ${top + 7}v-4h${round(to - from)}v4"/>`;
  });
  return `<text class="label" x="8" y="${y + Math.max(11, (at.length * 9) / 2 + 4)}">windows</text>${brackets.join('')}`;
}

/** Ticks, and a check with the time of each batch that completed there: its last hold was released. */
function axis({ times, completions }: Drawing, x: readonly number[], y: number, width: number): string {
  const line = `<line class="axis" x1="${left - 14}" y1="${y}" x2="${round(width - 4)}" y2="${y}"/>`;
  const ticks = times.map((time, i) => {
    const at = round(x[i] ?? 0);
    const done = completions.filter((completion) => completion.at === time).map((completion) => completion.time);
    const check =
      done.length === 0
        ? ''
        : `<text class="complete" x="${at}" y="${y + 36}" text-anchor="middle">✓ ${done.join(', ')}</text>`;
    return `<line class="axis" x1="${at}" y1="${y - 3}" x2="${at}" y2="${y + 3}"/><text class="tick" x="${at}" y="${y + 18}" text-anchor="middle">${time}</text>${check}`;
  });
  const complete = completions.some(({ at }) => times.includes(at))
    ? `<text class="label" x="8" y="${y + 36}">complete</text>`
    : '';
  return `${line}<text class="label" x="8" y="${y + 18}">time, ms</text>${complete}${ticks.join('')}`;
}

/** The colour of each key, in the order of the keys. */
class Palette {
  readonly #keys: readonly string[];

  constructor({ rows }: Drawing) {
    const records = rows.flatMap(({ cells }) => cells.flatMap((partitions) => partitions?.flat() ?? []));
    this.#keys = [
      ...new Set(records.flatMap((record) => (keyOf(record) === undefined ? [] : [String(keyOf(record))]))),
    ];
  }

  classOf(record: unknown): string {
    const key = keyOf(record);
    return key === undefined ? 'plain' : `key${this.#keys.indexOf(String(key)) % keyColors}`;
  }
}

/** Of a pair, and of a record that is a word: both are what an operator compares. */
function keyOf(record: unknown): unknown {
  if (Array.isArray(record)) return record.length === 2 && !Array.isArray(record[0]) ? record[0] : undefined;
  return typeof record === 'string' ? record : undefined;
}

/** As the pages write records: `a:1` is a pair, `[1, 2]` a list. */
function textOf(record: unknown): string {
  if (Array.isArray(record)) {
    const [key, value] = record;
    if (record.length === 2 && typeof key === 'string') return `${key}:${textOf(value)}`;
    return `[${record.map(textOf).join(', ')}]`;
  }
  return String(record);
}

const round = (n: number): number => Math.round(n * 10) / 10;
