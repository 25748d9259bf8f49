import { type BatchInfo, costModel, InvalidOptionError, type RateController, type RateDecision } from 'dstream';
import fc from 'fast-check';
import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { propertySettings } from '../property/settings.js';

const interval = 1_000;
const setup = { interval, initialRate: 1_000, source: 's' };
type InFlight = readonly [records: number, runningFor: number | undefined];

function ask(controller: RateController, ...inFlight: readonly InFlight[]): number | undefined {
  const batches = inFlight.map(([records, runningFor]) => ({ time: 0, records, runningFor }));
  return controller.rate({ time: 0, now: 0, inFlight: batches, lag: 1e6 });
}

function complete(controller: RateController, records: number, processingDelay: number, saveDelay = 0): void {
  controller.completed({ processingDelay, saveDelay } as BatchInfo, records);
}

/** Has learned that a batch costs 100 ms and 0.1 ms a record: 8,800 records fill 0.98 of a second. */
function taught(options = {}): RateController {
  const controller = costModel(options)(setup);
  for (let i = 0; i < 20; i++) {
    for (const records of [1_000, 8_800]) complete(controller, records, 100 + 0.1 * records);
  }
  return controller;
}

describe('costModel', () => {
  it('probes with one batch at the initial rate, and with no second one before it is complete', () => {
    const controller = costModel()(setup);
    expect(ask(controller)).toBe(1_000);
    expect(ask(controller, [1_000, undefined])).toBe(0);
    expect(ask(controller, [1_000, 500])).toBe(0);
    expect(controller.explain?.()?.rule).toBe('first-batch');
    expect(ask(controller, [0, 500])).toBe(1_000);
  });

  it('grows by its bound from the first batch on', () => {
    const controller = costModel({ growth: 3 })(setup);
    complete(controller, 1_000, 150);
    expect(ask(controller)).toBe(3_000);
    expect(controller.explain?.()?.rule).toBe('growth');
  });

  it('fills the interval by fixed cost and cost per record', () => {
    const controller = taught({ slack: 0 });
    expect(ask(controller)).toBeCloseTo(8_800, -1);
    expect(controller.explain?.()?.model?.fixedCost).toBeCloseTo(100, 0);
    expect(controller.explain?.()?.model?.costPerRecord).toBeCloseTo(0.1, 3);
    expect(ask(taught({ target: 0.5, slack: 0 }))).toBeCloseTo(4_000, -1);
  });

  it('takes what waits beyond the slack off the next batch, and leaves it empty beyond an interval', () => {
    const controller = taught({ slack: 0 });
    // 500 ms wait.
    expect(ask(controller, [4_000, undefined])).toBeCloseTo(3_800, -1);
    expect(ask(controller, [5_500, undefined], [5_500, undefined])).toBe(0);
    expect(controller.explain?.()).toMatchObject({ rule: 'queue', rate: 0 });
  });

  it('gives up an eighth of what waits within the slack, and meets the target where a quarter of it waits', () => {
    const controller = taught({ slack: 0.4 });
    expect(ask(controller)).toBeCloseTo(8_800 + 125, -1);
    expect(ask(controller, [1, undefined])).toBeCloseTo(8_800, -1);
    expect(ask(controller, [3_000, undefined])).toBeCloseTo(8_800 - 375, -1);
    expect(ask(controller, [4_000, undefined])).toBeCloseTo(8_800 - 375 - 1_000, -1);
  });

  it('counts saving as part of the cost, because the batch keeps its place until it is saved', () => {
    const controller = costModel({ slack: 0 })(setup);
    for (let i = 0; i < 20; i++) {
      for (const records of [1_000, 4_000]) complete(controller, records, 0.1 * records, 100 + 0.1 * records);
    }
    expect(ask(controller)).toBeCloseTo(4_400, -1);
  });

  it('makes the next batch smaller when the running one is far over its time', () => {
    const controller = taught();
    const onTime = ask(controller, [8_800, 900]) ?? 0;
    const late = ask(controller, [8_800, 1_900]) ?? 0;
    expect(onTime).toBeGreaterThan(6_000);
    expect(late).toBeLessThan(onTime / 2);
  });

  it('follows a cost that has tripled within two batches, and one that has fallen', () => {
    const controller = taught();
    complete(controller, 8_800, 2_940);
    complete(controller, 8_800, 2_940);
    expect(ask(controller)).toBeGreaterThan(2_000);
    expect(ask(controller)).toBeLessThan(3_200);
    for (let i = 0; i < 3; i++) complete(controller, 2_300, 330);
    expect(ask(controller)).toBeGreaterThan(4_500);
  });

  it('does not follow a single outlier once outliers are known', () => {
    const controller = taught();
    complete(controller, 8_800, 4_900);
    const suspicious = ask(controller) ?? 0;
    for (let i = 0; i < 10; i++) complete(controller, 8_800, 980);
    complete(controller, 8_800, 4_900);
    expect(suspicious).toBeLessThan(3_000);
    expect(ask(controller)).toBeGreaterThan(8_000);
  });

  it('forms large batches at a distance, of two sizes, and warns, when the fixed cost does not fit', () => {
    const controller = costModel()(setup);
    for (let i = 0; i < 20; i++) {
      for (const records of [1_000, 3_000]) complete(controller, records, 1_300 + 0.1 * records);
    }
    const sizes = [ask(controller), ask(controller)];
    expect(controller.explain?.()).toMatchObject({ rule: 'fixed-cost', warnings: ['fixed-cost-over-interval'] });
    expect(Math.min(...sizes.map(Number))).toBeGreaterThan(0);
    expect(Math.max(...sizes.map(Number))).toBe(2 * Math.min(...sizes.map(Number)));
    expect(ask(controller, [3_000, 10])).toBe(0);
  });

  it('tries the initial rate after batches too small to tell, unless that was too much before', () => {
    const small = costModel()(setup);
    for (let i = 0; i < 50; i++) complete(small, 20, 900);
    expect(ask(small)).toBe(1_000);
    expect(small.explain?.()?.rule).toBe('probe');
    const burnt = costModel()(setup);
    complete(burnt, 1_000, 20_000);
    for (let i = 0; i < 50; i++) complete(burnt, 20, 900);
    expect(ask(burnt)).toBeLessThan(200);
  });

  it('never leaves the floor while nothing waits, and warns', () => {
    const controller = taught({ minRate: 50 });
    for (let i = 0; i < 40; i++) complete(controller, 100, 100_000);
    expect(ask(controller)).toBeGreaterThanOrEqual(50);
    const slow = costModel({ minRate: 500 })({ ...setup, initialRate: 500 });
    for (let i = 0; i < 10; i++) complete(slow, 500, 5_000);
    expect(ask(slow)).toBe(500);
    expect(slow.explain?.()).toMatchObject({ rule: 'floor', warnings: ['rate-at-floor'] });
  });

  it('keeps to the cap, from the first batch on', () => {
    const controller = costModel({ maxRate: 400 })(setup);
    expect(ask(controller)).toBe(400);
    for (let i = 0; i < 10; i++) complete(controller, 400, 10);
    expect(ask(controller)).toBe(400);
    expect(controller.explain?.()?.rule).toBe('cap');
  });

  it('grows although batches take no time by the clock', () => {
    const controller = costModel()(setup);
    let rate = 0;
    for (let i = 0; i < 6; i++) {
      rate = ask(controller) ?? 0;
      complete(controller, rate, 0);
    }
    expect(rate).toBe(32_000);
  });

  it('learns nothing from an empty batch', () => {
    const controller = taught();
    const before = ask(controller);
    for (let i = 0; i < 50; i++) complete(controller, 0, 5_000);
    expect(ask(controller)).toBe(before);
  });

  it('warns of a noisy plant', () => {
    const controller = costModel()(setup);
    for (let i = 0; i < 60; i++) complete(controller, 1_000, [300, 700, 1_500][i % 3] ?? 0);
    ask(controller);
    expect(controller.explain?.()?.warnings).toContain('processing-time-varies');
  });

  it('tells every decision, with its inputs, the model, the rule and the rate', () => {
    const decisions = new Subject<RateDecision>();
    const seen: RateDecision[] = [];
    decisions.subscribe((decision) => seen.push(decision));
    const controller = costModel({ decisionObserver: decisions })(setup);
    const rates = [ask(controller), ask(controller, [1_000, 5])];
    complete(controller, 1_000, 200);
    rates.push(ask(controller));
    expect(seen.map(({ rate }) => rate)).toEqual(rates);
    expect(seen.map(({ rule }) => rule)).toEqual(['initial', 'first-batch', 'growth']);
    expect(seen[1]).toMatchObject({ controller: 'costModel', source: 's', formation: { lag: 1e6 }, model: undefined });
    expect(seen[2]?.model).toMatchObject({ costPerRecord: 0.2, work: 0 });
    expect(controller.explain?.()).toBe(seen[2]);
  });

  it('starts clean with each stream', () => {
    const factory = costModel();
    complete(factory(setup), 1_000, 5_000);
    expect(ask(factory(setup))).toBe(1_000);
  });

  it('answers with a finite rate of at least 0, within its cap, whatever it is told', () => {
    const step = fc.record({
      records: fc.integer({ min: 0, max: 1e7 }),
      took: fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 1e7 })),
      inFlight: fc.array(
        fc.tuple(fc.integer({ min: 0, max: 1e7 }), fc.option(fc.integer({ min: 0, max: 1e7 }), { nil: undefined })),
        { maxLength: 4 },
      ),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 1e6 }), (steps, maxRate) => {
        const controller = costModel({ maxRate })(setup);
        for (const { records, took, inFlight } of steps) {
          const rate = ask(controller, ...inFlight) ?? Number.NaN;
          expect(rate).toBeGreaterThanOrEqual(0);
          expect(rate).toBeLessThanOrEqual(maxRate);
          complete(controller, records, took);
        }
        // It never locks up: with nothing in flight there is always a next batch with records.
        expect(ask(controller)).toBeGreaterThan(0);
      }),
      propertySettings(),
    );
  });

  it.each([
    [{ target: 0 }, 'costModel: target (0)'],
    [{ target: 1.1 }, 'costModel: target (1.1)'],
    [{ slack: -0.1 }, 'costModel: slack (-0.1)'],
    [{ growth: 1 }, 'costModel: growth (1)'],
    [{ memory: 1 }, 'costModel: memory (1)'],
    [{ minRate: 0 }, 'costModel: minRate (0)'],
    [{ minRate: 10, maxRate: 5 }, 'costModel: maxRate (5) must be at least minRate (10)'],
  ])('refuses %j', (options, message) => {
    expect(() => costModel(options)).toThrow(InvalidOptionError);
    expect(() => costModel(options)).toThrow(message);
  });
});
