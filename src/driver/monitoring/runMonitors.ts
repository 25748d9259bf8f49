import { from, Observable, type ObservableInput } from 'rxjs';
import type { Stage } from '../../batch/monitoring/stage.js';
import type { MonitoredStream, RunMonitor, StreamMonitor } from '../../batch/monitoring/streamMonitor.js';
import { reportUnhandled } from '../../observables/reportUnhandled.js';
import { type StageDescription, StageRun } from './stageRun.js';

type Wrapping = RunMonitor & Required<Pick<RunMonitor, 'stage'>>;

/**
 * The monitors of one subscription, called as one. A monitor that throws is reported once, as RxJS reports an error that
 * nobody handles, and left out from then on: what it watches goes on as if it were not there.
 */
export class RunMonitors {
  readonly #now: () => number;
  #watching: readonly RunMonitor[] = [];
  #wrapping: readonly Wrapping[] = [];

  constructor(monitors: readonly StreamMonitor[], stream: MonitoredStream) {
    this.#now = () => stream.now();
    const watching: RunMonitor[] = [];
    for (const monitor of monitors) {
      try {
        const run = monitor.run(stream);
        if (run) watching.push(run);
      } catch (error) {
        reportUnhandled(error);
      }
    }
    this.#watch(watching);
  }

  /** The largest that a monitor asks for. */
  get maxTraceParents(): number {
    return Math.max(0, ...this.#watching.map((monitor) => monitor.maxTraceParents ?? 0));
  }

  /** Calls each monitor. */
  tell(call: (monitor: RunMonitor) => void): void {
    for (const monitor of this.#watching) {
      try {
        call(monitor);
      } catch (error) {
        this.#leaveOut(monitor, error);
      }
    }
  }

  /** Runs synchronous work as a stage. */
  stage<R>(description: StageDescription, work: () => R): R {
    if (this.#wrapping.length === 0) return work();
    const stage = this.#begin(description);
    try {
      const result = this.#wrapped(this.#wrapping, stage, work);
      stage.end(this.#now());
      return result;
    } catch (error) {
      stage.end(this.#now(), { error });
      throw error;
    }
  }

  /**
   * The same values as `work` has; calls and subscribes to it inside a stage, which ends with it. Where it is left before it has settled,
   * `failure` returns the error that ended it, if it was not just given up.
   */
  stageOf<T>(
    description: StageDescription,
    work: () => ObservableInput<T>,
    failure: () => { readonly error: unknown } | undefined = () => undefined,
  ): Observable<T> {
    return new Observable<T>((subscriber) => {
      const stage = this.#begin(description);
      subscriber.add(() => {
        const ended = failure();
        stage.end(this.#now(), ended && { error: ended.error });
      });
      const run = () =>
        from(work()).subscribe({
          next: (value) => subscriber.next(value),
          error: (error: unknown) => {
            stage.end(this.#now(), { error });
            subscriber.error(error);
          },
          complete: () => {
            stage.end(this.#now());
            subscriber.complete();
          },
        });
      try {
        subscriber.add(this.#wrapped(this.#wrapping, stage, run));
      } catch (error) {
        stage.end(this.#now(), { error });
        subscriber.error(error);
      }
    });
  }

  #begin(description: StageDescription): StageRun {
    return new StageRun(description, this.#now(), reportUnhandled);
  }

  #wrapped<R>([monitor, ...others]: readonly Wrapping[], stage: Stage, work: () => R): R {
    if (!monitor) return work();
    let outcome: { readonly value: R } | { readonly error: unknown } | undefined;
    const once = (): R => {
      outcome ??= outcomeOf(() => this.#wrapped(others, stage, work));
      return resultOf(outcome);
    };
    try {
      monitor.stage(stage, once);
      if (!outcome) throw new TypeError('the stage method of a monitor must call work');
    } catch (error) {
      const passedOn = outcome && 'error' in outcome && outcome.error === error;
      if (!passedOn) this.#leaveOut(monitor, error);
    }
    return once();
  }

  #leaveOut(monitor: RunMonitor, error: unknown): void {
    if (!this.#watching.includes(monitor)) return;
    this.#watch(this.#watching.filter((other) => other !== monitor));
    reportUnhandled(error);
  }

  #watch(monitors: readonly RunMonitor[]): void {
    this.#watching = monitors;
    this.#wrapping = monitors.filter((monitor): monitor is Wrapping => monitor.stage !== undefined);
  }
}

function outcomeOf<R>(work: () => R): { readonly value: R } | { readonly error: unknown } {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
}

function resultOf<R>(outcome: { readonly value: R } | { readonly error: unknown }): R {
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}
