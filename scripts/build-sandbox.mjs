// Scripts that the site loads when they are needed: what runs examples in a worker, their editor and compiler, and the runs of two pages. Built
// apart from the site, by a bundler that is faster, and taken by it as files.
import { join } from 'node:path';
import { root } from './install.mjs';

const site = join(root, 'docs/.vitepress');
const usual = { bundle: true, minify: true, platform: 'browser', target: 'es2022', legalComments: 'none' };

/** Builds them. Returns the file of the sandbox. */
export async function buildSandbox(folder = join(root, '.cache/docs')) {
  // Installed only after this module is loaded, on a fresh clone.
  const { build } = await import('esbuild');
  const file = join(folder, 'sandbox.js');
  const tsconfig = join(root, 'tsconfig.json');
  await build({
    ...usual,
    entryPoints: [join(site, 'run/sandbox.ts')],
    outfile: file,
    // Stacks and errors show the names of classes.
    keepNames: true,
    format: 'iife',
    tsconfig,
    logLevel: 'warning',
  });
  await build({
    ...usual,
    entryPoints: [
      join(site, 'run/editor.ts'),
      join(site, 'run/transform.ts'),
      join(site, 'theme/runLoop.ts'),
      join(site, 'theme/runEventTime.ts'),
    ],
    outdir: folder,
    entryNames: '[name]',
    format: 'esm',
    tsconfig,
    logLevel: 'warning',
  });
  return file;
}
