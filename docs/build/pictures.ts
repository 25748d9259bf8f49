// node --import tsx docs/build/pictures.ts: runs the picture of every page and draws what it gave, into .cache/docs/diagrams.json. Fails
// where a page says something else than the run.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { picturesOf, runPicture } from '../../test/docs/picture.js';
import { drawingOf } from '../.vitepress/diagram.js';

const docs = new URL('..', import.meta.url);
const diagrams: Record<string, string[]> = {};
for (const file of readdirSync(new URL('operators', docs))) {
  const page = `operators/${file}`;
  diagrams[page] = picturesOf(readFileSync(new URL(page, docs), 'utf8')).map((picture) => {
    const { actual, expected, drawing } = runPicture(picture);
    if (!isDeepStrictEqual(actual, expected)) {
      const json = (value: unknown) => JSON.stringify(value);
      throw new Error(`docs/${page}: the picture says ${json(expected)}, the run ${json(actual)}`);
    }
    return drawingOf(drawing);
  });
}
const folder = new URL('../.cache/docs/', docs);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL('diagrams.json', folder), JSON.stringify(diagrams));
console.log(`dstream: ${Object.values(diagrams).flat().length} pictures run and drawn`);
