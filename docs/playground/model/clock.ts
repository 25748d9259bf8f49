import { VirtualTimeScheduler } from 'rxjs';

/** A clock that goes on only when told to, so that a run is the same at any speed. */
export class Clock extends VirtualTimeScheduler {
  readonly #start: number;

  /** `start` is the time of day at which a run begins, in ms since the epoch. */
  constructor(start: number) {
    super();
    this.#start = start;
    this.now = () => this.#start + this.frame;
    this.maxFrames = 0;
  }

  /** Since the start, in ms. */
  get elapsed(): number {
    return this.frame;
  }

  /** Does what is due within the next `ms`; ends early once `late` returns true. Returns whether it has got there. */
  advance(ms: number, late: () => boolean): boolean {
    const end = this.frame + ms;
    while (this.frame < end) {
      this.maxFrames = Math.min(this.frame + sliceMs, end);
      this.flush();
      this.frame = this.maxFrames;
      if (late()) return false;
    }
    return true;
  }
}

const sliceMs = 50;
