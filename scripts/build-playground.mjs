// The playground of the site: one HTML with its styles and one script, bundled from docs/playground into docs/public/playground.
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundlePage } from './bundle-page.mjs';
import { ensureInstalled, root } from './install.mjs';

const source = join(root, 'docs/playground');
/** Of the site's own tools, which tests of the playground do without. */
const fonts = join(root, 'docs/node_modules/@fontsource/ibm-plex-sans/files');
const weights = [400, 600];

/** Builds the playground. Returns the folder it is in. */
export async function buildPlayground(folder = join(root, 'docs/public/playground')) {
  await bundlePage(source, folder, { alias: { dstream: join(root, 'src/index.ts') } });
  // A sheet in a file of its own would be waited for before anything is shown.
  const css = join(folder, 'page.css');
  const html = join(folder, 'index.html');
  const link = '<link rel="stylesheet" href="page.css">';
  const text = readFileSync(html, 'utf8');
  if (!text.includes(link)) throw new Error(`${html} does not link to its style sheet`);
  writeFileSync(
    html,
    text.replace(link, () => `<style>${copyFonts(folder)}${readFileSync(css, 'utf8').trim()}</style>`),
  );
  rmSync(css);
  return folder;
}

/** Returns the rules that load them. */
function copyFonts(folder) {
  if (!existsSync(fonts)) return '';
  return weights
    .map((weight) => {
      const file = `ibm-plex-sans-latin-${weight}-normal.woff2`;
      copyFileSync(join(fonts, file), join(folder, file));
      return `@font-face{font-family:"IBM Plex Sans";font-weight:${weight};font-display:swap;src:url(${file}) format("woff2")}`;
    })
    .join('');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  ensureInstalled();
  await buildPlayground();
}
