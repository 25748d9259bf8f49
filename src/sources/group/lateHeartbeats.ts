import type { EventFacts } from './memberEvents.js';
import type { GroupMemberOptions } from './memberOptions.js';

type Timing = Pick<GroupMemberOptions, 'scheduler' | 'sessionTimeout'>;

/** What has kept the heartbeats of a member from going out: batches, whose operators ran all the time, or something else in its thread. */
export class LateHeartbeats {
  /** About the last one that was late, until one is answered. */
  facts: EventFacts = {};
  readonly #options: Timing;
  readonly #report: (facts: EventFacts) => void;
  /** When the next one is to go out; `Infinity` while none is. */
  #due = Infinity;
  /** How long batches have run since then, in ms. */
  #inBatches = 0;

  constructor(options: Timing, report: (facts: EventFacts) => void) {
    this.#options = options;
    this.#report = report;
  }

  /** The next one is due at that time; none is at `Infinity`. */
  expect(at: number): void {
    this.#due = at;
    this.#inBatches = 0;
  }

  /** The operators of a batch have run for so long, until now. */
  dispatched(ms: number): void {
    this.#inBatches += Math.min(ms, Math.max(this.#options.scheduler.now() - this.#due, 0));
  }

  /** It goes out, or there is no use in it any more. Reported is what is late by more than a tenth of the session. */
  gone(): void {
    const late = Math.round(this.#options.scheduler.now() - this.#due);
    this.#due = Infinity;
    if (late <= this.#options.sessionTimeout / 10) return;
    const dispatchDelay = Math.round(this.#inBatches);
    this.facts = { late, dispatchDelay, reason: reasonOf(late, dispatchDelay) };
    this.#report(this.facts);
  }
}

function reasonOf(late: number, dispatchDelay: number): string {
  const rest = dispatchDelay > late / 2 ? '' : ', other code or a busy machine for the rest';
  return `late by ${late} ms: batches blocked the event loop for ${dispatchDelay} ms${rest}`;
}
