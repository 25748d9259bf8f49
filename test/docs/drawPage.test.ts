import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { drawPage } from '../../docs/build/drawPage.js';

const folder = new URL('../../docs/operators/', import.meta.url);
const pages = readdirSync(folder).map((file) => ({
  path: `operators/${file}`,
  text: readFileSync(new URL(file, folder), 'utf8'),
}));

/** The page with another number in one place of what a picture says comes out, for each such place. */
function mutationsOf(text: string): readonly string[] {
  return [...text.matchAll(/^ {4}(?:out|complete) .*$/gm)].flatMap((row) =>
    [...row[0].matchAll(/\d+/g)].map((number) => {
      const at = row.index + number.index;
      // As long as before, so that the columns stay where they are.
      const other = number[0].replace(/\d$/, (digit) => String((Number(digit) + 1) % 10));
      return `${text.slice(0, at)}${other}${text.slice(at + number[0].length)}`;
    }),
  );
}

const mutated = pages.flatMap(({ path, text }) => mutationsOf(text).map((mutation) => ({ path, text: mutation })));

describe('the pictures of the site', () => {
  it('are drawn where page and run agree', () => {
    for (const { path, text } of pages) expect(() => drawPage(path, text)).not.toThrow();
  });

  it(`fail the build where one number of a page is another: ${mutated.length} numbers`, () => {
    expect(mutated.length).toBeGreaterThan(150);
    for (const { path, text } of mutated)
      expect(() => drawPage(path, text), path).toThrow(`docs/${path}: the picture says`);
  });
});
