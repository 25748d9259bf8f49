// A page of its own: one HTML, one script and one style sheet, bundled from a folder with index.html, page.ts and page.css.
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** Bundles the page of a folder into another, with further options of esbuild. Returns the folder it is in. */
export async function bundlePage(source, folder, options = {}) {
  // Installed only after this module is loaded, on a fresh clone.
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
    logLevel: 'warning',
    ...options,
  });
  copyFileSync(join(source, 'index.html'), join(folder, 'index.html'));
  return folder;
}
