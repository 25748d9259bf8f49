import { withMethods } from '../options/checks.js';

/** The functions that an aggregator must have. */
export const checkAggregator = withMethods('lift', 'combine', 'lower');
