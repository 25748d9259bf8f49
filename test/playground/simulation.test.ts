import { describe, expect, it } from 'vitest';
import { linkOf, settingOf } from '../../docs/playground/model/link.js';
import { presets } from '../../docs/playground/model/presets.js';
import { defaults, type Setting } from '../../docs/playground/model/setting.js';
import type { SimulatedStream } from '../../docs/playground/model/simulatedStream.js';
import { Simulation } from '../../docs/playground/model/simulation.js';
import type { BatchRow } from '../../src/dashboard/wire/batchRow.js';
import { itNightly } from '../support/nightly.js';

const start = Date.UTC(2026, 0, 1);
const run = (changed: Partial<Setting> = {}) => new Simulation({ ...defaults, ...changed }, start);
const presetOf = (name: string) => presets.find((one) => one.name === name)?.setting as Setting;
const only = ({ streams }: Simulation) => streams[0] as SimulatedStream;
const lagOf = (simulation: Simulation) => only(simulation).view()?.total.lag ?? Number.NaN;
const waited = (rows: readonly BatchRow[]) => Math.max(...rows.map(({ delays }) => delays?.scheduling ?? 0));

function rowsOf(setting: Setting, seconds: number): readonly (readonly BatchRow[])[] {
  const simulation = new Simulation(setting, start);
  simulation.advance(seconds * 1_000);
  return simulation.streams.map((stream) => stream.news().rows);
}

describe('a run of the playground', () => {
  it.each(['overload', 's5', 's6', 'interval'])('is the same twice, from its link and at any speed: %s', (name) => {
    const [whole] = rowsOf(settingOf(linkOf(presetOf(name))), 20);
    const simulation = new Simulation(presetOf(name), start);
    for (let i = 0; i < 200; i++) simulation.advance(100);
    expect(only(simulation).news().rows).toEqual(whole);
    expect(whole?.length).toBeGreaterThan(15);
  });

  it('differs with its seed', () => {
    expect(rowsOf({ ...defaults, seed: 2 }, 20)).not.toEqual(rowsOf(defaults, 20));
  });

  it('keeps batches from waiting under costModel, where they wait without a controller', () => {
    const [limited = []] = rowsOf(defaults, 60);
    const [unlimited = []] = rowsOf({ ...defaults, controller: 'none' }, 60);
    expect(waited(limited)).toBeLessThan(defaults.interval);
    expect(waited(unlimited)).toBeGreaterThan(5 * defaults.interval);
  });

  it('gives both streams the same input and the same costs', () => {
    const [one = [], other = []] = rowsOf({ ...defaults, beside: 'costModel' }, 30);
    expect(one.length).toBeGreaterThan(20);
    expect(other.map(({ id: _, ...row }) => row)).toEqual(one.map(({ id: _, ...row }) => row));
  });

  it('shows in S3 what the page says: batches wait longer under pid', () => {
    const [costModel = [], pid = []] = rowsOf(presetOf('s3'), 90);
    expect(waited(pid)).toBeGreaterThan(waited(costModel));
    expect(waited(costModel)).toBeGreaterThan(defaults.interval);
  });

  it('follows a load that changes with dynamicInterval', () => {
    const [rows = []] = rowsOf(presetOf('interval'), 60);
    expect(new Set(rows.map(({ interval }) => interval)).size).toBeGreaterThan(2);
  });

  it('has as many records in each partition, or times as many', () => {
    const even = run({ partitions: 4, backlog: 1_000, rate: 0, controller: 'none' });
    const skewed = run({ partitions: 4, backlog: 15_000, rate: 0, skew: 2, controller: 'none' });
    for (const simulation of [even, skewed]) simulation.advance(1_000);
    const ends = (simulation: Simulation) =>
      only(simulation)
        .view()
        ?.partitions.toSorted((a, b) => a.partition - b.partition)
        .map(({ end }) => end);
    expect(ends(even)).toEqual([250, 250, 250, 250]);
    expect(ends(skewed)).toEqual([8_000, 4_000, 2_000, 1_000]);
  });
});

describe('what happens to a run of the playground', () => {
  it('an output three times slower: the rate falls to a third and lag rises, and both recover', () => {
    const simulation = run({ rate: 500 });
    const rate = () => only(simulation).view()?.inputs[0]?.rate ?? Number.NaN;
    simulation.advance(30_000);
    const usual = { rate: rate(), lag: lagOf(simulation) };
    expect(usual.lag).toBeLessThan(1_000);
    simulation.isSlow = true;
    simulation.advance(40_000);
    expect(rate() / usual.rate).toBeLessThan(0.4);
    expect(lagOf(simulation)).toBeGreaterThan(usual.lag + 5_000);
    simulation.isSlow = false;
    simulation.advance(60_000);
    expect(rate() / usual.rate).toBeGreaterThan(0.85);
    expect(lagOf(simulation)).toBeLessThan(1_000);
  });

  it('a broker that is away: nothing comes, no error, and then all that arrived meanwhile', () => {
    const simulation = run({ rate: 400, noise: 0 });
    simulation.advance(20_000);
    only(simulation).news();
    const end = () =>
      only(simulation)
        .view()
        ?.partitions.reduce((sum, one) => sum + one.end, 0) ?? Number.NaN;
    const known = end();
    simulation.takeBrokerAway();
    expect(simulation.brokerIsAway).toBe(true);
    simulation.advance(4_900);
    expect(only(simulation).news().rows.length).toBeLessThanOrEqual(1);
    expect(end() - known).toBeLessThan(1_000);
    simulation.advance(20_000);
    expect(end() - known).toBeGreaterThan(9_000);
    expect(simulation.brokerIsAway).toBe(false);
    expect(only(simulation).news().failures).toEqual([]);
    expect(lagOf(simulation)).toBeLessThan(1_000);
  });

  it('an output that fails once: the batch fails, and is done again', () => {
    const simulation = run();
    simulation.advance(10_000);
    only(simulation).news();
    only(simulation).failOnce();
    simulation.advance(10_000);
    const { rows, failures } = only(simulation).news();
    const failed = rows.find(({ result }) => result === 'failed');
    expect(failures).toMatchObject([{ kind: 'failed', stage: 'effect', operator: 'foreachBatch' }]);
    expect(rows.find(({ time, result }) => time === failed?.time && result === 'completed')?.records).toBe(
      failed?.records,
    );
    expect(only(simulation).view()?.status).toBe('running');
  });

  it('a crash: it goes on with its checkpoint, and every record is in one complete batch', () => {
    const simulation = run({ rate: 500, noise: 0, controller: 'none' });
    simulation.advance(10_400);
    only(simulation).crash();
    expect(only(simulation).isRunning).toBe(false);
    simulation.advance(20_000);
    expect(only(simulation).view()?.status).toBe('running');
    const complete = only(simulation)
      .news()
      .rows.filter(({ result }) => result === 'completed');
    const records = complete.reduce((sum, row) => sum + row.records, 0);
    const partitions = only(simulation).view()?.partitions ?? [];
    expect(records).toBe(partitions.reduce((sum, { committed }) => sum + committed, 0));
    expect(records).toBeGreaterThan(10_000);
  });

  it('stop: what was planned is finished, and it starts again where it ended', () => {
    const simulation = run();
    simulation.advance(20_500);
    only(simulation).stop();
    simulation.advance(10_000);
    expect(only(simulation).view()).toMatchObject({ status: 'stopped', open: [] });
    expect(only(simulation).isRunning).toBe(false);
    only(simulation).start();
    simulation.advance(10_000);
    expect(only(simulation).view()?.status).toBe('running');
  });

  it('S8, whose fixed cost changes twice: the controls show it, and less waits under costModel than under pid', () => {
    const shown: unknown[] = [];
    const simulation = new Simulation(presetOf('s8'), start, (...change) => shown.push(change));
    simulation.advance(100_000);
    expect(shown).toEqual([
      ['fixedCost', 1_300],
      ['fixedCost', 100],
    ]);
    expect(simulation.setting.fixedCost).toBe(100);
    const [costModel = [], pid = []] = simulation.streams.map((stream) => stream.news().rows);
    expect(waited(costModel)).toBeLessThan(3 * defaults.interval);
    expect(waited(pid)).toBeGreaterThan(6 * defaults.interval);
  });
});

describe('what a preset says to look at', () => {
  /** What fits into an interval of the defaults. */
  const fits = (defaults.interval * defaults.target - defaults.fixedCost) / defaults.recordCost;
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const recordsOf = (rows: readonly BatchRow[]) => rows.map(({ records }) => records);
  /** The rows from a time of the run on, in seconds. */
  const since = (rows: readonly BatchRow[], seconds: number) =>
    rows.filter(({ time }) => time >= start + seconds * 1_000);

  const claims: Readonly<Record<string, (costModel: readonly BatchRow[], pid: readonly BatchRow[]) => void>> = {
    overload: (rows) => {
      expect(mean(recordsOf(since(rows, 30))) / fits).toBeCloseTo(1, 1);
      expect((rows.at(-1)?.lag ?? 0) - (rows[60]?.lag ?? 0)).toBeGreaterThan(10_000);
      expect(waited(rows)).toBeLessThan(defaults.interval);
    },
    without: (rows) => {
      expect(waited(rows.slice(0, 60))).toBeGreaterThan(5 * defaults.interval);
      expect(waited(rows)).toBeGreaterThan(1.5 * waited(rows.slice(0, 60)));
    },
    s2: (...streams) => {
      for (const rows of streams)
        expect(recordsOf(rows).findIndex((records) => records > 0.85 * fits)).toBeLessThan(10);
    },
    s3: (costModel, pid) => {
      const fitsThen = (defaults.interval * defaults.target - 3 * defaults.fixedCost) / (3 * defaults.recordCost);
      expect(mean(recordsOf(since(costModel, 90))) / fitsThen).toBeCloseTo(1, 0);
      expect(waited(pid)).toBeGreaterThan(waited(costModel));
    },
    s4: (...streams) => {
      for (const rows of streams) {
        expect(mean(recordsOf(since(rows, 70)))).toBeGreaterThan(2.5 * mean(recordsOf(rows.slice(30, 58))));
      }
    },
    s5: (...streams) => {
      for (const rows of streams) {
        expect(Math.max(...recordsOf(rows.slice(0, 58)))).toBeLessThan(100);
        expect(waited(rows)).toBeLessThan(0.5 * defaults.interval);
        expect(rows.at(-1)?.lag).toBeLessThan(1_000);
      }
    },
    s6: (costModel, pid) => {
      for (const rows of [costModel, pid]) {
        const slowest = Math.max(...rows.map(({ delays }) => delays?.processing ?? 0));
        expect(slowest).toBeGreaterThan(3 * defaults.interval);
        // The rate that is left is what fits on the average, outliers included.
        expect(mean(recordsOf(since(rows, 20)))).toBeGreaterThan(0.8 * fits);
      }
      expect(waited(costModel)).toBeLessThan(waited(pid));
    },
    s7: (...streams) => {
      for (const rows of streams) {
        const processing = since(rows, 60).map(({ delays }) => delays?.processing ?? 0);
        expect(mean(processing) / defaults.interval).toBeCloseTo(0.98, 1);
      }
    },
    s8: (costModel, pid) => {
      expect(waited(costModel)).toBeLessThan(waited(pid) / 2);
      expect(mean(recordsOf(since(costModel, 110))) / fits).toBeCloseTo(1, 0);
    },
    interval: (rows) => {
      expect(new Set(rows.map(({ interval }) => interval)).size).toBeGreaterThan(2);
    },
  };

  it('is a claim for each', () => {
    expect(Object.keys(claims)).toEqual(presets.map(({ name }) => name));
  });

  for (const { name, title, setting } of presets) {
    itNightly(`${title}: from its link, it is so`, {}, () => {
      const [first = [], beside = []] = rowsOf(settingOf(linkOf(setting)), 120);
      claims[name]?.(first, beside);
    });
    itNightly(`${title}: from its link, it is the same twice`, {}, () => {
      expect(rowsOf(settingOf(linkOf(setting)), 60)).toEqual(rowsOf(setting, 60));
    });
  }
});
