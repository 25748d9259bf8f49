import { type Change, defaults, type Setting } from './setting.js';

/** A setting worth looking at, and what to look at. */
export interface Preset {
  readonly name: string;
  readonly title: string;
  readonly look: string;
  readonly setting: Setting;
}

const both = { controller: 'costModel', beside: 'pid' } as const;
const backlog = { backlog: 100_000, rate: 1_200 };
const preset = (name: string, title: string, look: string, changed: Partial<Setting>): Preset => ({
  name,
  title,
  look,
  setting: { ...defaults, ...both, ...changed },
});
const cost = (at: number, fixedCost: number, recordCost: number): readonly Change[] => [
  { at, name: 'fixedCost', value: fixedCost },
  { at, name: 'recordCost', value: recordCost },
];

/** The scenarios of the page on backpressure, with a tenth of their records, and some of their own. */
export const presets: readonly Preset[] = [
  preset(
    'overload',
    'Overload',
    'More records arrive than the output can take. The rate settles at what fits into an interval, the rest waits in the log: lag rises, and no batch waits for another.',
    { beside: 'off' },
  ),
  preset(
    'without',
    'Overload, without a controller',
    'The same input. Each batch takes all that arrived in its interval, which costs more than an interval: batches wait for longer and longer. Choose costModel instead.',
    { controller: 'none', beside: 'off', rate: 1_100 },
  ),
  preset(
    's2',
    'S2: a cold start',
    'Both controllers begin with 100 records per second and do not know the output. How many batches until each takes what fits?',
    backlog,
  ),
  preset(
    's3',
    'S3: the cost triples',
    'After 60 s each record costs three times as much. The work that is planned already has to wait: see the scheduling delay, and how long each needs to be back.',
    {
      ...backlog,
      changes: cost(60, 300, 3),
    },
  ),
  preset(
    's4',
    'S4: the cost falls to a third',
    'After 60 s the output is three times faster. Who finds out, and how does a controller find out that more fits?',
    {
      ...backlog,
      rate: 3_000,
      changes: cost(60, 33, 0.35),
    },
  ),
  preset(
    's5',
    'S5: idle, then busy',
    'Few records for a minute, so there is little to learn from. Then many: the first large batches are the question.',
    {
      ...{ rate: 50, fixedCost: 400, recordCost: 0.6 },
      changes: [{ at: 60, name: 'rate', value: 800 }],
    },
  ),
  preset(
    's6',
    'S6: noise with outliers',
    'Batches of equal size take very different times, and two of a hundred take five times as long. A controller must not believe each of them.',
    {
      ...backlog,
      ...{ noise: 0.3, outliers: 2 },
    },
  ),
  preset(
    's7',
    'S7: a cost that grows faster than the records',
    'Twice the records cost more than twice the time: a straight line does not fit.',
    {
      ...backlog,
      ...{ fixedCost: 50, recordCost: 0.15, squareCost: 1 },
    },
  ),
  preset(
    's8',
    'S8: a batch costs more than an interval',
    'For thirty seconds every batch costs 1.3 intervals before its first record. Smaller batches do not help: costModel leaves some empty, so that little work waits.',
    {
      ...backlog,
      changes: [
        { at: 60, name: 'fixedCost', value: 1_300 },
        { at: 90, name: 'fixedCost', value: 100 },
      ],
    },
  ),
  preset(
    'interval',
    'An interval that adapts',
    'dynamicInterval limits no batch. It makes the interval as long as its batch needs: watch it follow the waves.',
    {
      ...{ controller: 'dynamicInterval', beside: 'off', load: 'waves', rate: 400 },
    },
  ),
];
