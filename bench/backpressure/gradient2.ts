import type { RateControllerFactory } from 'dstream';

const tolerance = 1.5;
const longWindow = 600;
const warmup = 10;
const smoothing = 0.2;

/**
 * Gradient2 of Netflix's concurrency-limits, with the records of a batch for the limit and the time from its tick to its
 * end for the round trip: the limit grows by its root while round trips are as long as they used to be.
 */
export const gradient2: RateControllerFactory = ({ interval, initialRate }) => {
  let limit = (initialRate * interval) / 1_000;
  let long = 0;
  let count = 0;
  return {
    completed({ totalDelay }, records) {
      if (records === 0 || totalDelay <= 0) return;
      count++;
      const weight = count <= warmup ? 1 / count : 2 / (longWindow + 1);
      long += weight * (totalDelay - long);
      // Recover faster when the load has fallen.
      if (long / totalDelay > 2) long *= 0.95;
      const gradient = Math.max(0.5, Math.min(1, (tolerance * long) / totalDelay));
      limit = (1 - smoothing) * limit + smoothing * (limit * gradient + Math.sqrt(limit));
    },
    rate: () => (limit * 1_000) / interval,
  };
};
