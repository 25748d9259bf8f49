import { describe, expect, it } from 'vitest';
import { initialEntries } from '../../src/operators/base/initialEntries.js';

describe('initialEntries', () => {
  const state = { n: 1 };

  it('gives each subscription copies when the state has an id, and the states themselves when it has none', () => {
    const copied = initialEntries([['a', state]], 'counts');
    const [[, first] = []] = [...copied];
    const [[, second] = []] = [...copied];
    expect([first, second]).toEqual([state, state]);
    expect(new Set([state, first, second]).size).toBe(3);
    const [[, own] = []] = [...initialEntries([['a', state]], undefined)];
    expect(own).toBe(state);
  });

  it('refuses a state with an id that a copy would not be like', () => {
    class Counter {}
    const refused = initialEntries<string, unknown>([['a', new Counter()]], 'counts', 'updateStateByKey');
    expect(() => [...refused]).toThrow('updateStateByKey: state "counts" of key "a" cannot be saved');
    const uncopied = initialEntries<string, unknown>([['b', { f() {} }]], 'counts', 'updateStateByKey');
    expect(() => [...uncopied]).toThrow('it.f is a function');
    expect([...initialEntries([['a', new Counter()]], undefined)]).toHaveLength(1);
  });

  it('reads what can be read again once a subscription, and what cannot once', () => {
    let read = 0;
    const counted = {
      *[Symbol.iterator](): Generator<[string, number]> {
        read++;
        yield ['a', read];
      },
    };
    const again = initialEntries(counted, 'counts');
    expect(read).toBe(0);
    expect([[...again], [...again]]).toEqual([[['a', 1]], [['a', 2]]]);
    const once = initialEntries(counted[Symbol.iterator](), 'counts');
    expect([[...once], [...once]]).toEqual([[['a', 3]], [['a', 3]]]);
  });

  it('keeps order and number over the lots in which it copies', () => {
    for (const length of [0, 1, 1_023, 1_024, 1_025, 3_000]) {
      const entries = Array.from({ length }, (_, i) => [i, { i }] as const);
      expect([...initialEntries(entries, 'counts')]).toEqual(entries);
    }
  });
});
