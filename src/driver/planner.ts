import { EMPTY, type Observable, of } from 'rxjs';
import type { RateController } from '../backpressure/rateController.js';
import type { BatchInfo } from '../batch/batchInfo.js';
import type { RateDecision } from '../batch/rateDecision.js';
import { ownValue } from '../collections/ownValue.js';
import { lastOf } from '../observables/lastOf.js';
import { lastOfEach } from '../observables/lastOfEach.js';
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
  plan(
    { time, interval }: Tick,
    runs: Runs,
    { stopping, late }: { readonly stopping: boolean; readonly late: boolean },
  ): Observable<RunningBatch | undefined> {
    const submissionTime = this.#now();
    const decisions = new Map<string, RateDecision | undefined>();
    const rateOf = (name: string) => (lag: number) => this.#rate(name, time, lag, decisions);
    const planAll = <R>(some: Runs, result: (plans: Plans) => R): Observable<R> =>
      lastOfEach(
        some.map(([name, run]) => [
          name,
          () => (stopping && !run.stop ? EMPTY : run.plan({ time, interval, late, rate: rateOf(name) })),
        ]),
        result,
      );
    return this.#inOrder(runs, planAll, (plans) => {
      if ([...plans.values()].every((plan) => plan === undefined)) return undefined;
      const planned = new Map(runs.map(([name]) => [name, plans.get(name) ?? noPlan]));
      return new RunningBatch(time, interval, submissionTime, planned, decisions);
    });
  }

  /** Plans the sources that come first; the others at once where these have been read, else not in this batch. */
  #inOrder<R>(
    runs: Runs,
    planAll: <A>(some: Runs, result: (plans: Plans) => A) => Observable<A>,
    result: (plans: Plans) => R,
  ): Observable<R> {
    const behind = runs.filter(([name]) => this.#tables.isBehind(name));
    if (behind.length === 0) return planAll(runs, result);
    const none: Plans = new Map();
    return lastOf(
      planAll(behind, (plans) => plans),
      none,
      (first) => {
        for (const [name, plan] of first) this.#tables.planned(name, plan);
        const held = behind.some(([name]) => this.#tables.isBehind(name));
        const others = runs.filter((run) => !behind.includes(run));
        const all = (later: Plans) => result(new Map([...first, ...later]));
        return held ? of(all(new Map(others.map(([name]) => [name, noPlan])))) : planAll(others, all);
      },
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
