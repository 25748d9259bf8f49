import type {
  DecisionInputs,
  LearnedCost,
  MeasuredBatch,
  RateDecision,
  RateRule,
  RateWarning,
} from '../batch/rateDecision.js';
import type { OptionChecks } from '../options/checkOptions.js';
import { checkObserver } from '../options/checks.js';
import type { BatchFormation } from './batchFormation.js';
import type { RateControllerSetup } from './rateController.js';
import type { RateDecisionOptions } from './rateDecisionOptions.js';

/** A rate and what set it, before it is reported. */
export interface Ruling {
  readonly rule: RateRule;
  readonly rate: number;
  readonly inFlight?: DecisionInputs['inFlight'];
  readonly model?: LearnedCost | undefined;
  readonly measured?: MeasuredBatch | undefined;
  readonly warnings?: readonly RateWarning[];
}

const none: readonly RateWarning[] = [];

/** What the options of every rate controller must be. */
export const decisionChecks: OptionChecks<RateDecisionOptions> = { decisionObserver: checkObserver };

/** Reports the decisions of one controller, and keeps the last. */
export class DecisionLog {
  readonly #controller: string;
  readonly #source: string;
  readonly #observer: RateDecisionOptions['decisionObserver'];
  #last: RateDecision | undefined;

  constructor(controller: string, setup: RateControllerSetup, { decisionObserver }: RateDecisionOptions) {
    this.#controller = controller;
    this.#source = setup.source;
    this.#observer = decisionObserver;
  }

  get last(): RateDecision | undefined {
    return this.#last;
  }

  report({ time, now, lag }: BatchFormation, { rule, rate, inFlight, model, measured, warnings = none }: Ruling): void {
    const [controller, source] = [this.#controller, this.#source];
    const formation = { time, now, lag, inFlight };
    this.#last = { controller, source, formation, model, measured, rule, rate, warnings };
    this.#observer?.next?.(this.#last);
  }
}
