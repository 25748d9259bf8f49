import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expect, it } from 'vitest';
import { publicPaths } from '../docs/publicModel.js';
import { dist, readPage, sitePages } from './builtSite.js';

const pages = sitePages();

/** The hosts that a page may link to. Nothing is loaded from them. */
const hosts = new Set([
  'dstream-js.github.io',
  'github.com',
  'keda.sh',
  'node-postgres.com',
  'nodejs.org',
  'www.npmjs.com',
]);

it('every public name has a page in the reference, and the list of the reference links to it', () => {
  const names: readonly { readonly module: string; readonly name: string; readonly link: string }[] = JSON.parse(
    readFileSync(join(dist, '../../api/names.json'), 'utf8'),
  );
  const listed = readPage('api/index.html');
  const linkOf = new Map(names.map(({ module, name, link }) => [`${module}: ${name}`, link]));
  const missing = publicPaths().filter((path) => {
    const link = linkOf.get(path);
    return link === undefined || !pages.includes(`${link.slice(1)}.html`) || !listed.includes(`href="${link}.html"`);
  });
  expect(names.length).toBeGreaterThan(300);
  expect(missing).toEqual([]);
});

it('every link of the site leads somewhere, and to no host that is not on the list', () => {
  const ids = new Map(
    pages.map((page) => [page, new Set([...readPage(page).matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id))]),
  );
  const broken: string[] = [];
  let count = 0;
  for (const page of [...pages.filter((path) => path !== '404.html'), 'playground/index.html']) {
    for (const [, href = ''] of readPage(page).matchAll(/<a [^>]*?href="([^"]*)"/g)) {
      count++;
      const url = href.replaceAll('&amp;', '&');
      if (/^https?:/.test(url)) {
        if (!hosts.has(new URL(url).host)) broken.push(`${page}: ${url}`);
        continue;
      }
      const [path = '', anchor = ''] = url.split('#');
      const plain = decodeURIComponent(path.replace(/\?.*$/, ''));
      const target =
        plain === '' ? page : posix.join(plain.startsWith('/') ? '' : posix.dirname(page), plain.replace(/^\//, ''));
      const file = target === '' || target.endsWith('/') || target === '.' ? posix.join(target, 'index.html') : target;
      if (!existsSync(join(dist, file))) broken.push(`${page}: ${url}`);
      else if (
        anchor !== '' &&
        file.endsWith('.html') &&
        ids.has(file) &&
        !ids.get(file)?.has(decodeURIComponent(anchor))
      )
        broken.push(`${page}: ${url}`);
    }
  }
  expect(count).toBeGreaterThan(6_000);
  expect([...new Set(broken)]).toEqual([]);
});

it('an operator and its page in the reference link to each other', () => {
  const operators = pages.filter((page) => page.startsWith('operators/'));
  expect(operators.length).toBeGreaterThan(40);
  for (const page of operators) {
    const api = /<p class="reference"><a href="\/(api\/[^"]+)"/.exec(readPage(page))?.[1] ?? '';
    expect([page, existsSync(join(dist, api))]).toEqual([page, true]);
    expect([page, readPage(api).includes(`href="/${page}"`)]).toEqual([page, true]);
  }
});

it('each page has its address, its description and its Markdown, and llms.txt lists it', () => {
  const list = readFileSync(join(dist, 'llms.txt'), 'utf8');
  for (const page of pages.filter((path) => !/^(404|index)\.html$/.test(path))) {
    const html = readPage(page);
    expect([page, /<link rel="canonical" href="https:[^"]+"/.test(html)]).toEqual([page, true]);
    expect([page, /<meta name="description" content="[^"]{10}/.test(html)]).toEqual([page, true]);
    const markdown = page.replace(/\.html$/, '.md');
    expect([page, existsSync(join(dist, markdown))]).toEqual([page, true]);
    if (!page.startsWith('design/')) expect([page, list.includes(`/${markdown})`)]).toEqual([page, true]);
  }
  const sitemap = readFileSync(join(dist, 'sitemap.xml'), 'utf8');
  for (const page of pages.filter((path) => path !== '404.html')) {
    const [, address = ''] = /<link rel="canonical" href="(https:[^"]+)"/.exec(readPage(page)) ?? [];
    expect([page, sitemap.includes(`<loc>${address}</loc>`)]).toEqual([page, true]);
  }
});

it('each page of the repository can be edited, and the link leads to its file', () => {
  const made = /^(?:404\.html$|index\.html$|api\/|examples\/)/;
  for (const page of pages.filter((path) => !made.test(path))) {
    const [, file = ''] =
      /href="https:\/\/github\.com\/[^/]+\/[^/]+\/edit\/main\/docs\/([^"]+)"/.exec(readPage(page)) ?? [];
    expect([page, file !== '' && existsSync(join(dist, '../../', file))]).toEqual([page, true]);
  }
});

it('all operators are in pictures on one page, and each leads to its own', () => {
  const page = readPage('operators-in-pictures.html');
  const cards = [...page.matchAll(/<a class="card[^"]*" href="\/(operators\/\w+\.html)"/g)].map(([, path]) => path);
  const drawn = pages.filter(
    (path) => path.startsWith('operators/') && readPage(path).includes('<svg class="batches"'),
  );
  expect([...cards].sort()).toEqual(drawn);
  expect(page.split('<svg class="batches"').length - 1).toBe(drawn.length);
});

it('the playground, which is built apart, can be found as a page can', () => {
  const html = readPage('playground/index.html');
  const [, address = ''] = /<link rel="canonical" href="(https:[^"]+)"/.exec(html) ?? [];
  const [, picture = ''] = /<meta property="og:image" content="https:\/\/[^/]+\/[^/]+\/([^"]+)">/.exec(html) ?? [];
  expect(/<meta name="description" content="[^"]{10}/.test(html)).toBe(true);
  expect([picture, picture !== '' && existsSync(join(dist, picture))]).toEqual([picture, true]);
  for (const list of ['sitemap.xml', 'llms.txt']) {
    expect([list, readFileSync(join(dist, list), 'utf8').includes(address)]).toEqual([list, true]);
  }
});

it('each page has a picture for those who link to it', () => {
  const files = new Set<string>();
  for (const page of pages.filter((path) => path !== '404.html')) {
    const [, file = ''] =
      /<meta property="og:image" content="https:\/\/[^/]+\/[^/]+\/([^"]+)">/.exec(readPage(page)) ?? [];
    expect([page, file !== '' && existsSync(join(dist, file))]).toEqual([page, true]);
    files.add(file);
  }
  expect(files.size).toBe(pages.length - 1);
  const jpeg = readFileSync(join(dist, 'social/index.jpg'));
  const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
  expect([jpeg.readUInt16BE(frame + 7), jpeg.readUInt16BE(frame + 5)]).toEqual([1_200, 630]);
});
