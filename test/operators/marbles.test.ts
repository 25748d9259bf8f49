import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { filesOf, operatorFiles, operators } from '../support/operators.js';

// The effects of outputs to files, PostgreSQL and Kafka are promises, which do not run in virtual time.
const inVirtualTime = operatorFiles
  .filter((path) => /\/src\/(operators|outputs|workers)\/\w+\.ts$/.test(path))
  .map((path) => basename(path, '.ts'))
  .filter((name) => operators.has(name));

/** The tests that assert the subscriptions to a source. */
const marbles = filesOf('test')
  .filter((path) => path.endsWith('.test.ts'))
  .flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/^( *)it\([\s\S]*?^\1\}\);/gm)])
  .map(([test]) => test)
  .filter((test) => test.includes('expectSubscriptions('));

it('every operator has a marble test that asserts the subscriptions to its source', () => {
  const asserts = (name: string) => marbles.some((test) => new RegExp(`\\b${name}(<[^(]*>)?\\(`).test(test));
  expect(inVirtualTime.length).toBeGreaterThan(40);
  const missing = inVirtualTime.filter((name) => !asserts(name));
  expect(missing, 'in the test of each, assert source.subscriptions in a runBatches, as its neighbors do').toEqual([]);
});

it('their diagrams are aligned in columns', () => {
  const isCrooked = (run: string) => {
    const diagrams = [...run.matchAll(/^( *const \w+ = (?:\w+(?:<.*?>)?\()?' *)[-^(|#!\w].*$/gm)];
    return new Set(diagrams.map(([, before = '']) => before.length)).size > 1;
  };
  const runs = marbles.flatMap((test) => test.split(/^(?=.*\brun\w*\()/m));
  expect(runs.filter(isCrooked), 'pad the diagrams inside their quotes, so that all begin in one column').toEqual([]);
});
