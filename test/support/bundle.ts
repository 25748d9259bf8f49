import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const entries = ['aggregators', 'kafka', 'node', 'opentelemetry', 'prometheus', 'testing', 'workers'];
const source = (file: string) => fileURLToPath(new URL(`../../src/${file}.ts`, import.meta.url));

const settings = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  alias: {
    dstream: source('index'),
    ...Object.fromEntries(entries.map((name) => [`dstream/${name}`, source(name)])),
  },
} as const;

/** Bundles a program as an application would be: what compiles TypeScript has no part in its time and memory. */
export function bundle(entry: URL, outfile: string): void {
  buildSync({ ...settings, entryPoints: [fileURLToPath(entry)], outfile });
}

/** The same for modules that are loaded by themselves, such as by worker threads: `NAME.mjs` of each in `outdir`. */
export function bundleAll(modules: readonly URL[], outdir: string): void {
  buildSync({
    ...settings,
    ...{ entryPoints: modules.map((url) => fileURLToPath(url)), outdir, entryNames: '[name]', splitting: true },
    outExtension: { '.js': '.mjs' },
  });
}
