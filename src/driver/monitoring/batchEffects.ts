import type { Observable, ObservableInput, Subscriber } from 'rxjs';
import type { EffectDescription, EffectRunner } from '../../batch/monitoring/effectRunner.js';
import type {
  BatchFailure,
  PartitionRetried,
  RecordsDeadLettered,
  RecordsSent,
} from '../../batch/monitoring/monitorEvents.js';
import { follow } from '../../observables/follow.js';
import { watched } from '../../observables/watched.js';
import { type EffectLimit, limitEffect, limitedEffect } from '../limitedEffect.js';
import type { RunMonitors } from './runMonitors.js';

/** Where an error came from. */
export type ErrorOrigin = Pick<BatchFailure, 'time' | 'stage' | 'operator' | 'id'>;

/** How the outputs of one batch run their effects. */
export class BatchEffects implements EffectRunner {
  readonly #time: number;
  readonly #limit: EffectLimit;
  readonly #blame: (error: unknown, origin: ErrorOrigin) => void;
  readonly #monitors: RunMonitors | undefined;
  readonly #now: () => number;

  constructor(
    time: number,
    limit: EffectLimit,
    blame: (error: unknown, origin: ErrorOrigin) => void,
    monitors: RunMonitors | undefined,
    now: () => number,
  ) {
    this.#time = time;
    this.#limit = limit;
    this.#blame = blame;
    this.#monitors = monitors;
    this.#now = now;
  }

  limited<T>(effect: EffectDescription, work: () => ObservableInput<T>): Observable<T> {
    return limitedEffect(this.#limit, this.#time, effect, work);
  }

  effect<T>(effect: EffectDescription, work: () => ObservableInput<T>): Observable<T> {
    return watched(
      () => this.#staged(effect, work),
      (error) => this.failed(effect, error),
    );
  }

  follow<T>(effect: EffectDescription, work: () => ObservableInput<T>, subscriber: Subscriber<T>): void {
    if (this.#monitors) follow(() => this.#staged(effect, () => this.limited(effect, work)), subscriber);
    else {
      follow(work, subscriber);
      limitEffect(this.#limit, this.#time, effect, subscriber);
    }
  }

  failed({ operator, id }: EffectDescription, error: unknown): void {
    this.#blame(error, { stage: 'effect', time: this.#time, operator, id });
  }

  failing(error: unknown, operator: string, id?: string): void {
    this.#blame(error, { stage: 'dispatch', time: this.#time, operator, id });
  }

  retried(event: Omit<PartitionRetried, 'time'>): void {
    this.#monitors?.tell((monitor) => monitor.retried?.({ time: this.#time, ...event }));
  }

  deadLettered(event: Omit<RecordsDeadLettered, 'time'>): void {
    this.#monitors?.tell((monitor) => monitor.deadLettered?.({ time: this.#time, ...event }));
  }

  sending(
    event: Pick<RecordsSent, 'operator' | 'id' | 'system' | 'topic' | 'records'>,
  ): (failure?: { readonly error: unknown }) => void {
    const startTime = this.#now();
    return (failure) => {
      const sent = { time: this.#time, ...event, startTime, duration: this.#now() - startTime, ...failure };
      this.#monitors?.tell((monitor) => monitor.sent?.(sent));
    };
  }

  #staged<T>(effect: EffectDescription, work: () => ObservableInput<T>): ObservableInput<T> {
    return this.#monitors?.stageOf({ kind: 'effect', time: this.#time, ...effect }, work) ?? work();
  }
}
