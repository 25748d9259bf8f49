// Ready aggregators for windows and keyed operators. Runs in a browser as well as in Node.
export { aggregate } from './windows/aggregate.js';
export { type ApproximateDistinctOptions, approximateDistinct } from './windows/aggregators/approximateDistinct.js';
export { count } from './windows/aggregators/count.js';
export { first } from './windows/aggregators/first.js';
export { histogram } from './windows/aggregators/histogram.js';
export { last } from './windows/aggregators/last.js';
export { max } from './windows/aggregators/max.js';
export { type MeanPartial, mean } from './windows/aggregators/mean.js';
export { min } from './windows/aggregators/min.js';
export { type QuantilesOptions, quantiles } from './windows/aggregators/quantiles.js';
export { set } from './windows/aggregators/set.js';
export { sum } from './windows/aggregators/sum.js';
export { topN } from './windows/aggregators/topN.js';
export { type VarianceOptions, type VariancePartial, variance } from './windows/aggregators/variance.js';
export type { ExactSum, LongSum } from './windows/exactSum.js';
export type { InvertibleAggregator } from './windows/invertibleAggregator.js';
export type { DistinctSketch } from './windows/sketches/hyperLogLog.js';
export type { QuantileSketch } from './windows/sketches/tDigest.js';
