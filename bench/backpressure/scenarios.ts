import type { Cost, Plant } from './plant.js';

/** 9,000 records a second. */
const usual: Cost = { fixed: 100, perRecord: 0.1, perSquare: 0 };
const plain = { interval: 1_000, batches: 300, event: 0, scatter: 0.1, backlog: 1e8, initialRate: 1_000 } as const;

const times = (factor: number): Cost => ({
  fixed: usual.fixed * factor,
  perRecord: usual.perRecord * factor,
  perSquare: 0,
});

/** The eight scenarios. */
export const scenarios: readonly Plant[] = [
  { ...plain, name: 'S1 cold, no initial rate', cost: () => usual, backlog: 5e6, initialRate: 'none' },
  { ...plain, name: 'S2 cold', cost: () => usual },
  { ...plain, name: 'S3 cost x3', event: 150, cost: (batch) => (batch < 150 ? usual : times(3)) },
  { ...plain, name: 'S4 cost /3', event: 150, cost: (batch) => (batch < 150 ? usual : times(1 / 3)) },
  {
    ...plain,
    name: 'S5 idle, then busy',
    event: 200,
    backlog: 0,
    arrivals: (batch) => (batch < 200 ? 20 : 8_000),
    cost: () => ({ fixed: 400, perRecord: 0.06, perSquare: 0 }),
  },
  {
    ...plain,
    name: 'S6 heavy-tailed noise',
    batches: 500,
    scatter: 0.3,
    outliers: { probability: 0.02, times: 5 },
    cost: () => usual,
  },
  { ...plain, name: 'S7 superlinear', cost: () => ({ fixed: 50, perRecord: 0.015, perSquare: 1e-5 }) },
  {
    ...plain,
    name: 'S8 fixed cost 1.3',
    event: 130,
    cost: (batch) => (batch >= 100 && batch < 130 ? { ...usual, fixed: 1_300 } : usual),
  },
];
