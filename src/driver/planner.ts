import { EMPTY } from 'rxjs';
import type { RateController } from '../backpressure/rateController.js';
import type { BatchInfo } from '../batch/batchInfo.js';
import type { RateDecision } from '../batch/rateDecision.js';
import { ownValue } from '../collections/ownValue.js';
import { lastOfAll } from '../observables/lastOfEach.js';
import type { Steps } from '../observables/steps.js';
import type { Plan, SourceRun } from '../sources/source.js';
import type { Tick } from './batchIntervals.js';
import { InFlight } from './inFlight.js';
import { noPlan, RunningBatch } from './runningBatch.js';
import { TablesFirst } from './tablesFirst.js';

type Runs = readonly (readonly [name: string, run: SourceRun<unknown>])[];
/** The plan of each source; `undefined` when it has ended. */
type Plans = ReadonlyMap<string, Plan | undefined>;

/** Turns ticks into batches: asks each rate controller for a rate and each source for offset ranges. */
export class Planner {
  readonly #now: () => number;
  readonly #initialRate: number;
  readonly #controllers = new Map<string, RateController>();
  readonly #inFlight = new InFlight();
  readonly #tables = new TablesFirst();

  /** `now` is the clock for durations, in ms. */
  constructor(initialRate: number, now: () => number) {
    this.#initialRate = initialRate;
    this.#now = now;
  }

  /** The controller of a source. */
  control(name: string, controller: RateController): void {
    this.#controllers.set(name, controller);
  }

  /** The source comes first: the others are not planned before it has been read to its end. */
  readFirst(name: string): void {
    this.#tables.add(name);
  }

  /** The batch of a tick; `undefined` when every source has ended. A stream that stops plans only sources that gather records. */
  *plan(
    { time, interval }: Tick,
    runs: Runs,
    { stopping, late }: { readonly stopping: boolean; readonly late: boolean },
  ): Steps<RunningBatch | undefined> {
    const submissionTime = this.#now();
    const decisions = this.#controllers.size > 0 ? new Map<string, RateDecision | undefined>() : undefined;
    const planOf = (name: string, run: SourceRun<unknown>) => {
      if (stopping && !run.stop) return EMPTY;
      return run.plan({ time, interval, late, rate: (lag) => this.#rate(name, time, lag, decisions) });
    };
    const plans = yield* this.#inOrder(runs, (some) =>
      lastOfAll(some.map(([name, run]) => [name, () => planOf(name, run)])),
    );
    const planned = new Map<string, Plan>();
    let isEnded = true;
    for (const [name] of runs) {
      const plan = plans.get(name);
      if (plan) isEnded = false;
      planned.set(name, plan ?? noPlan);
    }
    if (isEnded) return undefined;
    return new RunningBatch(time, interval, submissionTime, planned, decisions);
  }

  /** Plans the sources that come first; the others at once where these have been read, else not in this batch. */
  *#inOrder(runs: Runs, planAll: (some: Runs) => Steps<Plans>): Steps<Plans> {
    const behind = runs.filter(([name]) => this.#tables.isBehind(name));
    if (behind.length === 0) return yield* planAll(runs);
    const first = yield* planAll(behind);
    for (const [name, plan] of first) this.#tables.planned(name, plan);
    const held = behind.some(([name]) => this.#tables.isBehind(name));
    const others = runs.filter((run) => !behind.includes(run));
    const later: Plans = held ? new Map(others.map(([name]) => [name, noPlan])) : yield* planAll(others);
    return new Map([...first, ...later]);
  }

  /** The batch waits for its turn: controllers see it in flight. */
  queued(batch: RunningBatch): void {
    this.#inFlight.planned(batch);
  }

  saved(batch: RunningBatch, info: BatchInfo): void {
    this.#inFlight.saved(batch);
    for (const [name, controller] of this.#controllers) {
      controller.completed(info, ownValue(info.inputs, name)?.records ?? 0);
    }
  }

  #rate(
    name: string,
    time: number,
    lag: number,
    decisions?: Map<string, RateDecision | undefined>,
  ): number | undefined {
    const controller = this.#controllers.get(name);
    if (!controller) return undefined;
    const rate = controller.rate(this.#inFlight.formation(name, time, this.#now(), lag));
    decisions?.set(name, controller.explain?.());
    return rate ?? this.#initialRate;
  }
}
