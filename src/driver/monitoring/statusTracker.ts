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

  trigger(trigger: StatusTrigger, at: number, failure?: { readonly error: unknown }): void {
    const status = statusTransitions[this.#status][trigger];
    if (status === undefined) return;
    const previous = this.#status;
    this.#status = status;
    this.#since = at;
    this.#changed({ status, previous, at, ...failure });
  }
}
