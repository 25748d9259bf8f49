// The playground of the site: one HTML, one script and one style sheet, bundled from docs/playground into docs/public/playground.
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureInstalled, root } from './install.mjs';

const source = join(root, 'docs/playground');

/** Builds the playground. Returns the folder it is in. */
export async function buildPlayground(folder = join(root, 'docs/public/playground')) {
  // Installed only after this module is loaded, where a fresh clone builds the docs.
  const { build } = await import('esbuild');
  mkdirSync(folder, { recursive: true });
  await build({
    entryPoints: [join(source, 'page.ts'), join(source, 'page.css')],
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    alias: { dstream: join(root, 'src/index.ts') },
    logLevel: 'warning',
  });
  copyFileSync(join(source, 'index.html'), join(folder, 'index.html'));
  return folder;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  ensureInstalled();
  await buildPlayground();
}
