import type { Aggregator } from '../../windows/aggregator.js';

/** All values, in the order of their event times. */
export const valueList: Aggregator<unknown, readonly unknown[], readonly unknown[]> = {
  name: 'list',
  ordered: true,
  identity: [],
  lift: (value) => [value],
  combine: (older, newer) => [...older, ...newer],
  lower: (values) => values,
  add: (values, value) => {
    (values as unknown[]).push(value);
    return values;
  },
};
