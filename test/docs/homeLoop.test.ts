import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { intervalMs, type LoopView, windowBatches } from '../../docs/.vitepress/theme/homeLoop.js';
import { runLoop } from '../../docs/.vitepress/theme/runLoop.js';

// As in a browser: the timers are those of the platform.
beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }));
afterEach(() => void vi.useRealTimers());

it('the picture of the home page: the rate bends when the output costs more, and comes back', async () => {
  let cost = 40;
  let view: LoopView | undefined;
  const running = runLoop({
    cost: () => cost,
    show: (next) => {
      view = next;
    },
  });
  const after = async (seconds: number) => {
    await vi.advanceTimersByTimeAsync(seconds * intervalMs);
    return view;
  };
  const before = await after(15.5);
  cost = 200;
  const slow = await after(25);
  cost = 40;
  const recovered = await after(60);
  running.unsubscribe();

  for (const { rate, waiting } of [before, recovered].flatMap((seen) => seen ?? [])) {
    expect(rate).toBeGreaterThan(15);
    expect(waiting).toBeLessThan(24);
  }
  expect(slow?.rate).toBeLessThan(8);
  expect(Math.max(...(slow?.rates ?? []))).toBeLessThan(8);
  expect(Math.min(...(recovered?.rates ?? []))).toBeGreaterThan(15);
  expect(slow?.waiting).toBeGreaterThan(24);
  const counted = recovered?.batches.slice(-windowBatches).flatMap(({ records }) => records) ?? [];
  expect(recovered?.counts.reduce((sum, count) => sum + count, 0)).toBe(counted.length);
  expect(vi.getTimerCount()).toBe(0);
});
