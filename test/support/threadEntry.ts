import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { root } from './operators.js';

/** What runs in a thread, as JavaScript: to load a compiler in each thread takes longer than the test. */
export function threadEntry(name: 'partitionWorker' | 'jobWorker'): URL {
  const folder = join(root, '.cache/threads');
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `${name}-${process.pid}.mjs`);
  buildSync({
    entryPoints: [join(root, `src/workers/${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
  });
  return pathToFileURL(outfile);
}
