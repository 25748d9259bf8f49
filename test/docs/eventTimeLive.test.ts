import { describe, expect, it } from 'vitest';
import { type EventTimeSettings, seconds, usual } from '../../docs/.vitepress/theme/eventTimeLive.js';
import { runEventTime } from '../../docs/.vitepress/theme/runEventTime.js';

const run = (changed: Partial<EventTimeSettings> = {}) => runEventTime({ ...usual, ...changed });

describe('the live picture of event time', () => {
  it('has every record once, in a window or late', () => {
    for (const outOfOrderness of [0, 2, 6]) {
      const { records, windows, late, watermarks } = run({ outOfOrderness });
      expect(new Set(records.map(({ partition, at }) => `${partition} ${at}`)).size).toBe(2 * seconds);
      expect(records).toHaveLength(2 * seconds);
      // The last window stays open: nothing tells that no older record comes.
      expect(windows.map(({ count }) => count === undefined)).toEqual([false, false, false, true]);
      const end = windows.at(-1)?.start ?? 0;
      const counted = windows.reduce((sum, { count = 0 }) => sum + count, 0);
      expect(counted + late).toBeGreaterThanOrEqual(records.filter(({ at }) => at < end).length);
      const known = watermarks.filter((one) => one !== undefined);
      expect(known).toEqual([...known].sort((a, b) => a - b));
    }
  });

  it('has the same results at any rate, and after a crash', () => {
    for (const outOfOrderness of [1, 4]) {
      const { windows, late } = run({ outOfOrderness });
      for (const perBatch of [2, 3, 40])
        for (const crash of [false, true]) {
          const other = run({ outOfOrderness, perBatch, crash });
          expect({ perBatch, crash, windows: other.windows, late: other.late }).toEqual({
            perBatch,
            crash,
            windows,
            late,
          });
          expect(other.replayed.length > 0).toBe(crash);
        }
    }
  });

  it('has late records for too little outOfOrderness, and none for enough', () => {
    expect(run({ outOfOrderness: 0, disorder: 8 }).late).toBeGreaterThan(3);
    expect(run({ outOfOrderness: 8, disorder: 8 }).late).toBe(0);
    expect(run({ outOfOrderness: 0, disorder: 8, allowedLateness: 8 }).late).toBe(0);
  });

  it('goes on without an idle partition, whose old records are late when it comes back', () => {
    const held = run({ idle: true, outOfOrderness: 4 });
    expect(held.windows.filter(({ count }) => count !== undefined)).toHaveLength(3);
    expect(held.windows[2]?.count).toBe(10);
    expect(held.late).toBe(0);
    const back = run({ idle: true, comesBack: true, outOfOrderness: 4 });
    expect(back.records).toHaveLength(2 * seconds);
    expect(back.late).toBeGreaterThan(5);
  });
});
