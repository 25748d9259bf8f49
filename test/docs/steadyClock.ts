interface Timer {
  readonly run: () => void;
  readonly wait: number;
  readonly every: number | undefined;
  due: number;
  counts: boolean;
}

const realSetTimeout = globalThis.setTimeout;
const realClearTimeout = globalThis.clearTimeout;
const timers = new Set<Timer>();
let now = Date.now();
let armed: NodeJS.Timeout | undefined;

/**
 * Gives `Date.now` and the timers a clock that stands still until the next timer fires, and fires each at the very moment it is due.
 * What runs by it takes as long as by the machine's own clock, and a machine that stalls (other work, the collector) makes it
 * later and nothing else: no tick of an interval is missed, and none comes out of order.
 */
export function steadyClock(): void {
  Date.now = () => now;
  const start =
    (repeats: boolean) =>
    (run: (...args: unknown[]) => void, delay = 0, ...args: unknown[]) => {
      const wait = Math.max(1, Math.trunc(Number(delay)) || 1);
      const timer: Timer = {
        run: () => run(...args),
        wait,
        every: repeats ? wait : undefined,
        due: now + wait,
        counts: true,
      };
      timers.add(timer);
      arm();
      return new Handle(timer);
    };
  const clear = (handle: unknown) => {
    if (handle instanceof Handle) handle.clear();
    else realClearTimeout(handle as NodeJS.Timeout);
  };
  Object.assign(globalThis, {
    setTimeout: start(false),
    setInterval: start(true),
    clearTimeout: clear,
    clearInterval: clear,
  });
}

/** What Node gives for a timer. */
class Handle {
  readonly #timer: Timer;

  constructor(timer: Timer) {
    this.#timer = timer;
  }

  ref(): this {
    return this.#count(true);
  }

  unref(): this {
    return this.#count(false);
  }

  /** Starts it again: `fetch` does. */
  refresh(): this {
    this.#timer.due = now + this.#timer.wait;
    timers.delete(this.#timer);
    timers.add(this.#timer);
    arm();
    return this;
  }

  clear(): void {
    timers.delete(this.#timer);
    arm();
  }

  #count(counts: boolean): this {
    this.#timer.counts = counts;
    arm();
    return this;
  }
}

function arm(): void {
  realClearTimeout(armed);
  const next = first();
  if (!next) return;
  armed = realSetTimeout(fire, next.due - now);
  if (![...timers].some(({ counts }) => counts)) armed.unref();
}

/** Of those that are due together, the one that was started first. */
function first(): Timer | undefined {
  let next: Timer | undefined;
  for (const timer of timers) if (!next || timer.due < next.due) next = timer;
  return next;
}

function fire(): void {
  const timer = first();
  if (!timer) return;
  now = timer.due;
  timers.delete(timer);
  if (timer.every !== undefined) {
    timer.due += timer.every;
    timers.add(timer);
  }
  // Whatever `run` throws, the others go on.
  arm();
  timer.run();
}
