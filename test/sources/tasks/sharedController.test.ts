import { type BatchInfo, fixedRate, type RateController } from 'dstream';
import { describe, expect, it } from 'vitest';
import { SharedController } from '../../../src/sources/tasks/sharedController.js';

const setup = { interval: 1_000, initialRate: 100, source: 'log' };
const formation = (time: number, lag: number) => ({ time, now: time, inFlight: [], lag });
const info = (time: number, start: number, end: number, more: Partial<BatchInfo> = {}): BatchInfo => ({
  ...{ time, interval: 1_000, submissionTime: start, processingStartTime: start, processingEndTime: end },
  ...{ schedulingDelay: 0, processingDelay: end - start, totalDelay: end - start, fetchDelay: 0, dispatchDelay: 0 },
  ...{ saveDelay: 0, records: 10, inputs: {}, ...more },
});

function recording() {
  const heard: [BatchInfo, number][] = [];
  const asked: { readonly lag: number; readonly time: number }[] = [];
  const controller: RateController = {
    completed: (one, records) => void heard.push([one, records]),
    rate: ({ lag, time }) => {
      asked.push({ lag, time });
      return 900;
    },
  };
  return { heard, asked, shared: new SharedController(() => controller) };
}

describe('SharedController', () => {
  it('divides the rate of the process evenly among tasks that have more waiting', () => {
    const shared = new SharedController(fixedRate(900));
    const [a, b, c] = ['a', 'b', 'c'].map((id) => shared.member(id, setup)) as [
      RateController,
      RateController,
      RateController,
    ];
    // Of tasks that have not been asked as much is expected as of the first.
    expect(a.rate(formation(1_000, 5_000))).toBe(300);
    expect(b.rate(formation(1_000, 5_000))).toBe(300);
    expect(c.rate(formation(1_000, 100_000))).toBe(300);
  });

  it('lets a task have what others leave', () => {
    const shared = new SharedController(fixedRate(900));
    const [a, b] = [shared.member('a', setup), shared.member('b', setup)];
    a.rate(formation(1_000, 100));
    expect(b.rate(formation(1_000, 5_000))).toBe(800);
    // There is enough for both.
    b.rate(formation(2_000, 700));
    expect(a.rate(formation(2_000, 100))).toBe(900);
  });

  it('grants the batches of a task that catches up the share of one, for each batch time of the others', () => {
    const shared = new SharedController(fixedRate(900));
    const [a, b] = [shared.member('a', setup), shared.member('b', setup)];
    expect(a.rate(formation(9_000, 600))).toBe(450);
    expect(b.rate(formation(1_000, 5_000))).toBe(450);
    expect(b.rate(formation(2_000, 4_550))).toBe(0);
    expect(a.rate(formation(10_000, 100))).toBe(800);
    expect(b.rate(formation(3_000, 500))).toBe(900);
    expect(b.rate(formation(4_000, 500))).toBe(300);
    expect(b.rate(formation(5_000, 500))).toBe(0);
  });

  it('counts what is planned and waits for its turn to the share of a task', () => {
    const shared = new SharedController(fixedRate(900));
    const [a, b] = [shared.member('a', setup), shared.member('b', setup)];
    const inFlight = [
      { time: 1_000, records: 450, runningFor: 3_000 },
      { time: 2_000, records: 300, runningFor: undefined },
    ];
    expect(a.rate(formation(4_000, 5_000))).toBe(450);
    expect(b.rate({ ...formation(4_000, 5_000), inFlight })).toBe(150);
  });

  it('asks its controller once a batch time, for all that waits', () => {
    const { asked, shared } = recording();
    const [a, b] = [shared.member('a', setup), shared.member('b', setup)];
    a.rate(formation(1_000, 10));
    b.rate(formation(1_000, 30));
    a.rate(formation(2_000, 50));
    // One that catches up has the rate of now.
    b.rate(formation(1_500, 70));
    expect(asked).toEqual([
      { time: 1_000, lag: 20 },
      { time: 2_000, lag: 80 },
    ]);
  });

  it('tells its controller of a batch when all tasks have completed one, from the first start to the last end', () => {
    const { heard, shared } = recording();
    const [a, b] = [shared.member('a', setup), shared.member('b', setup)];
    a.completed(info(1_000, 1_000, 1_100, { schedulingDelay: 40 }), 10);
    a.completed(info(2_000, 2_000, 2_100), 10);
    expect(heard).toEqual([]);
    b.completed(info(1_000, 1_050, 2_300, { schedulingDelay: 5_000, saveDelay: 20 }), 30);
    expect(heard).toHaveLength(1);
    const [[one, records] = [info(0, 0, 0), 0]] = heard;
    expect(records).toBe(50);
    // What one task waits behind its own batches is not the process's.
    expect(one).toMatchObject({ time: 2_000, processingDelay: 1_300, saveDelay: 20, schedulingDelay: 0, records: 30 });
  });

  it('does not wait for a task that has left', () => {
    const { heard, shared } = recording();
    const a = shared.member('a', setup);
    shared.member('b', setup);
    a.completed(info(1_000, 1_000, 1_100), 10);
    expect(heard).toEqual([]);
    shared.leave('b');
    expect(heard).toHaveLength(1);
    a.rate(formation(2_000, 5_000));
    expect(a.rate(formation(3_000, 5_000))).toBe(900);
  });

  it('applies the initial rate to the process until there is an estimate', () => {
    const shared = new SharedController(() => ({ completed: () => {}, rate: () => undefined }));
    const [a, b] = [shared.member('a', setup), shared.member('b', setup)];
    expect([a.rate(formation(1_000, 5_000)), b.rate(formation(1_000, 5_000))]).toEqual([50, 50]);
  });
});
