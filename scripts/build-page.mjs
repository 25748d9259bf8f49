// The page of the dashboard: one HTML, one script and one style sheet, bundled from src/dashboard/page into dist/dashboard-page.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundlePage } from './bundle-page.mjs';
import { ensureInstalled, root } from './install.mjs';

const source = join(root, 'src/dashboard/page');

/** What uPlot hangs on its function for its users, and the page does not use: bars, steps, curves and joins of tables. */
const unused = /^\s*\(?(?:uPlot\.join|paths\.(?:stepped|bars|spline))\s*= \w+\)?;$/gm;

/** Leaves out `unused`, so that the bundler leaves out the rest of it. */
const withoutUnused = {
  name: 'without-unused',
  setup: (build) => {
    build.onLoad({ filter: /uPlot\.esm\.js$/ }, async ({ path }) => {
      const code = await readFile(path, 'utf8');
      const found = code.match(unused)?.length;
      if (found !== 4)
        throw new Error(`uPlot has ${found} of the 4 assignments that the page does without: see build-page.mjs`);
      return { contents: code.replace(unused, '') };
    });
  },
};

/** Builds the page. Returns the folder it is in. */
export async function buildPage(folder = join(root, 'dist/dashboard-page')) {
  // The charts are uPlot's: its licence asks that its notice goes with every copy.
  const licence = readFileSync(join(root, 'node_modules/uplot/LICENSE'), 'utf8').trim();
  const notice = `/*! Contains uPlot, https://github.com/leeoniya/uPlot\n\n${licence}\n*/`;
  return bundlePage(source, folder, { legalComments: 'none', banner: { js: notice }, plugins: [withoutUnused] });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  ensureInstalled();
  await buildPage();
}
