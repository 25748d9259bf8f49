import { type BatchInfo, costModel, fixedRate, InvalidOptionError, pid, type RateDecision } from 'dstream';
import { expect, it } from 'vitest';

const setup = { interval: 1_000, initialRate: 700, source: 's' };
const formation = { time: 1_000, now: 1_003, inFlight: [], lag: 9 };
/** Neither counts what is in flight. */
const known = { ...formation, inFlight: undefined };

it('fixedRate tells its decisions', () => {
  const seen: RateDecision[] = [];
  const controller = fixedRate(20, { decisionObserver: { next: (decision) => seen.push(decision) } })(setup);
  expect(controller.explain?.()).toBeUndefined();
  controller.rate(formation);
  expect(seen).toEqual([
    { controller: 'fixedRate', source: 's', formation: known, model: undefined, rule: 'fixed', rate: 20, warnings: [] },
  ]);
  expect(controller.explain?.()).toBe(seen[0]);
});

it('pid tells whether the initial rate, its estimate or its floor applied', () => {
  const seen: RateDecision[] = [];
  const controller = pid({ decisionObserver: { next: (decision) => seen.push(decision) } })(setup);
  const completed = (processingEndTime: number, processingDelay: number) =>
    controller.completed({ processingEndTime, processingDelay, schedulingDelay: 0, saveDelay: 0 } as BatchInfo, 1_000);
  expect(controller.rate(formation)).toBeUndefined();
  completed(1, 500);
  completed(2, 500);
  expect(controller.rate(formation)).toBe(2_000);
  completed(3, 1e6);
  expect(controller.rate(formation)).toBe(100);
  expect(seen.map(({ rule, rate }) => [rule, rate])).toEqual([
    ['initial', 700],
    ['estimate', 2_000],
    ['floor', 100],
  ]);
  expect(seen.map(({ measured }) => measured?.processingDelay)).toEqual([undefined, 500, 1e6]);
  expect(seen[1]?.measured).toEqual({ records: 1_000, processingDelay: 500, schedulingDelay: 0 });
  expect(seen.map(({ warnings }) => warnings)).toEqual([[], [], ['rate-at-floor']]);
  expect(controller.explain?.()).toBe(seen[2]);
});

it('pid with a floor below 1 does not stop the stream: an estimate truncated to 0 is none, as in Spark', () => {
  const controller = pid({ minRate: 0.5 })(setup);
  const completed = (processingEndTime: number) =>
    controller.completed({ processingEndTime, processingDelay: 1e7, schedulingDelay: 0, saveDelay: 0 } as BatchInfo, 1);
  completed(1);
  completed(2);
  expect(controller.rate(formation)).toBeUndefined();
});

it.each([
  ['costModel', costModel],
  ['pid', pid],
  ['fixedRate', (options: object) => fixedRate(1, options)],
] as const)('%s refuses what is no Observer of decisions: it would never be told', (name, make) => {
  for (const decisionObserver of [() => {}, { next: 1 }, 1]) {
    expect(() => make({ decisionObserver } as never)).toThrow(InvalidOptionError);
    expect(() => make({ decisionObserver } as never)).toThrow(`${name}: decisionObserver`);
  }
});
