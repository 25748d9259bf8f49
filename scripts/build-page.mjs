// The page of the dashboard: one HTML, one script and one style sheet, bundled from src/dashboard/page into dist/dashboard-page.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundlePage } from './bundle-page.mjs';
import { ensureInstalled, root } from './install.mjs';

const source = join(root, 'src/dashboard/page');

/** Builds the page. Returns the folder it is in. */
export async function buildPage(folder = join(root, 'dist/dashboard-page')) {
  // The charts are uPlot's: its licence asks that its notice goes with every copy.
  const licence = readFileSync(join(root, 'node_modules/uplot/LICENSE'), 'utf8').trim();
  const notice = `/*! Contains uPlot, https://github.com/leeoniya/uPlot\n\n${licence}\n*/`;
  return bundlePage(source, folder, { legalComments: 'none', banner: { js: notice } });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  ensureInstalled();
  await buildPage();
}
