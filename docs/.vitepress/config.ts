import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { defineConfig, type MarkdownEnv } from 'vitepress';
import { writeSocialPicture } from '../build/social.mjs';
import { announcePlayground, playgroundPicture } from './announcePlayground.js';
import { breakNames } from './breakNames.js';
import { firstPicture } from './firstPicture.js';
import { gallery } from './gallery.js';
import { highlighter } from './highlight.js';
import { linkApi, publicNames } from './linkApi.js';
import { linkOperators } from './linkOperators.js';
import { linkSite } from './linkSite.js';
import { writeForMachines } from './machines.js';
import { mendTheme } from './mendTheme.js';
import { pageHead } from './pageHead.js';
import { plainPages } from './plainPages.js';
import { runBlocks } from './runBlocks.js';
import { scrollingPictures } from './scrollingPictures.js';
import { showDiagrams } from './showDiagrams.js';
import { tables } from './tables.js';

const docs = fileURLToPath(new URL('..', import.meta.url));

/** Pages of a folder appear by themselves, under their own titles. */
function pages(folder: string) {
  if (!existsSync(`${docs}${folder}`)) return [];
  const files = readdirSync(`${docs}${folder}`).filter((file) => file.endsWith('.md') && file !== 'index.md');
  files.sort((a, b) => a.localeCompare(b));
  return files.map((file) => {
    const title = /^# (.*)$/m.exec(readFileSync(`${docs}${folder}/${file}`, 'utf8'))?.[1] ?? file;
    return { text: title, link: `${folder}/${file.replace(/\.md$/, '')}` };
  });
}

/** What search needs of a renderer: VitePress has two versions of its types. */
interface WordRenderer {
  render(text: string, env: MarkdownEnv & { readonly wordsOnly?: boolean }): string;
}

/** What the picture of a page says. */
interface SocialPicture {
  readonly title: string;
  readonly description: string;
  readonly section: string;
  readonly isReference: boolean;
}

/** A folder without pages has no heading either. */
function section(text: string, folder: string) {
  const items = pages(folder);
  return items.length === 0 ? [] : [{ text, items }];
}

/** Pages of examples: apps and integrations are folders of the repository, recipes files. */
function examples() {
  const all = pages('/examples');
  const titleOf = ({ link }: { link: string }) => {
    const [name = ''] = link.split('/').slice(-1);
    const isFolder = (under: string) => existsSync(`${docs}../examples/${under}${name}/package.json`);
    return isFolder('') ? 'Apps' : isFolder('integrations/') ? 'Integrations' : 'Recipes';
  };
  return ['Apps', 'Integrations', 'Recipes'].map((text) => ({
    text,
    items: all.filter((page) => titleOf(page) === text),
  }));
}

/** The other sections, below the pages of this one. */
const others = [
  {
    text: 'More',
    items: [
      { text: 'Guide', link: '/getting-started' },
      { text: 'Operators', link: '/operators' },
      { text: 'Ready receivers', link: '/receivers' },
      { text: 'Examples', link: '/examples/' },
      { text: 'API reference', link: '/api/' },
      { text: 'Decisions', link: '/design/README' },
    ],
  },
];

/** In the order of reading. Pages in no group follow, by name. */
const guideGroups: Readonly<Record<string, readonly string[]>> = {
  'First steps': ['getting-started', 'tutorial', 'concepts', 'glossary'],
  'From records to results': [
    'which-operator',
    'operators',
    'operators-in-pictures',
    'aggregators',
    'event-time',
    'shapes',
    'recipes',
  ],
  Input: ['kafka', 'receivers', 'tables'],
  'Rate and recovery': ['backpressure', 'tuning', 'checkpoints', 'checkpoint-tool', 'guarantees'],
  'More than one process': ['scale-out', 'partitions', 'threads', 'kubernetes', 'rolling-upgrades'],
  'In a service': ['testing', 'observability', 'monitoring', 'dashboard', 'errors', 'bundles', 'limits', 'benchmarks'],
  'Coming from': [
    'coming-from-kafkajs',
    'coming-from-buffer-time',
    'coming-from-kafka-streams',
    'coming-from-quix',
    'coming-from-spark',
  ],
};

function guide() {
  const all = pages('');
  const nameOf = ({ link }: { link: string }) => link.slice(1);
  const listed = new Set(Object.values(guideGroups).flat());
  const rest = all.map(nameOf).filter((name) => !listed.has(name));
  const groups = Object.entries({ ...guideGroups, ...(rest.length > 0 && { Others: rest }) });
  return groups.map(([text, names]) => ({
    text,
    items: names.flatMap((name) => all.filter((page) => nameOf(page) === name)),
  }));
}

const groups = [
  'Records',
  'Pairs',
  'One result per batch',
  'Several streams',
  'Windows',
  'Event time',
  'State',
  'Flow',
  'Outputs',
];

/** The pages of the operators, by the group that each page names in its front matter. */
function operators() {
  const groupOf = ({ link }: { link: string }) =>
    /^group: (.*)$/m.exec(readFileSync(`${docs}${link}.md`, 'utf8'))?.[1] ?? 'Others';
  const all = pages('/operators');
  const names = [...new Set([...groups, ...all.map(groupOf)])];
  const items = names.map((name) => ({
    text: name,
    items: all.filter((page) => groupOf(page) === name),
    collapsed: false,
  }));
  return items.filter((group) => group.items.length > 0);
}

/**
 * The entries, with what the list of the reference has of each. Not every name: four hundred links on each of four hundred pages would be
 * most of the site.
 */
function reference() {
  const list = readFileSync(`${docs}api/index.md`, 'utf8');
  const entries = [...list.matchAll(/^## (\S+)$([\s\S]*?)(?=^## |(?![\s\S]))/gm)];
  const anchorOf = (heading: string) => heading.toLowerCase().replaceAll(/[^\w]+/g, '-');
  const items = entries.map(([, entry = '', body = '']) => ({
    text: entry,
    link: `/api/#${anchorOf(entry)}`,
    items: [...body.matchAll(/^### ((\w+) of .*)$/gm)].map(([, heading = '', kind = '']) => ({
      text: kind,
      link: `/api/#${anchorOf(heading)}`,
    })),
  }));
  return [{ text: 'API reference', link: '/api/', items }];
}

/** The first sentence of a page. */
function descriptionOf(path: string): string {
  const text = existsSync(`${docs}${path}`) ? readFileSync(`${docs}${path}`, 'utf8') : '';
  const body = text.replace(/^---\n[\s\S]*?\n---\n/, '').replaceAll(/^(?:# .*|Status: .*|Question: )/gm, '');
  const [first = ''] = body.split(/\n\s*\n/).filter((part) => /^\s*[A-Za-z`]/.test(part));
  const [sentence = ''] = first
    .trim()
    .replaceAll(/\s+/g, ' ')
    .split(/(?<=[.:])\s/);
  return sentence
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll('`', '')
    .replace(/:$/, '.');
}

/**
 * What search finds of a page. Of the reference, names and first sentences: the examples and types of four hundred pages would make the
 * index twice as large, and the build much longer.
 */
function searchText(text: string, env: MarkdownEnv, md: WordRenderer): string {
  if (!env.relativePath.startsWith('api/'))
    return md.render(text, { ...env, wordsOnly: true }).replaceAll(/<svg[\s\S]*?<\/svg>/g, '');
  const title = /^# (.*)$/m.exec(text)?.[1] ?? '';
  const description: string = JSON.parse(/^description: (.*)$/m.exec(text)?.[1] ?? '""');
  // The page of an operator has the same title; the id is that of the page.
  const id = /<h1 id="([^"]*)"/.exec(md.render(`# ${title}`, env))?.[1] ?? '';
  const [, module = ''] = env.relativePath.split('/');
  return md.render(`# ${title} (reference of ${moduleName(module)}) {#${id}}\n\n${description}`, env);
}

/** By the folder of its reference. */
const moduleName = (folder: string): string => (folder === 'core' ? 'dstream' : `dstream/${folder}`);

/** The repository, as package.json names it, and the pages that GitHub serves for it. */
const { homepage } = JSON.parse(readFileSync(`${docs}../package.json`, 'utf8')) as { readonly homepage: string };
const repository = homepage.replace(/#.*$/, '');
const address = repository.replace(/^https:\/\/github\.com\/([^/]+)\/(.*)$/, 'https://$1.github.io/$2/');

function githubMark(): string {
  const file = createRequire(import.meta.url).resolve('@iconify-json/simple-icons/icons.json');
  const { icons } = JSON.parse(readFileSync(file, 'utf8')) as { icons: Record<string, { readonly body: string }> };
  return `<svg viewBox="0 0 24 24" aria-hidden="true">${icons.github?.body}</svg>`;
}

/** What is to be drawn for each page, by the path of its picture. */
const socialPictures = new Map<string, SocialPicture>();

/** Where the site lies on its host: the docs workflow says so. */
const base = process.env.DOCS_BASE ?? '/';

/** What renders the pages runs once, and is not loaded by anybody: to find what it could do without takes longer than to run it. */
const wholeServerBundle = () => ({
  name: 'whole-server-bundle',
  config: ({ build }: { readonly build?: { readonly ssr?: unknown } }) =>
    build?.ssr ? { build: { rollupOptions: { treeshake: false as const } } } : undefined,
});

let finish: ((html: string) => string) | undefined;

export default defineConfig({
  base,
  title: 'dstream',
  description:
    'Kafka topics as Observables of batches, with windows, keyed state, backpressure and exactly-once output',
  head: [['link', { rel: 'icon', href: `${base}favicon.svg`, type: 'image/svg+xml' }]],
  sitemap: { hostname: address, transformItems: (items) => [...items, { url: 'playground/index.html' }] },
  // Pages, sidebars and hashes of chunks are the same for all pages: in a file of their own they are loaded once.
  metaChunk: true,
  markdown: {
    highlight: highlighter(`${docs}../.cache/docs/types.json`),
    config(md) {
      linkOperators(md, new Set(pages('/operators').map(({ text }) => text)));
      linkApi(md, base, publicNames(docs));
      showDiagrams(md, `${docs}../.cache/docs/diagrams.json`);
      gallery(md, docs, `${docs}../.cache/docs/diagrams.json`, operators);
      linkSite(md, base, address);
      runBlocks(md);
      tables(md);
      breakNames(md);
      scrollingPictures(md);
    },
  },
  vite: {
    plugins: [mendTheme(), plainPages(), wholeServerBundle()],
    resolve: { dedupe: ['vue'] },
    server: { fs: { allow: [`${docs}..`] } },
    build: { chunkSizeWarningLimit: 1_500 },
  },
  transformPageData(page) {
    page.description ||= descriptionOf(page.relativePath);
    const path = page.relativePath.replace(/(?:^|(?<=\/))index\.md$/, '').replace(/\.md$/, '.html');
    page.frontmatter.head ??= [];
    if (page.isNotFound) return;
    const title = page.title || 'dstream';
    const picture = `social/${page.relativePath.replace(/\.md$/, '.jpg')}`;
    const [folder = ''] = page.relativePath.split('/', 1);
    const section = { api: 'API reference', design: 'Decisions', examples: 'Examples', operators: 'Operators' }[folder];
    const home = page.relativePath === 'index.md';
    socialPictures.set(picture, {
      title: home ? 'Kafka topics as Observables of batches' : title,
      description: page.description,
      section: section ?? (home ? '' : 'Guide'),
      isReference: folder === 'api',
    });
    const [url, image] = [`${address}${path}`, `${address}${picture}`];
    page.frontmatter.head.push(
      ...pageHead({ title, description: page.description, url, picture: image, isReference: folder === 'api' }),
    );
  },
  transformHtml(html, _, { siteConfig }) {
    finish ??= firstPicture(siteConfig.outDir);
    return finish(html);
  },
  buildEnd: ({ outDir, pages: built }) => {
    writeForMachines({ docs, outDir, pages: built, address });
    socialPictures.set(playgroundPicture, announcePlayground(outDir, address));
    for (const [path, picture] of socialPictures) writeSocialPicture(`${outDir}/${path}`, picture);
  },
  srcExclude: ['node_modules/**'],
  // Links to files of the repository, outside the site.
  ignoreDeadLinks: [/CONTRIBUTING/],
  themeConfig: {
    // Examples, pictures and tables need the width: the outline opens from the bar (outline.css).
    aside: false,
    search: { provider: 'local', options: { _render: searchText } },
    logo: '/favicon.svg',
    nav: [
      { text: 'Guide', link: '/getting-started', activeMatch: '^/(?!api|examples|operators|playground|404|$)' },
      { text: 'Operators', link: '/operators', activeMatch: '^/operators' },
      { text: 'Examples', link: '/examples/', activeMatch: '^/examples' },
      { text: 'API', link: '/api/', activeMatch: '^/api/' },
      ...(existsSync(`${docs}public/playground/index.html`)
        ? [{ text: 'Playground', link: '/playground/index.html', target: '_self', rel: '' }]
        : []),
    ],
    // Drawn here, as a name would need a style sheet of its own.
    socialLinks: [{ icon: { svg: githubMark() }, link: repository, ariaLabel: 'The repository on GitHub' }],
    editLink: { pattern: `${repository}/edit/main/docs/:path`, text: 'Edit this page' },
    outline: [2, 3],
    // Each section has its own: one list of all would be most of a page, and what is beside the page would be far below.
    sidebar: {
      '/api/': reference(),
      '/operators/': [...operators(), ...others],
      '/operators': [...operators(), ...others],
      '/examples/': [...examples(), ...others],
      '/receivers/': [...section('Ready receivers', '/receivers'), ...others],
      '/design/': [...section('Decisions', '/design'), ...others],
      '/': [...guide(), ...others],
    },
  },
});
