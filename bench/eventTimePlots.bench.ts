// What do watermarks, late records and corrections look like? The pictures of docs/event-time.md, from runs in virtual time.
//
//   npm run bench -- eventTimePlots
import { mkdirSync, writeFileSync } from 'node:fs';
import { pictures } from './eventTime/plot.js';

const folder = new URL('../docs/pictures/event-time/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const [name, picture] of pictures()) {
  writeFileSync(new URL(name, folder), picture);
  console.log(`docs/pictures/event-time/${name}`);
}
