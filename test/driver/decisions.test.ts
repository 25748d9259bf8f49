import {
  type BatchFormation,
  type BatchInfo,
  costModel,
  fixedRate,
  foreachBatch,
  logBatches,
  memoryLog,
  pid,
  type RateControllerFactory,
  type RateDecision,
  type RateWarning,
  string,
} from 'dstream';
import { map, Subject, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { randomOf } from '../../bench/backpressure/random.js';
import { virtual } from '../support/virtual.js';

interface Settings {
  readonly backpressure: (decisions: Subject<RateDecision>) => RateControllerFactory;
  /** What a batch costs, in ms. */
  readonly cost: (records: number, time: number) => number;
  readonly records?: number;
  readonly initialRate?: number;
  /** How many intervals of a second. */
  readonly batches: number;
}

/** Runs a backlog in virtual time; `decisions` is subscribed to by whoever looks at it by marbles. */
function run(settings: Settings, look?: (decisions: Subject<RateDecision>) => void) {
  const decisions = new Subject<RateDecision>();
  const seen: RateDecision[] = [];
  const infos: BatchInfo[] = [];
  virtual((scheduler) => {
    decisions.subscribe((decision) => seen.push(decision));
    look?.(decisions);
    const log = memoryLog({ topics: { t: 2 } });
    log.append(
      't',
      Array.from({ length: settings.records ?? 100_000 }, (_, i) => ({ value: 'x', partition: i % 2 })),
    );
    const stream = logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      interval: 1_000,
      deserialize: string(),
      backpressure: settings.backpressure(decisions),
      initialRate: settings.initialRate ?? 250,
      batchObserver: { next: (info) => infos.push(info) },
    });
    const subscription = stream
      .pipe(foreachBatch((records, { time }) => timer(settings.cost(records.length, time))))
      .subscribe();
    scheduler.schedule(() => subscription.unsubscribe(), settings.batches * 1_000 + 500);
  });
  return { seen, infos };
}

/** Decisions as marbles: a letter for each rule, at each tick. */
function byMarbles(settings: Settings, letters: Readonly<Record<string, string>>, expected: string): void {
  let checked = false;
  const decisions = new Subject<RateDecision>();
  virtual((scheduler) => {
    scheduler.expectObservable(decisions.pipe(map(({ rule }) => letters[rule] ?? rule))).toBe(expected);
    checked = true;
    const log = memoryLog({ topics: { t: 1 } });
    log.append(
      't',
      Array.from({ length: 100_000 }, () => ({ value: 'x' })),
    );
    const stream = logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      interval: 10,
      deserialize: string(),
      backpressure: settings.backpressure(decisions),
      initialRate: settings.initialRate ?? 1_000,
    });
    const subscription = stream
      .pipe(foreachBatch((records, { time }) => timer(settings.cost(records.length, time))))
      .subscribe();
    scheduler.schedule(() => subscription.unsubscribe(), settings.batches * 10 + 5);
  });
  expect(checked).toBe(true);
}

const letters = {
  initial: 'i',
  'first-batch': 'f',
  growth: 'g',
  model: 'm',
  queue: 'q',
  estimate: 'e',
  floor: 'l',
  cap: 'c',
  fixed: 'x',
};

const pidAbove540: typeof pid = (options) => pid({ minRate: 540, ...options });

const warned = (seen: readonly RateDecision[], warning: RateWarning) =>
  seen.filter(({ warnings }) => warnings.includes(warning)).length;

describe('decisions in virtual time', () => {
  // One letter a batch of 10 ms; the initial rate is 10 records a batch.
  it.each([
    // 2 ms a batch and 0.2 ms a record: 40 records fit.
    ['costModel grows to what fits', costModel, (n: number) => 2 + 0.2 * n, 'i g m m m m'],
    ['costModel sends no second batch before it knows the first', costModel, (n: number) => 3 * n, 'i f f m m m m m m'],
    ['pid needs two batches', pid, (n: number) => 2 + 0.2 * n, 'i i e e e e'],
    ['pid stays at its floor behind a queue', pidAbove540, (n: number) => 1.8 * n, 'i i i i l l'],
  ] as const)('%s', (_, controller, cost, rules) => {
    const expected = rules
      .split(' ')
      .map((rule) => `9ms ${rule}`)
      .join(' ')
      .replace('9ms', '10ms');
    byMarbles(
      {
        backpressure: (decisions) => controller({ decisionObserver: decisions }),
        cost,
        batches: rules.split(' ').length,
      },
      letters,
      expected,
    );
  });

  it('stand in BatchInfo, each with the batch it is of', () => {
    const { seen, infos } = run({
      backpressure: (decisions) => costModel({ decisionObserver: decisions }),
      cost: (records) => 200 + 0.4 * records,
      batches: 12,
    });
    expect(infos.length).toBeGreaterThan(10);
    const told = infos.map((info) => info.inputs.log?.decision);
    expect(told).toEqual(seen.slice(0, told.length));
    for (const { time, inputs } of infos) {
      expect(inputs.log?.decision?.formation.time).toBe(time);
      expect(inputs.log?.decision?.rate).toBe(inputs.log?.rate);
    }
    expect(told[0]).toMatchObject({
      rule: 'initial',
      rate: 250,
      formation: { lag: 100_000, inFlight: { batches: 0 } },
    });
    expect(told.at(-1)?.model?.costPerRecord).toBeCloseTo(0.4, 1);
  });

  it('are told once each, and by fixedRate too', () => {
    const { seen, infos } = run({
      backpressure: (decisions) => fixedRate(30, { decisionObserver: decisions }),
      cost: () => 5,
      batches: 3,
    });
    expect(seen.map(({ rule, rate, formation }) => [rule, rate, formation.lag])).toEqual([
      ['fixed', 30, 100_000],
      ['fixed', 30, 99_970],
      ['fixed', 30, 99_940],
    ]);
    expect(infos.map(({ records }) => records)).toEqual([30, 30, 30]);
  });

  it('cost no more for missed ticks: of thousands of batches in flight only those with records are looked at', () => {
    const looked: number[] = [];
    const counting: RateControllerFactory = (setup) => {
      const controller = costModel()(setup);
      const rate = (formation: BatchFormation) => {
        const { inFlight } = formation;
        looked.push(inFlight.length);
        return controller.rate({ time: formation.time, now: formation.now, lag: formation.lag, inFlight });
      };
      return { completed: (info, records) => controller.completed(info, records), rate };
    };
    virtual((scheduler) => {
      // After the third batch the clock jumps: two thousand ticks are due at once.
      const late = {
        now: () => scheduler.now() + (scheduler.now() > 3_500 ? 2_000_000 : 0),
        schedule: scheduler.schedule.bind(scheduler),
      };
      const log = memoryLog({ topics: { t: 1 } });
      log.append(
        't',
        Array.from({ length: 10_000 }, () => ({ value: 'x' })),
      );
      const backpressure = counting;
      const options = {
        topics: ['t'],
        start: 'earliest',
        interval: 1_000,
        deserialize: string(),
        backpressure,
      } as const;
      const stream = logBatches(log, { ...options, scheduler: late as never });
      const subscription = stream.pipe(foreachBatch((records) => timer(records.length))).subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 4_500);
    });
    expect(looked.length).toBeGreaterThan(2_000);
    expect(Math.max(...looked)).toBeLessThanOrEqual(3);
  });

  it('follow a change of cost', () => {
    const { infos } = run({
      backpressure: (decisions) => costModel({ decisionObserver: decisions }),
      cost: (records, time) => (time <= 20_000 ? 1 : 4) * (100 + 0.4 * records),
      batches: 45,
    });
    const at = (second: number) => infos.find(({ time }) => time === second * 1_000)?.inputs.log?.rate ?? Number.NaN;
    expect(at(20)).toBeGreaterThan(2_000);
    // 4 * 100 + 1.6 * 375 = 1,000.
    const settled = infos.filter(({ time }) => time >= 36_000).map(({ records }) => records);
    expect(Math.max(...settled)).toBeLessThan(412);
    expect(Math.min(...settled)).toBeGreaterThan(280);
    expect(Math.max(...infos.slice(-5).map(({ schedulingDelay }) => schedulingDelay))).toBeLessThan(500);
  });
});

describe('warnings', () => {
  it('fixed-cost-over-interval, while a batch costs over an interval even without records', () => {
    const { seen } = run({
      backpressure: (decisions) => costModel({ decisionObserver: decisions }),
      cost: (records, time) => (time <= 20_000 ? 100 : 1_300) + records,
      batches: 60,
    });
    const before = seen.filter(({ formation }) => formation.time <= 20_000);
    const after = seen.filter(({ formation }) => formation.time > 45_000);
    expect(warned(before, 'fixed-cost-over-interval')).toBe(0);
    expect(warned(after, 'fixed-cost-over-interval')).toBe(after.length);
  });

  it.each([
    ['costModel', (decisions: Subject<RateDecision>) => costModel({ decisionObserver: decisions, minRate: 100 })],
    ['pid', (decisions: Subject<RateDecision>) => pid({ decisionObserver: decisions, minRate: 100 })],
  ] as const)('rate-at-floor, when %s would go below minRate', (_, backpressure) => {
    // 20 records a second.
    const { seen } = run({ backpressure, cost: (records) => 50 * records, initialRate: 100, batches: 60 });
    expect(warned(seen, 'rate-at-floor')).toBeGreaterThan(0);
    for (const { rate, rule, warnings } of seen) {
      if (warnings.includes('rate-at-floor')) expect([rate, rule]).toEqual([100, 'floor']);
    }
    const fast = run({ backpressure, cost: (records) => 0.5 * records, initialRate: 200, batches: 60 });
    expect(warned(fast.seen, 'rate-at-floor')).toBe(0);
  });

  it('processing-time-varies, when batches of one size take very different times, and not when they do not', () => {
    const noisy = (scatter: number) => {
      const random = randomOf(5);
      return run({
        backpressure: (decisions) => costModel({ decisionObserver: decisions }),
        cost: (records) => (100 + 0.4 * records) * Math.exp(scatter * random.normal()),
        batches: 60,
      }).seen;
    };
    const calm = noisy(0.1);
    const rough = noisy(0.5);
    expect(warned(calm, 'processing-time-varies')).toBe(0);
    expect(warned(rough, 'processing-time-varies')).toBeGreaterThan(10);
    expect(rough.findIndex(({ warnings }) => warnings.includes('processing-time-varies'))).toBeGreaterThan(20);
  });
});
