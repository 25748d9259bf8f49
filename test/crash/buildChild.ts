import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const source = (file: string) => fileURLToPath(new URL(`../../src/${file}`, import.meta.url));

let built = 0;

type Format = 'esm' | 'cjs';

const banners: Readonly<Record<Format, string>> = {
  esm: "import { createRequire as from } from 'node:module'; globalThis.require = from(import.meta.url);",
  cjs: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;",
};

/** One file of plain JavaScript, so that a life begins quickly. Native clients stay outside. Returns its path. */
export async function buildChild(
  entry: URL = new URL('child.ts', import.meta.url),
  format: Format = 'esm',
): Promise<string> {
  const name = `${basename(entry.pathname, '.ts')}-${process.pid}-${built++}`;
  const extension = format === 'esm' ? 'mjs' : 'cjs';
  const outfile = fileURLToPath(new URL(`../../.cache/crash/${name}.${extension}`, import.meta.url));
  await build({
    entryPoints: [fileURLToPath(entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format,
    target: 'node20',
    external: ['lmdb', 'pg', 'kafkajs'],
    // Modules that are imported later are loaded later: that is what a life saves which does not need them.
    ...(format === 'cjs' && { define: { 'import.meta.url': 'importMetaUrl' }, supported: { 'dynamic-import': false } }),
    alias: {
      dstream: source('index.ts'),
      'dstream/aggregators': source('aggregators.ts'),
      'dstream/kafka': source('kafka.ts'),
      'dstream/node': source('node.ts'),
    },
    banner: { js: banners[format] },
    logLevel: 'error',
  });
  return outfile;
}
