import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const entries = ['aggregators', 'kafka', 'opentelemetry', 'prometheus', 'testing'];
const source = (file: string) => fileURLToPath(new URL(`../src/${file}.ts`, import.meta.url));

/** Bundles a contender as an application would be: what compiles TypeScript has no part in its time and memory. */
export function bundle(entry: URL, outfile: string): void {
  buildSync({
    entryPoints: [fileURLToPath(entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    alias: {
      dstream: source('index'),
      ...Object.fromEntries(entries.map((name) => [`dstream/${name}`, source(name)])),
    },
  });
}
