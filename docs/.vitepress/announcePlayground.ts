import { readFileSync, writeFileSync } from 'node:fs';
import { headHtml, pageHead } from './pageHead.js';

/** Where the picture of the playground is, in the built site. */
export const playgroundPicture = 'social/playground.jpg';

/** Writes the head that each page has into the playground, which is built apart. Returns what the picture says. */
export function announcePlayground(outDir: string, address: string) {
  const file = `${outDir}/playground/index.html`;
  const html = readFileSync(file, 'utf8');
  const description = /<meta name="description" content="([^"&]+)">/.exec(html)?.[1];
  if (description === undefined) throw new Error(`${file} has no description`);
  const page = { title: 'Playground', description, isReference: false };
  const url = `${address}playground/index.html`;
  const head = headHtml(pageHead({ ...page, url, picture: `${address}${playgroundPicture}` }));
  writeFileSync(
    file,
    html.replace('<title>', () => `${head}<title>`),
  );
  return { ...page, section: '' };
}
