import type { Setting } from './setting.js';

/** A step, a wave and the pause between two bursts are so long, in seconds. */
const period = 40;
const burst = 4;

/** Records per second at a time of the run, in seconds. The mean of each shape is the rate of the setting. */
export function arrivalRate({ load, rate }: Pick<Setting, 'load' | 'rate'>, time: number): number {
  const phase = (time % period) / period;
  switch (load) {
    case 'constant':
      return rate;
    case 'steps':
      return phase < 0.5 ? rate * 0.4 : rate * 1.6;
    case 'waves':
      return rate * (1 - Math.cos(2 * Math.PI * phase));
    case 'bursts':
      return phase < 1 - burst / period ? rate / 2 : rate * (0.5 * (period / burst) + 0.5);
  }
}

/** The part of the records that each partition gets: each `skew` times as many as the next one. */
export function sharesOf(partitions: number, skew: number): readonly number[] {
  const weights = Array.from({ length: partitions }, (_, i) => skew ** -i);
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}
