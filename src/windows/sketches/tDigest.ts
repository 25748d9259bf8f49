/**
 * The partial of `quantiles`, plain data: centroids, of which the first `merged` are ascending; the others have been added since. Extremes are
 * kept exactly.
 */
export interface QuantileSketch {
  /** The means of the centroids. */
  readonly means: readonly number[];
  /** How many values each centroid has. */
  readonly weights: readonly number[];
  /** Number of centroids at the front that are ascending, and as few as they can be. */
  readonly merged: number;
  /** The least value; Infinity without values. */
  readonly min: number;
  /** The greatest value; -Infinity without values. */
  readonly max: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

export const emptySketch: QuantileSketch = { means: [], weights: [], merged: 0, min: Infinity, max: -Infinity };

/**
 * Quantiles from about `compression` centroids: small ones near the ends, where precision matters, and large ones in the middle. Nothing is
 * drawn at random: the same values in the same order make the same sketch.
 *
 * Source: Dunning and Ertl, "Computing extremely accurate quantiles using t-digests", 2019: the merging digest with scale function k1.
 */
export class TDigest {
  readonly #compression: number;
  /** Values are gathered, and merged many at a time. */
  readonly #maxGathered: number;

  constructor(compression: number) {
    this.#compression = compression;
    this.#maxGathered = 5 * compression;
  }

  /** Adds a value to a sketch that nothing else refers to. */
  add(sketch: QuantileSketch, value: number): QuantileSketch {
    const own = sketch as Mutable<QuantileSketch>;
    own.means.push(value);
    own.weights.push(1);
    own.min = Math.min(own.min, value);
    own.max = Math.max(own.max, value);
    return own.means.length - own.merged < this.#maxGathered ? own : this.#merged(own);
  }

  of(value: number): QuantileSketch {
    return { means: [value], weights: [1], merged: 1, min: value, max: value };
  }

  combine(a: QuantileSketch, b: QuantileSketch): QuantileSketch {
    if (a.means.length === 0) return b;
    if (b.means.length === 0) return a;
    return this.#merged({
      means: [...a.means, ...b.means],
      weights: [...a.weights, ...b.weights],
      merged: 0,
      min: Math.min(a.min, b.min),
      max: Math.max(a.max, b.max),
    });
  }

  /** The values below which these fractions of all values are; NaN without values. */
  quantiles(sketch: QuantileSketch, fractions: readonly number[]): readonly number[] {
    const { means, weights, min, max } = sketch.merged === sketch.means.length ? sketch : this.#merged(sketch);
    if (means.length === 0) return fractions.map(() => Number.NaN);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return fractions.map((fraction) => interpolated(means, weights, min, max, fraction * total));
  }

  /** Merges neighbours as long as their sum is no larger than a centroid may be at its place. */
  #merged({ means, weights, min, max }: QuantileSketch): QuantileSketch {
    const order = means.map((_, i) => i).sort((a, b) => (means[a] as number) - (means[b] as number));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const merged: { means: number[]; weights: number[] } = { means: [], weights: [] };
    let before = 0;
    let limit = total * this.#limitAfter(0);
    for (const i of order) {
      const weight = weights[i] as number;
      const mean = means[i] as number;
      const last = merged.means.length - 1;
      const sum = (merged.weights[last] ?? 0) + weight;
      if (last >= 0 && before + sum <= limit) {
        merged.weights[last] = sum;
        merged.means[last] = (merged.means[last] as number) + ((mean - (merged.means[last] as number)) * weight) / sum;
        continue;
      }
      before += merged.weights[last] ?? 0;
      limit = total * this.#limitAfter(before / total);
      merged.means.push(mean);
      merged.weights.push(weight);
    }
    return { ...merged, merged: merged.means.length, min, max };
  }

  /** Up to which fraction a centroid may reach that begins at this one. */
  #limitAfter(fraction: number): number {
    const angle = Math.asin(2 * Math.min(fraction, 1) - 1) + (2 * Math.PI) / this.#compression;
    return angle >= Math.PI / 2 ? 1 : (Math.sin(angle) + 1) / 2;
  }
}

/** The value at a place among the sorted values: each centroid lies at the middle of its own, the extremes at the ends. */
function interpolated(
  means: readonly number[],
  weights: readonly number[],
  min: number,
  max: number,
  place: number,
): number {
  let middle = 0;
  let from = { place: 0, value: min };
  let before = 0;
  for (const [i, weight] of weights.entries()) {
    middle = before + weight / 2;
    const value = means[i] as number;
    if (place <= middle) return between(from, { place: middle, value }, place);
    from = { place: middle, value };
    before += weight;
  }
  return between(from, { place: before, value: max }, place);
}

interface Point {
  readonly place: number;
  readonly value: number;
}

function between(from: Point, to: Point, place: number): number {
  if (place >= to.place) return to.value;
  const share = Math.max((place - from.place) / (to.place - from.place), 0);
  const value = from.value + (to.value - from.value) * share;
  // Of values that are too far apart to be subtracted.
  const finite = Number.isFinite(value) ? value : from.value * (1 - share) + to.value * share;
  return Math.min(Math.max(finite, from.value), to.value);
}
