import type { RateControllerFactory } from 'dstream';

/**
 * A controller that knows the truth about scenario S6: cost and noise as they are, so that only the noise of each batch, which
 * nothing can know, is unknown to it. It shows how far any controller of this form (a target, and a slack for
 * waiting work) can get there.
 */
export function knowing(target: number, slack: number): RateControllerFactory {
  const [fixed, perRecord, scatter, probability, times] = [100, 0.1, 0.3, 0.02, 5];
  const grid = Array.from({ length: 41 }, (_, i) => -2.4 + 0.12 * i);
  const density = grid.map((z) => Math.exp((-z * z) / 2));
  const total = density.reduce((sum, value) => sum + value, 0);
  const usual = grid.map((z, i) => {
    return { noise: Math.exp(scatter * z - scatter ** 2 / 2), weight: ((density[i] ?? 0) / total) * (1 - probability) };
  });
  const rare = usual.map(({ noise, weight }) => {
    return { noise: noise * times, weight: (weight * probability) / (1 - probability) };
  });
  const cases = [...usual, ...rare];
  const remaining = (expected: number, elapsed: number): number => {
    let rest = 0;
    let weights = 0;
    for (const { noise, weight } of cases) {
      if (expected * noise <= elapsed) continue;
      rest += weight * (expected * noise - elapsed);
      weights += weight;
    }
    return weights > 0 ? rest / weights : 0.3 * elapsed;
  };
  return ({ interval }) => ({
    completed: () => {},
    rate: ({ inFlight }) => {
      let work = 0;
      for (const { records, runningFor } of inFlight) {
        if (records > 0) work += remaining(fixed + perRecord * records, runningFor ?? 0);
      }
      if (work > interval) return 0;
      const time = Math.min(target, target + slack - work / interval) * interval;
      return (Math.max(0, (time - fixed) / perRecord) * 1_000) / interval;
    },
  });
}
