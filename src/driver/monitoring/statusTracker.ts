import {
  type StatusChange,
  type StatusTrigger,
  type StreamStatus,
  statusTransitions,
} from '../../batch/monitoring/streamStatus.js';

/** The status of one subscription. Pure: its methods say what happened and when. */
export class StatusTracker {
  #status: StreamStatus = 'connecting';
  #since: number;
  #reason: string | undefined;
  readonly #changed: (change: StatusChange) => void;

  constructor(now: number, changed: (change: StatusChange) => void) {
    this.#since = now;
    this.#changed = changed;
    changed({ status: 'connecting', previous: undefined, at: now });
  }

  get status(): StreamStatus {
    return this.#status;
  }

  /** When the status began, in ms of the scheduler's clock. */
  get since(): number {
    return this.#since;
  }

  /** Why a stream that is connecting has to wait. */
  get reason(): string | undefined {
    return this.#reason;
  }

  waiting(reason: string, at: number): void {
    if (this.#status !== 'connecting') return;
    this.#reason = reason;
    this.#changed({ status: 'connecting', previous: 'connecting', at, reason });
  }

  trigger(trigger: StatusTrigger, at: number, failure?: { readonly error: unknown }): void {
    const status = statusTransitions[this.#status][trigger];
    if (status === undefined) return;
    const previous = this.#status;
    this.#status = status;
    this.#since = at;
    this.#reason = undefined;
    this.#changed({ status, previous, at, ...failure });
  }
}
