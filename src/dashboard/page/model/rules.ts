import type { RateRule, RateWarning } from '../../../batch/rateDecision.js';
import type { BatchRow } from '../../wire/batchRow.js';

/** What each rule means to a reader. */
export const ruleMeanings: Readonly<Record<RateRule, string>> = {
  fixed: 'the rate that was set by hand',
  initial: 'no estimate yet, so initialRate applies',
  estimate: 'the estimate of the PID controller',
  model: 'as many records as fit into the rest of the interval',
  probe: 'a step up, to learn what more records cost',
  growth: 'more than was ever processed in time, but only a little',
  queue: 'too much work waits already, so the batch is empty',
  'first-batch': 'the first batch is not complete yet, so the batch is empty',
  'fixed-cost': 'a batch costs more than an interval before its first record: large batches, intervals apart',
  floor: 'minRate, below which the rate never goes',
  cap: 'maxRate, above which the rate never goes',
};

/** What to do about a warning. */
export const warningMeanings: Readonly<Record<RateWarning, string>> = {
  'fixed-cost-over-interval': 'A batch costs nearly an interval even without records. Only a longer interval helps.',
  'rate-at-floor': 'The rate is at its floor: the outputs are too slow for minRate, or hang.',
  'processing-time-varies': 'Batches of equal size take very different times.',
};

/** A rule, or the lack of one, in the strip. */
export type StripRule = RateRule | 'none';

/** Neighbouring batches with the same rule. */
export interface StripSegment {
  readonly rule: StripRule;
  readonly batches: number;
  /** Batch times of the first and the last. */
  readonly from: number;
  readonly until: number;
}

/** The rules of batches in a row, oldest first. */
export function ruleStrip(rows: readonly BatchRow[]): readonly StripSegment[] {
  const segments: { rule: StripRule; batches: number; from: number; until: number }[] = [];
  for (const { rate, time } of rows) {
    const rule = rate.rule ?? 'none';
    const last = segments.at(-1);
    if (last?.rule === rule) {
      last.batches++;
      last.until = time;
    } else segments.push({ rule, batches: 1, from: time, until: time });
  }
  return segments;
}

/** How many batches each rule had, the most frequent first. */
export function ruleCounts(rows: readonly BatchRow[]): readonly (readonly [rule: StripRule, batches: number])[] {
  const counts = new Map<StripRule, number>();
  for (const { rate } of rows) counts.set(rate.rule ?? 'none', (counts.get(rate.rule ?? 'none') ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a);
}
