import type { ControllerName, NumberName } from './setting.js';

/** A number of the setting, as a slider with a number field. */
export interface Field {
  readonly name: NumberName;
  readonly label: string;
  readonly unit: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** Only for these controllers. */
  readonly of?: readonly ControllerName[];
  /** A run begins again when it changes: the stream is built with it. */
  readonly restarts?: boolean;
}

export interface FieldGroup {
  readonly title: string;
  readonly fields: readonly Field[];
}

const rated = ['costModel', 'pid', 'fixedRate'] as const;

export const groups: readonly FieldGroup[] = [
  {
    title: 'Input',
    fields: [
      { name: 'rate', label: 'Arrivals', unit: 'records/s', min: 0, max: 3_000, step: 50 },
      {
        name: 'backlog',
        label: 'Waiting at the start',
        unit: 'records',
        min: 0,
        max: 100_000,
        step: 1_000,
        restarts: true,
      },
      { name: 'partitions', label: 'Partitions', unit: '', min: 1, max: 64, step: 1, restarts: true },
      { name: 'skew', label: 'Skew', unit: 'times the next', min: 1, max: 4, step: 0.1 },
    ],
  },
  {
    title: 'Output',
    fields: [
      { name: 'fixedCost', label: 'Cost of a batch', unit: 'ms', min: 0, max: 2_000, step: 10 },
      { name: 'recordCost', label: 'Cost of a record', unit: 'ms', min: 0, max: 10, step: 0.05 },
      { name: 'squareCost', label: 'Cost of its square', unit: 'µs', min: 0, max: 5, step: 0.05 },
      { name: 'noise', label: 'Noise', unit: '', min: 0, max: 0.6, step: 0.05 },
      { name: 'outliers', label: 'Batches that cost 5 times', unit: '%', min: 0, max: 20, step: 1 },
    ],
  },
  {
    title: 'Stream',
    fields: [
      { name: 'interval', label: 'Batch interval', unit: 'ms', min: 100, max: 5_000, step: 100, restarts: true },
      {
        name: 'initialRate',
        label: 'Initial rate',
        unit: 'records/s',
        min: 10,
        max: 3_000,
        step: 10,
        of: rated,
        restarts: true,
      },
      {
        name: 'minRate',
        label: 'minRate',
        unit: 'records/s',
        min: 1,
        max: 500,
        step: 1,
        of: ['costModel', 'pid'],
        restarts: true,
      },
      {
        name: 'target',
        label: 'target',
        unit: 'of the interval',
        min: 0.5,
        max: 0.99,
        step: 0.01,
        of: ['costModel'],
        restarts: true,
      },
      {
        name: 'slack',
        label: 'slack',
        unit: 'intervals',
        min: 0,
        max: 2,
        step: 0.05,
        of: ['costModel'],
        restarts: true,
      },
      {
        name: 'proportional',
        label: 'proportional',
        unit: '',
        min: 0.05,
        max: 2,
        step: 0.05,
        of: ['pid'],
        restarts: true,
      },
      { name: 'integral', label: 'integral', unit: '', min: 0, max: 2, step: 0.05, of: ['pid'], restarts: true },
      { name: 'derivative', label: 'derivative', unit: '', min: 0, max: 2, step: 0.05, of: ['pid'], restarts: true },
      {
        name: 'minInterval',
        label: 'minInterval',
        unit: 'ms',
        min: 50,
        max: 1_000,
        step: 50,
        of: ['dynamicInterval'],
        restarts: true,
      },
      {
        name: 'maxInterval',
        label: 'maxInterval',
        unit: 'ms',
        min: 1_000,
        max: 60_000,
        step: 1_000,
        of: ['dynamicInterval'],
        restarts: true,
      },
      { name: 'seed', label: 'Seed', unit: '', min: 1, max: 1_000, step: 1, restarts: true },
    ],
  },
];

export const fields: readonly Field[] = groups.flatMap((group) => group.fields);
