import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { linkOperators } from './linkOperators.js';

const docs = fileURLToPath(new URL('..', import.meta.url));

/** Pages of a folder appear by themselves, under their own titles. */
function pages(folder: string, first: readonly string[] = []) {
  if (!existsSync(`${docs}${folder}`)) return [];
  const files = readdirSync(`${docs}${folder}`).filter((file) => file.endsWith('.md') && file !== 'index.md');
  const place = (file: string) => (first.includes(file) ? first.indexOf(file) : first.length);
  files.sort((a, b) => place(a) - place(b) || a.localeCompare(b));
  return files.map((file) => {
    const title = /^# (.*)$/m.exec(readFileSync(`${docs}${folder}/${file}`, 'utf8'))?.[1] ?? file;
    return { text: title, link: `${folder}/${file.replace(/\.md$/, '')}` };
  });
}

/** A folder without pages has no heading either. */
function section(text: string, folder: string) {
  const items = pages(folder);
  return items.length === 0 ? [] : [{ text, items, collapsed: true }];
}

/** In the order of reading; others follow by name. */
const guide = [
  'getting-started',
  'concepts',
  'glossary',
  'which-operator',
  'operators',
  'aggregators',
  'event-time',
  'kafka',
  'receivers',
  'backpressure',
  'checkpoints',
  'guarantees',
  'testing',
  'observability',
  'monitoring',
  'dashboard',
  'errors',
  'limits',
  'coming-from-spark',
].map((page) => `${page}.md`);

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
    collapsed: true,
  }));
  return [{ text: 'Operators', items: items.filter((group) => group.items.length > 0), collapsed: false }];
}

/** Where the site lies on its host: the docs workflow says so. */
const base = process.env.DOCS_BASE ?? '/';

export default defineConfig({
  base,
  title: 'dstream',
  description: 'Discretized streams for RxJS',
  head: [['link', { rel: 'icon', href: `${base}favicon.svg`, type: 'image/svg+xml' }]],
  markdown: {
    config(md) {
      linkOperators(md, new Set(pages('/operators').map(({ text }) => text)));
      // Indented blocks, such as the pictures of batches, look like fenced ones.
      md.renderer.rules.code_block = (tokens, i, options, env, self) => {
        Object.assign(tokens[i] ?? {}, { type: 'fence', info: '' });
        return md.renderer.rules.fence?.(tokens, i, options, env, self) ?? '';
      };
    },
  },
  // Links to files of the repository, outside the site.
  ignoreDeadLinks: [/CONTRIBUTING/],
  themeConfig: {
    // Examples, pictures and tables need the width more than the reader needs an outline.
    aside: false,
    search: { provider: 'local' },
    sidebar: [
      {
        text: 'Guide',
        items: pages('', guide),
      },
      ...operators(),
      ...section('Decisions', '/design'),
    ],
  },
});
