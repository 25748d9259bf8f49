// What runs the examples of the site in a worker: docs/.vitepress/run/sandbox.ts with the library and RxJS, bundled into one script.
import { join } from 'node:path';
import { root } from './install.mjs';

/** Builds the script. Returns the file it is in. */
export async function buildSandbox(file = join(root, '.cache/docs/sandbox.js')) {
  // Installed only after this module is loaded, on a fresh clone.
  const { build } = await import('esbuild');
  await build({
    entryPoints: [join(root, 'docs/.vitepress/run/sandbox.ts')],
    outfile: file,
    bundle: true,
    minify: true,
    // Stacks and errors show the names of classes.
    keepNames: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    tsconfig: join(root, 'tsconfig.json'),
    legalComments: 'none',
    logLevel: 'warning',
  });
  return file;
}
