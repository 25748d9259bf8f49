import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { pictures } from '../../bench/backpressure/plot.js';

const folder = new URL('../../docs/pictures/backpressure/', import.meta.url);
const page = readFileSync(new URL('../../docs/backpressure.md', import.meta.url), 'utf8');

it('the pictures of the page on backpressure are what the simulator says now (npm run bench -- backpressurePlots)', () => {
  const made = pictures();
  expect(readdirSync(folder).sort()).toEqual([...made.keys()].sort());
  for (const [name, picture] of made) {
    expect(readFileSync(new URL(name, folder), 'utf8'), name).toBe(picture);
    expect(page).toContain(`(./pictures/backpressure/${name})`);
  }
});
