import type { EventFacts } from './memberEvents.js';
import type { GroupMemberOptions } from './memberOptions.js';

/** How often `failing` is repeated, in ms. */
const tellEveryMs = 60_000;

/** Tells of requests that fail again and again, and of the first one after them that does not. */
export type TellFailures = (type: 'failing' | 'recovered', facts: EventFacts) => void;

/** The failures in a row of one kind of request. What has failed for a third of a session is reported. */
export class FailuresInARow {
  readonly #options: Pick<GroupMemberOptions, 'scheduler' | 'sessionTimeout'>;
  readonly #tell: TellFailures;
  #count = 0;
  #since = 0;
  #error: unknown;
  #toldAt = -Infinity;

  constructor(options: Pick<GroupMemberOptions, 'scheduler' | 'sessionTimeout'>, tell: TellFailures) {
    this.#options = options;
    this.#tell = tell;
  }

  get count(): number {
    return this.#count;
  }

  failed(error: unknown): void {
    const now = this.#options.scheduler.now();
    if (this.#count++ === 0) this.#since = now;
    this.#error = error;
    if (now - this.#since < this.#options.sessionTimeout / 3 || now - this.#toldAt < tellEveryMs) return;
    this.#toldAt = now;
    this.#say('failing');
  }

  succeeded(): void {
    if (this.#toldAt > -Infinity) this.#say('recovered');
    this.#toldAt = -Infinity;
    this.#count = 0;
  }

  #say(type: 'failing' | 'recovered'): void {
    const lasts = this.#options.scheduler.now() - this.#since;
    this.#tell(type, { attempts: this.#count, lasts, error: this.#error });
  }
}
