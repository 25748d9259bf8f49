import { describe, expect, it } from 'vitest';
import { IdleKeys } from '../../src/state/idleKeys.js';

describe('IdleKeys', () => {
  it('gives the keys last touched before a time, in that order, once', () => {
    const keys = new IdleKeys<string>();
    keys.touch('a', 1);
    keys.touch('b', 1);
    keys.touch('c', 2);
    keys.touch('a', 3);
    expect(keys.takeBefore(2, () => true)).toEqual(['b']);
    expect(keys.takeBefore(4, (key) => key !== 'c')).toEqual(['a']);
    expect(keys.takeBefore(9, () => true)).toEqual([]);
  });

  it('keeps each key once, however often it is touched', () => {
    const keys = new IdleKeys<string>();
    for (let time = 0; time < 1_000; time++) for (const key of 'abc') keys.touch(key, time);
    expect(keys.size).toBe(3);
    let asked = 0;
    keys.takeBefore(999, () => asked++ < 0);
    expect(asked).toBe(0);
    expect(keys.takeBefore(1_000, () => true)).toEqual(['a', 'b', 'c']);
    expect(keys.size).toBe(0);
  });
});
