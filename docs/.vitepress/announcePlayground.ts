import { readFileSync, writeFileSync } from 'node:fs';

/** Where the picture of the playground is, in the built site. */
export const playgroundPicture = 'social/playground.jpg';

/** Writes the address and the picture that each page has into the playground, which is built apart. Returns what the picture says. */
export function announcePlayground(outDir: string, address: string) {
  const file = `${outDir}/playground/index.html`;
  const html = readFileSync(file, 'utf8');
  const description = /<meta name="description" content="([^"]+)">/.exec(html)?.[1];
  if (description === undefined) throw new Error(`${file} has no description`);
  const meta = (property: string, content: string) => `<meta property="${property}" content="${content}">`;
  const head = [
    `<link rel="canonical" href="${address}playground/index.html">`,
    meta('og:title', 'Playground'),
    meta('og:description', description),
    meta('og:url', `${address}playground/index.html`),
    meta('og:image', `${address}${playgroundPicture}`),
    '<meta name="twitter:card" content="summary_large_image">',
  ];
  writeFileSync(
    file,
    html.replace('<title>', () => `${head.join('')}<title>`),
  );
  return { title: 'Playground', description, section: '', isReference: false };
}
