import { InvalidOptionError } from '../batch/errors.js';
import type { RateWarning } from '../batch/rateDecision.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { allOf, checkNonNegative, checkPositive, type OptionCheck, orInfinity } from '../options/checks.js';
import type { Resolved } from '../options/resolved.js';
import { withDefaults } from '../options/withDefaults.js';
import type { BatchFormation, InFlightBatch } from './batchFormation.js';
import { CostLearner } from './costLearner.js';
import { DecisionLog, decisionChecks, type Ruling } from './decisionLog.js';
import type { RateControllerFactory, RateControllerSetup } from './rateController.js';
import type { RateDecisionOptions } from './rateDecisionOptions.js';

/** Options of `costModel`. */
export interface CostModelOptions extends RateDecisionOptions {
  /**
   * The part of the interval that a batch is to take, on average. Greater than 0, at most 1.
   * @default 0.98
   */
  readonly target?: number | undefined;
  /**
   * How much work may wait when a batch is formed without making it much smaller, in intervals. More yields a little more
   * throughput and more waiting. At least 0.
   * @default 0.3
   */
  readonly slack?: number | undefined;
  /**
   * How many times the largest batch that was processed in time the next one may be. Greater than 1.
   * @default 2
   */
  readonly growth?: number | undefined;
  /**
   * How many batches the cost is learned from. At least 2.
   * @default 20
   */
  readonly memory?: number | undefined;
  /**
   * Floor while nothing waits, in records per second. Greater than 0.
   * @default 1
   */
  readonly minRate?: number | undefined;
  /**
   * Cap, in records per second.
   * @default Infinity
   */
  readonly maxRate?: number | undefined;
}

type ResolvedCostModel = Resolved<Omit<CostModelOptions, 'decisionObserver'>>;

const costModelChecks: OptionChecks<CostModelOptions> = {
  target: within(checkPositive, (value) => value <= 1, 'must be at most 1'),
  slack: checkNonNegative,
  growth: within(checkPositive, (value) => value > 1, 'must be greater than 1'),
  memory: within(checkPositive, (value) => value >= 2, 'must be at least 2'),
  minRate: checkPositive,
  maxRate: orInfinity(checkPositive),
  ...decisionChecks,
};

const defaults: ResolvedCostModel = { target: 0.98, slack: 0.3, growth: 2, memory: 20, minRate: 1, maxRate: Infinity };

/** Above this many intervals of waiting work a batch is empty. */
const maxWaitingIntervals = 1;
/**
 * Within the slack a batch leaves this part of what waits to the next: more would pass on the scatter of each batch to the size of
 * the next.
 */
const correctedFraction = 1 / 8;
/** As much as usually waits, as a part of the slack: there the target is met, and with less waiting a batch is larger. */
const usualSlackFraction = 1 / 4;
/** A fixed cost of this part of the target leaves no room for records. */
const maxFixedCostFraction = 0.9;
/** With little waiting, in intervals, a step up is safe. */
const maxIdleIntervals = 0.1;
/**
 * In a plant with a scatter of `from` or more, at a fixed target, time is lost whenever a batch is cheap. The target
 * rises with the scatter, up to `target` more at `from + over`, and the slack shrinks, so that waiting does not rise.
 * Not before the scatter is well known: until then it is the waiting that a high target costs, and it gains nothing.
 */
const noisy = { from: 0.2, over: 0.07, target: 0.09, slack: -0.08, batches: 60 };
const warning = { scatter: 0.25, batches: 20 };
/** A cost known to `known`, one standard error, is taken as it is; beyond it the target falls by `care` times the rest. */
const doubt = { known: 0.05, care: 0.6 };

/**
 * A rate controller that learns what a batch costs, a fixed part and a part for each record, and makes each batch so
 * large that it fills what is left of its interval beside the work in flight.
 *
 *     records = (target * interval - waiting work beyond the slack - fixed cost) / cost per record
 *
 * Of the work that waits within the slack an eighth is taken off too, so that batches alternate less between waiting and
 * leaving time over.
 *
 * It decides when a batch is formed and counts what is planned and running, so a batch that turns out slow makes the next
 * ones smaller before it is complete, and at most about one interval of expected work waits. Outliers are distinguished from
 * changes of cost; a fixed cost over the interval leads to large batches, far apart. Batches are left empty when too much
 * waits, and their time still counts for windows.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 *
 * @example
 * ```ts
 * import { costModel, foreachBatch, logBatches, memoryLog, type RateDecision, string } from 'dstream';
 * import { timer } from 'rxjs';
 * import { TestScheduler } from 'rxjs/testing';
 *
 * const decisions: RateDecision[] = [];
 * new TestScheduler(() => {}).run(({ flush }) => {
 *   const log = memoryLog({ topics: { t: 1 } });
 *   log.append('t', Array.from({ length: 20_000 }, () => ({ value: 'x' })));
 *   const stream = logBatches(log, {
 *     topics: ['t'],
 *     start: 'earliest',
 *     interval: 1_000,
 *     deserialize: string(),
 *     backpressure: costModel({ decisionObserver: { next: (decision) => decisions.push(decision) } }),
 *     initialRate: 250,
 *   });
 *   // 200 ms for a batch and 0.4 ms for each record: 2,000 records fit into a second.
 *   stream.pipe(foreachBatch((records) => timer(200 + 0.4 * records.length))).subscribe();
 *   timer(6_500).subscribe(() => void stream.stop());
 *   flush();
 * });
 * console.log(decisions.map(({ rule, rate }) => `${rule} ${Math.floor(rate)}`).join(', '));
 * // => initial 250, growth 500, growth 1000, model 1730, model 1815, model 1853
 * ```
 *
 * @see pid
 */
export function costModel(options: CostModelOptions = {}): RateControllerFactory {
  checkOptions('costModel', options, costModelChecks);
  const resolved = withDefaults(defaults, options);
  const { minRate, maxRate } = resolved;
  if (maxRate < minRate) {
    throw new InvalidOptionError('costModel', 'maxRate', maxRate, `must be at least minRate (${minRate})`);
  }
  return (setup) => {
    const model = new CostModel(resolved, setup);
    const log = new DecisionLog('costModel', setup, options);
    return {
      // The batch keeps its place until it is saved, so saving is a part of its cost.
      completed: ({ processingDelay, saveDelay }, records) => model.completed(records, processingDelay + saveDelay),
      rate: (formation) => {
        const ruling = model.decide(formation);
        log.report(formation, ruling);
        return ruling.rate;
      },
      explain: () => log.last,
    };
  };
}

/** A check, and a rule for what it lets through. */
function within(check: OptionCheck, test: (value: number) => boolean, rule: string): OptionCheck {
  return allOf(check, (owner: string, option: string, value: number) => {
    if (!test(value)) throw new InvalidOptionError(owner, option, value, rule);
  });
}

/** By what waiting work moves the aim for the next batch, all in intervals. */
function correctionOf(waiting: number, slack: number): number {
  return correctedFraction * (usualSlackFraction * slack - Math.min(waiting, slack)) - Math.max(0, waiting - slack);
}

/** What the next batch may have, in records, and why. */
interface Step {
  readonly records: number;
  readonly rule: Ruling['rule'];
}

class CostModel {
  readonly #options: ResolvedCostModel;
  readonly #interval: number;
  /** Records of a batch at the initial rate, which the user holds to be safe. */
  readonly #initial: number;
  readonly #learner: CostLearner;
  #half = false;

  constructor(options: ResolvedCostModel, { interval, initialRate }: RateControllerSetup) {
    this.#options = options;
    this.#interval = interval;
    this.#initial = (Math.min(initialRate, options.maxRate) * interval) / 1_000;
    this.#learner = new CostLearner(interval, options.memory);
  }

  completed(records: number, elapsed: number): void {
    if (records > 0) this.#learner.observe(records, elapsed);
  }

  decide({ inFlight }: BatchFormation): Ruling {
    const known = { batches: inFlight.length, records: inFlight.reduce((sum, { records }) => sum + records, 0) };
    return { ...this.#decide(inFlight), inFlight: known };
  }

  #decide(inFlight: readonly InFlightBatch[]): Ruling {
    const { line, noise, knows } = this.#learner;
    if (!knows) {
      // One probe at a time: what the first batch costs is not known, so neither is what a second one would add.
      const running = inFlight.some(({ records }) => records > 0);
      return this.#ruling(running ? { records: 0, rule: 'first-batch' } : { records: this.#initial, rule: 'initial' });
    }
    const { work, factor } = this.#learner.pending(inFlight);
    const fixedCost = line.fixed * factor;
    const costPerRecord = line.perRecord * factor;
    const overInterval = fixedCost >= maxFixedCostFraction * this.#options.target * this.#interval;
    const step = overInterval ? this.#apart(work, costPerRecord) : this.#fill(work, fixedCost, costPerRecord);
    const bounded = this.#bounded(step, work);
    const warnings: RateWarning[] = [];
    if (overInterval) warnings.push('fixed-cost-over-interval');
    if (bounded.rule === 'floor') warnings.push('rate-at-floor');
    if (noise.count >= warning.batches && noise.scatter > warning.scatter) warnings.push('processing-time-varies');
    const model = { fixedCost: line.fixed, costPerRecord: line.perRecord, noise: noise.scatter, work };
    return { ...this.#ruling(bounded), model, warnings };
  }

  #ruling({ records, rule }: Step): Ruling {
    return { rule, rate: (records * 1_000) / this.#interval };
  }

  /** Of two sizes by turns, so that the slope stays known. */
  #apart(work: number, costPerRecord: number): Step {
    if (work > this.#interval / 2) return { records: 0, rule: 'queue' };
    this.#half = !this.#half;
    const tried = Math.max(this.#learner.largestInTime, this.#initial);
    const full = Math.min(tried, this.#interval / costPerRecord);
    return { records: this.#half ? full / 2 : full, rule: 'fixed-cost' };
  }

  #fill(work: number, fixedCost: number, costPerRecord: number): Step {
    const interval = this.#interval;
    if (work > maxWaitingIntervals * interval) return { records: 0, rule: 'queue' };
    const { target, slack } = this.#aims();
    const careful = Math.exp(-doubt.care * Math.max(0, this.#learner.uncertainty - doubt.known));
    const time = careful * (target + correctionOf(work / interval, slack)) * interval;
    const modelled: Step = { records: Math.max(0, (time - fixedCost) / costPerRecord), rule: 'model' };
    return work <= maxIdleIntervals * interval ? this.#probed(modelled) : modelled;
  }

  /** Target and slack, by the scatter once it is known. */
  #aims(): { readonly target: number; readonly slack: number } {
    const { target, slack } = this.#options;
    const { noise } = this.#learner;
    if (noise.count < noisy.batches) return { target, slack };
    const part = Math.min(1, Math.max(0, (noise.scatter - noisy.from) / noisy.over));
    return { target: target + part * noisy.target, slack: Math.max(0, slack + part * noisy.slack) };
  }

  /**
   * Small batches tell nothing of large ones: all they show is the fixed cost, which the line takes for the cost of the
   * records. So the initial rate is tried, which the user considers safe, unless that many were too many before.
   */
  #probed(step: Step): Step {
    const { largestInTime, smallestLate } = this.#learner;
    const untried = largestInTime < this.#initial && smallestLate > this.#initial;
    return untried && step.records < this.#initial ? { records: this.#initial, rule: 'probe' } : step;
  }

  #bounded({ records, rule }: Step, work: number): Step {
    const { growth, minRate, maxRate } = this.#options;
    const perRate = this.#interval / 1_000;
    const maxRecords = growth * Math.max(this.#learner.largestInTime, this.#initial);
    if (records > maxRate * perRate && maxRecords > maxRate * perRate)
      return { records: maxRate * perRate, rule: 'cap' };
    if (records > maxRecords) return { records: maxRecords, rule: 'growth' };
    const minRecords = minRate * perRate;
    return work === 0 && records < minRecords ? { records: minRecords, rule: 'floor' } : { records, rule };
  }
}
