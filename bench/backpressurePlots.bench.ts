// What do the controllers do, batch by batch? The pictures of docs/backpressure.md, from the simulator's own output.
//
//   npm run bench -- backpressurePlots
import { mkdirSync, writeFileSync } from 'node:fs';
import { pictures } from './backpressure/plot.js';

const folder = new URL('../docs/pictures/backpressure/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const [name, picture] of pictures()) {
  writeFileSync(new URL(name, folder), picture);
  console.log(`docs/pictures/backpressure/${name}`);
}
