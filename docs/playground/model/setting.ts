/** What sets the rate, or the interval; `none` takes all that waits. */
export const controllers = ['costModel', 'pid', 'fixedRate', 'dynamicInterval', 'none'] as const;
export type ControllerName = (typeof controllers)[number];

/** How records arrive around their mean rate. */
export const loads = ['constant', 'steps', 'waves', 'bursts'] as const;
export type Load = (typeof loads)[number];

/** Everything that a run depends on: the same setting makes the same run. */
export interface Setting {
  readonly load: Load;
  /** Mean rate of arrivals, records per second. */
  readonly rate: number;
  /** Records that wait at the start. */
  readonly backlog: number;
  readonly partitions: number;
  /** How many times more records a partition gets than the next one. */
  readonly skew: number;
  /** Batch interval, ms. */
  readonly interval: number;
  /** What the output takes for a batch, ms, */
  readonly fixedCost: number;
  /** for each record, ms, */
  readonly recordCost: number;
  /** and for the square of the records, µs. */
  readonly squareCost: number;
  /** Standard deviation of the logarithm of the cost. */
  readonly noise: number;
  /** Batches in a hundred that cost five times as much. */
  readonly outliers: number;
  readonly controller: ControllerName;
  /** A second controller on the same input; `off` for one alone. */
  readonly beside: ControllerName | 'off';
  /** Records per second before the first estimate; the rate of `fixedRate`. */
  readonly initialRate: number;
  /** `costModel`: the part of the interval that a batch should take. */
  readonly target: number;
  /** `costModel`: intervals of work that may wait. */
  readonly slack: number;
  /** `pid`. */
  readonly proportional: number;
  /** `pid`. */
  readonly integral: number;
  /** `pid`. */
  readonly derivative: number;
  /** `pid` and `costModel`: records per second. */
  readonly minRate: number;
  /** `dynamicInterval`: the shortest interval, ms. */
  readonly minInterval: number;
  /** `dynamicInterval`: the longest interval, ms. */
  readonly maxInterval: number;
  readonly seed: number;
  /** What changes by itself while it runs. */
  readonly changes: readonly Change[];
}

/** Names of the numbers of a setting. */
export type NumberName = {
  [N in keyof Setting]: Setting[N] extends number ? N : never;
}[keyof Setting];

/** At a time of the run, a number of the setting changes. */
export interface Change {
  /** Seconds since the start. */
  readonly at: number;
  readonly name: NumberName;
  readonly value: number;
}

export const defaults: Setting = {
  load: 'constant',
  rate: 1_200,
  backlog: 0,
  partitions: 8,
  skew: 1,
  interval: 1_000,
  fixedCost: 100,
  recordCost: 1,
  squareCost: 0,
  noise: 0.1,
  outliers: 0,
  controller: 'costModel',
  beside: 'off',
  initialRate: 100,
  target: 0.98,
  slack: 0.3,
  proportional: 1,
  integral: 0.2,
  derivative: 0,
  minRate: 10,
  minInterval: 100,
  maxInterval: 10_000,
  seed: 1,
  changes: [],
};
