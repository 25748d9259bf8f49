import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';

const docs = fileURLToPath(new URL('..', import.meta.url));

/** Pages of a folder appear by themselves, under the title that they give themselves. */
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

export default defineConfig({
  title: 'dstream',
  description: 'Discretized streams for RxJS',
  // Links to files of the repository, outside the site.
  ignoreDeadLinks: [/CONTRIBUTING/],
  themeConfig: {
    search: { provider: 'local' },
    sidebar: [
      { text: 'Guide', items: pages('', ['getting-started.md', 'concepts.md', 'operators.md']) },
      ...section('Operators', '/operators'),
      ...section('Decisions', '/design'),
    ],
  },
});
