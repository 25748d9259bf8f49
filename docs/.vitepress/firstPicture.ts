import { readdirSync, readFileSync } from 'node:fs';
import { criticalCss } from './criticalCss.js';

/**
 * Rewrites the head of built pages, so that nothing is loaded before a page shows its text: the rules that it needs are in the page, the
 * style sheet of the site follows without being waited for, and scripts come last.
 */
export function firstPicture(outDir: string): (html: string) => string {
  let pick: ((html: string) => string) | undefined;
  return (html) => {
    pick ??= criticalCss(readFileSync(`${outDir}/assets/${sheetIn(`${outDir}/assets`)}`, 'utf8'));
    const css = pick(html);
    const scripts: string[] = [];
    return html
      .replaceAll(/^ *<(?:script type="module" src|link rel="modulepreload").*\n/gm, (line) => {
        scripts.push(line);
        return '';
      })
      .replace(/ *<link rel="preload stylesheet" href="[^"]*vp-icons\.css"[^>]*>\n/, '')
      .replace(/<link rel="preload stylesheet" href="([^"]*)" as="style">/, (_, href) => styles(css, href))
      .replace('</body>', () => `${scripts.join('')}  </body>`);
  };
}

/** A sheet for another medium does not block; once it is there, it is for all. */
const styles = (css: string, href: string) =>
  `<style>${css}</style>
    <link rel="stylesheet" href="${href}" media="print" onload="this.media='all'">
    <noscript><link rel="stylesheet" href="${href}"></noscript>`;

function sheetIn(folder: string): string {
  const sheets = readdirSync(folder).filter((file) => /^style\..*\.css$/.test(file));
  const [sheet, another] = sheets;
  if (sheet === undefined || another !== undefined)
    throw new Error(`${folder} should hold one style sheet, and has ${sheets.length}`);
  return sheet;
}
