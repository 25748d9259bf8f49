import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { filesOf, operators } from '../support/operators.js';

// That what stands in refusals.ts (and in the tests of single operators) does not compile, the compiler sees. Here: that
// no operator was forgotten.

/** Below each `@ts-expect-error` a call that is refused, and why. */
const refused = filesOf('test')
  .map((path) => readFileSync(path, 'utf8'))
  .flatMap((text) => [...text.matchAll(/@ts-expect-error ([^\n]*)\n([^\n]*)/g)])
  .map(([, reason = '', call = '']) => ({ reason, call }));

const reasonsOf = (name: string): readonly string[] =>
  refused.filter(({ call }) => new RegExp(`\\b${name}[(<]`).test(call)).map(({ reason }) => reason);

describe('by type', () => {
  it.each([...operators.keys()])('%s refuses what it cannot take', (name) => {
    expect(reasonsOf(name), 'add a call that does not compile to test/operators/refusals.ts').not.toEqual([]);
  });

  const ofPairs = [...operators].filter(([, text]) => /\): OperatorFunction<Batch<Pair</.test(text));
  it.each(ofPairs.map(([name]) => name))('%s refuses records that are no pairs, and objects for keys', (name) => {
    const reasons = ['words are no pairs', 'an object is no key'];
    const todo = 'add it to both lists of keyed() in test/operators/refusals.ts, with these reasons';
    expect(reasonsOf(name), todo).toEqual(expect.arrayContaining(reasons));
  });
});
