import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../support/operators.js';

const directory = join(root, 'docs/design');
const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
const notes = readdirSync(directory).filter((name) => name !== 'README.md');
const header = /^# .+\n\nStatus: (?:proposed|accepted|superseded by \d{4})\. Date: \d{4}-\d\d-\d\d\.\n\n/;

describe('design notes', () => {
  it('have a number, a title, a status and a date', () => {
    expect(notes.length).toBeGreaterThan(10);
    expect(notes.filter((name) => !/^\d{4}-[a-z0-9-]+\.md$/.test(name) || !header.test(read(name)))).toEqual([]);
  });

  it('have each number once, and a missing one is explained', () => {
    const numbers = notes.map((name) => Number(name.slice(0, 4))).sort((a, b) => a - b);
    const missing = Array.from({ length: numbers.at(-1) ?? 0 }, (_, i) => i + 1).filter((n) => !numbers.includes(n));
    const [, explained = ''] = read('README.md').split('## Numbers that are missing');
    expect(numbers).toEqual([...new Set(numbers)]);
    expect(missing.filter((n) => !explained.includes(String(n).padStart(4, '0')))).toEqual([]);
  });
});
