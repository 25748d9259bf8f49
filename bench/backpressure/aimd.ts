import type { RateControllerFactory } from 'dstream';

/**
 * Additive increase, multiplicative decrease, as in TCP: up by a quarter of the initial rate for each batch that was in
 * time, and halved for one that was not, once for all that was in flight with it.
 */
export const aimd: RateControllerFactory = ({ interval, initialRate }) => {
  let rate = initialRate;
  let quietUntil = 0;
  return {
    completed({ processingDelay, schedulingDelay, time, processingEndTime }, records) {
      if (records === 0 || time < quietUntil) return;
      if (processingDelay <= interval && schedulingDelay < interval / 4) {
        rate += 0.25 * initialRate;
        return;
      }
      rate *= 0.5;
      quietUntil = processingEndTime;
    },
    rate: () => rate,
  };
};
