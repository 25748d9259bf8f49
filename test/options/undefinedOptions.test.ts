import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../support/operators.js';

const entries = ['index', 'aggregators', 'kafka', 'node', 'opentelemetry', 'testing', 'workers'];

it('are all in the list that the compiler checks', () => {
  const listed = readFileSync(join(root, 'test/options/undefinedOptions.ts'), 'utf8');
  const names = entries.flatMap((entry) => {
    const text = readFileSync(join(root, `src/${entry}.ts`), 'utf8');
    return [...text.matchAll(/\b[A-Z]\w*Options\b/g)].map(([name]) => name);
  });
  expect(names.length).toBeGreaterThan(90);
  expect(names.filter((name) => !new RegExp(`\\.${name}\\b`).test(listed))).toEqual([]);
});
