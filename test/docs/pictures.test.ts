import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { pictures as backpressure } from '../../bench/backpressure/plot.js';
import { pictures as eventTime } from '../../bench/eventTime/plot.js';

it.each([
  ['backpressure', backpressure],
  ['event-time', eventTime],
])(
  'the pictures of the page %s are what a run says now (npm run bench -- backpressurePlots, eventTimePlots)',
  (name, pictures) => {
    const folder = new URL(`../../docs/pictures/${name}/`, import.meta.url);
    const page = readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');
    const made = pictures();
    expect(readdirSync(folder).sort()).toEqual([...made.keys()].sort());
    for (const [file, picture] of made) {
      expect(readFileSync(new URL(file, folder), 'utf8'), file).toBe(picture);
      expect(page).toContain(`(./pictures/${name}/${file})`);
    }
  },
);
