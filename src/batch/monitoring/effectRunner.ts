import type { Observable, ObservableInput, Subscriber } from 'rxjs';
import type { PartitionRetried, RecordsDeadLettered, RecordsSent } from './monitorEvents.js';
import type { Stage } from './stage.js';

/** An effect of an output: the operator, its id, and the partition where it works on one. */
export type EffectDescription = Pick<Stage, 'id' | 'partition'> & {
  /** The output whose effect it is. */
  readonly operator: string;
};

/** How outputs run their effects: within the time limit of the stream, and seen by its monitors. */
export interface EffectRunner {
  /** The same values as `work` has; fails with a `TimedOutError` unless it completes within the `outputTimeout` of the stream. */
  limited<T>(effect: EffectDescription, work: () => ObservableInput<T>): Observable<T>;
  /** The same values as `work` has, run as a stage of the monitors that ends with it. */
  effect<T>(effect: EffectDescription, work: () => ObservableInput<T>): Observable<T>;
  /** Both, for a subscriber; `failed` is to be called with an error before it goes on. Where nobody watches, it is subscribed to `work` itself. */
  follow<T>(effect: EffectDescription, work: () => ObservableInput<T>, subscriber: Subscriber<T>): void;
  /** An effect has failed. */
  failed(effect: EffectDescription, error: unknown): void;
  /** An operator is about to fail the batch by what a user's function threw. */
  failing(error: unknown, operator: string, id?: string): void;
  /** An effect on a partition failed and will run again. */
  retried(event: Omit<PartitionRetried, 'time'>): void;
  /** Records are being written to a topic. To be called once with the outcome: nothing, or the error. */
  sending(
    event: Pick<RecordsSent, 'operator' | 'id' | 'system' | 'topic' | 'records'>,
  ): (failure?: { readonly error: unknown }) => void;
  /** Records that failed permanently were handed over, and the batch goes on. */
  deadLettered(event: Omit<RecordsDeadLettered, 'time'>): void;
}
