// The playground of the site: one HTML, one script and one style sheet, bundled from docs/playground into docs/public/playground.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundlePage } from './bundle-page.mjs';
import { ensureInstalled, root } from './install.mjs';

const source = join(root, 'docs/playground');

/** Builds the playground. Returns the folder it is in. */
export function buildPlayground(folder = join(root, 'docs/public/playground')) {
  return bundlePage(source, folder, { alias: { dstream: join(root, 'src/index.ts') } });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  ensureInstalled();
  await buildPlayground();
}
