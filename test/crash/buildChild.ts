import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const source = (file: string) => fileURLToPath(new URL(`../../src/${file}`, import.meta.url));

let built = 0;

/** One file of plain JavaScript, so that a life begins quickly. Native clients stay outside. Gives its path. */
export async function buildChild(entry: URL = new URL('child.ts', import.meta.url)): Promise<string> {
  const name = basename(entry.pathname, '.ts');
  const outfile = fileURLToPath(new URL(`../../.cache/crash/${name}-${process.pid}-${built++}.mjs`, import.meta.url));
  await build({
    entryPoints: [fileURLToPath(entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['lmdb', 'pg', 'kafkajs'],
    alias: {
      dstream: source('index.ts'),
      'dstream/aggregators': source('aggregators.ts'),
      'dstream/kafka': source('kafka.ts'),
      'dstream/node': source('node.ts'),
    },
    banner: { js: "import { createRequire as from } from 'node:module'; globalThis.require = from(import.meta.url);" },
    logLevel: 'error',
  });
  return outfile;
}
