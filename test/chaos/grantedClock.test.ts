import { describe, expect, it } from 'vitest';
import { GrantedClock } from './grantedClock.js';

describe('GrantedClock', () => {
  const clockOf = (probe: { usedMs: number; passedMs: number }) => {
    const time = { wall: 1_000 };
    const clock = new GrantedClock({ probe: () => probe, wallNow: () => time.wall });
    clock.measure();
    return { time, clock };
  };

  it('is the clock on the wall where processor time is there at once', () => {
    const { time, clock } = clockOf({ usedMs: 10, passedMs: 10 });
    time.wall += 500;
    expect(clock.now()).toBe(500);
  });

  it('runs at a third where processor time takes three times as long', () => {
    const { time, clock } = clockOf({ usedMs: 10, passedMs: 30 });
    time.wall += 300;
    expect(clock.now()).toBeCloseTo(100);
    expect(clock.slowdown).toEqual({ mean: expect.closeTo(3), max: 3 });
  });

  it('never runs faster than the wall, nor slower than a tenth of it', () => {
    const fast = clockOf({ usedMs: 10, passedMs: 9 });
    fast.time.wall += 100;
    expect(fast.clock.now()).toBe(100);
    const slow = clockOf({ usedMs: 10, passedMs: 5_000 });
    slow.time.wall += 100;
    expect(slow.clock.now()).toBeCloseTo(10);
  });

  it('counts what has passed at the pace that was measured before', () => {
    const probe = { usedMs: 10, passedMs: 20 };
    const { time, clock } = clockOf(probe);
    time.wall += 100;
    clock.now();
    probe.passedMs = 100;
    time.wall += 100;
    clock.measure();
    time.wall += 100;
    expect(clock.now()).toBeCloseTo(50 + 10 + 10);
  });

  it('measures the machine that it runs on', () => {
    const clock = new GrantedClock().start();
    clock.stop();
    expect(clock.slowdown.max).toBeGreaterThanOrEqual(1);
  });
});
