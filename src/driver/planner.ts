import { defaultIfEmpty, defer, EMPTY, forkJoin, last, map, type Observable } from 'rxjs';
import type { RateController } from '../backpressure/rateController.js';
import type { BatchInfo } from '../batch/batchInfo.js';
import type { RateDecision } from '../batch/rateDecision.js';
import { ownValue } from '../collections/ownValue.js';
import type { SourceRun } from '../sources/source.js';
import type { Tick } from './batchIntervals.js';
import { InFlight } from './inFlight.js';
import { noPlan, RunningBatch } from './runningBatch.js';

type Runs = readonly (readonly [name: string, run: SourceRun<unknown>])[];

/** Turns ticks into batches: asks each rate controller for a rate and each source for offset ranges. */
export class Planner {
  readonly #now: () => number;
  readonly #initialRate: number;
  readonly #controllers = new Map<string, RateController>();
  readonly #inFlight = new InFlight();

  /** `now` is the clock for durations, in ms. */
  constructor(initialRate: number, now: () => number) {
    this.#initialRate = initialRate;
    this.#now = now;
  }

  /** The controller of a source. */
  control(name: string, controller: RateController): void {
    this.#controllers.set(name, controller);
  }

  /** The batch of a tick; `undefined` when every source has ended. A stream that stops plans only sources that gather records. */
  plan(
    { time, interval }: Tick,
    runs: Runs,
    { stopping, late }: { readonly stopping: boolean; readonly late: boolean },
  ): Observable<RunningBatch | undefined> {
    const submissionTime = this.#now();
    const decisions = new Map<string, RateDecision | undefined>();
    const rateOf = (name: string) => (lag: number) => this.#rate(name, time, lag, decisions);
    const plans = runs.map(([name, run]) =>
      defer(() => (stopping && !run.stop ? EMPTY : run.plan({ time, interval, late, rate: rateOf(name) }))).pipe(
        defaultIfEmpty(undefined),
        last(),
        map((plan) => [name, plan] as const),
      ),
    );
    return forkJoin(plans).pipe(
      map((answers) => {
        if (answers.every(([, plan]) => plan === undefined)) return undefined;
        const planned = new Map(answers.map(([name, plan]) => [name, plan ?? noPlan]));
        return new RunningBatch(time, interval, submissionTime, planned, decisions);
      }),
    );
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

  #rate(name: string, time: number, lag: number, decisions: Map<string, RateDecision | undefined>): number | undefined {
    const controller = this.#controllers.get(name);
    if (!controller) return undefined;
    const rate = controller.rate(this.#inFlight.formation(name, time, this.#now(), lag));
    decisions.set(name, controller.explain?.());
    return rate ?? this.#initialRate;
  }
}
