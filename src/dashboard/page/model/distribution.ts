/** How many values lie in `[from, until)`. */
export interface Bin {
  readonly from: number;
  readonly until: number;
  readonly count: number;
}

/** Bins of equal width from 0 to beyond the largest value; the width is 1, 2 or 5 times a power of ten. */
export function histogram(values: readonly number[], maxBins: number): readonly Bin[] {
  if (values.length === 0) return [];
  const largest = values.reduce((a, b) => Math.max(a, b), 0);
  const width = roundWidth(Math.max(largest, 1) / (maxBins - 1));
  const counts = new Array<number>(Math.floor(largest / width) + 1).fill(0);
  for (const value of values) {
    const bin = Math.max(Math.floor(value / width), 0);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts.map((count, i) => ({ from: i * width, until: (i + 1) * width, count }));
}

/** The value below which this part of the values lies, one of them; `undefined` of no values. */
export function quantile(values: readonly number[], part: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(part * sorted.length), sorted.length - 1)];
}

function roundWidth(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const step = [1, 2, 5, 10].find((candidate) => candidate * power >= atLeast) ?? 10;
  return step * power;
}
