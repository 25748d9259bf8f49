/** Work of the processor that no compiler can leave out. Returns something, so that the caller can use it. */
export function burn(rounds: number): number {
  const last = Math.round(rounds) | 0;
  let state = last | 1;
  for (let i = 0; i < last; i++) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
  return state;
}

export interface Speed {
  /** Rounds of `burn` in a microsecond, on the average, with whatever else runs here. */
  readonly mean: number;
  /** Standard deviation of the logarithm of the time that a portion of `interval` takes: noise that is not of our making. */
  readonly scatter: number;
}

/** How fast `burn` is here and now, by ten portions of about `interval` ms each. */
export function calibrate(interval: number): Speed {
  const [portion, portions] = [20_000, 100];
  const burnFor = (count: number): number => {
    const start = performance.now();
    for (let j = 0; j < count; j++) waste ^= burn(portion);
    return performance.now() - start;
  };
  let waste = 0;
  burnFor(portions);
  const count = Math.ceil((portions * interval) / burnFor(portions));
  const times = Array.from({ length: 10 }, () => burnFor(count));
  if (waste === 0.5) throw new Error('not an integer');
  const logs = times.map(Math.log);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const center = mean(logs);
  return {
    mean: (portion * count) / (mean(times) * 1_000),
    scatter: Math.sqrt(mean(logs.map((log) => (log - center) ** 2))),
  };
}
