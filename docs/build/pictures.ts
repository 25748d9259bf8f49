// node --import tsx docs/build/pictures.ts: runs the picture of every page and draws what it gave, into .cache/docs/diagrams.json. Fails
// where a page says something else than the run.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { drawPage } from './drawPage.js';

const docs = new URL('..', import.meta.url);
const diagrams: Record<string, readonly string[]> = {};
for (const file of readdirSync(new URL('operators', docs))) {
  const page = `operators/${file}`;
  diagrams[page] = drawPage(page, readFileSync(new URL(page, docs), 'utf8'));
}
const folder = new URL('../.cache/docs/', docs);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL('diagrams.json', folder), JSON.stringify(diagrams));
console.log(`dstream: ${Object.values(diagrams).flat().length} pictures run and drawn`);
