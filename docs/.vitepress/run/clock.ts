/** The real timers of the worker, taken before the reader's code can see others. */
const { setTimeout: later, clearTimeout: forget } = globalThis;

interface Timer {
  readonly call: () => void;
  readonly every: number | undefined;
  due: number;
}

export interface ClockOptions {
  /** `virtual` jumps to the next timer at once; `real` waits for it. */
  readonly time: 'virtual' | 'real';
  /** Nothing is left to do: no timer, and no callback that would start one soon. */
  readonly idle: () => void;
  /** A timer's callback threw. */
  readonly failed: (error: unknown) => void;
}

/** Milliseconds that a promise of the platform, such as that of `CompressionStream`, has for starting a timer. */
const graceMs = 30;

/**
 * Replaces the timers and clocks of the worker, so that a pipeline of minutes runs at once and each timer fires exactly when it is
 * due, and so that the end of a program can be seen. Call `start` when the program runs.
 */
export function installClock({ time, idle, failed }: ClockOptions): { start(): void } {
  const startedAt = Date.now();
  const RealDate = Date;
  let now = startedAt;
  let started = false;
  let armed: ReturnType<typeof later> | undefined;
  let nextId = 1;
  const timers = new Map<number, Timer>();
  const next = new MessageChannel();

  const first = (): readonly [number, Timer] | undefined => {
    let found: readonly [number, Timer] | undefined;
    for (const entry of timers) if (!found || entry[1].due < found[1].due) found = entry;
    return found;
  };

  const fire = (): void => {
    const found = first();
    if (!found) {
      arm();
      return;
    }
    const [id, timer] = found;
    now = timer.due;
    if (timer.every === undefined) timers.delete(id);
    // After others that are due at the same time.
    else {
      timers.delete(id);
      timers.set(id, { ...timer, due: timer.due + timer.every });
    }
    try {
      timer.call();
    } catch (error) {
      failed(error);
    }
    arm();
  };

  const arm = (): void => {
    if (!started) return;
    forget(armed);
    const due = first()?.[1].due;
    if (due === undefined) {
      armed = later(() => (timers.size === 0 ? idle() : arm()), graceMs);
    } else if (time === 'real') {
      armed = later(fire, due - RealDate.now());
    } else if (!waiting) {
      waiting = true;
      next.port2.postMessage(undefined);
    }
  };

  // A message comes after all promises that are settled by now.
  let waiting = false;
  next.port1.onmessage = () => {
    waiting = false;
    fire();
  };

  const start =
    (repeats: boolean) =>
    (call: (...args: unknown[]) => void, delay = 0, ...args: unknown[]): number => {
      const wait = Math.max(1, Math.trunc(Number(delay)) || 1);
      if (time === 'real') now = RealDate.now();
      const id = nextId++;
      timers.set(id, { call: () => call(...args), every: repeats ? wait : undefined, due: now + wait });
      arm();
      return id;
    };
  const clear = (id?: number): void => {
    if (id !== undefined && timers.delete(id)) arm();
  };
  const read = () => (time === 'real' ? RealDate.now() : now);
  const ClockDate = new Proxy(RealDate, {
    construct: (target, args) => Reflect.construct(target, args.length === 0 ? [read()] : args),
    get: (target, key) => (key === 'now' ? read : Reflect.get(target, key)),
  });
  Object.assign(globalThis, {
    Date: ClockDate,
    setTimeout: start(false),
    setInterval: start(true),
    setImmediate: (call: (...args: unknown[]) => void, ...args: unknown[]) => start(false)(call, 0, ...args),
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: clear,
  });
  performance.now = () => read() - startedAt;
  return {
    start: () => {
      started = true;
      arm();
    },
  };
}
