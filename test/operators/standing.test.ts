import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { filesOf, operators } from '../support/operators.js';

/** Whose standing cases some test runs: by `standingCases`, or what is made of it (`standingTwice`, `standingCasesOfOutput`). */
const standing = filesOf('test')
  .filter((path) => path.endsWith('.test.ts'))
  .map((path) => readFileSync(path, 'utf8'))
  .flatMap((text) => [...text.matchAll(/\bstanding\w+(?:<[\w, ]+>)?\(\s*'(\w+)/g)])
  .map(([, name]) => name);

it('every operator and output has its standing cases', () => {
  const missing = [...operators.keys()].filter((name) => !standing.includes(name));
  expect(missing, 'call standingCases (test/operators/standing.ts) in the test of each').toEqual([]);
});
