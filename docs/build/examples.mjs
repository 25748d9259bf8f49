// Writes a page for every app, integration and recipe of examples/ into docs/examples/: the README of a package with its sources, the comment
// of a recipe with its program. The text is in one place, and a test runs it there.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const docs = fileURLToPath(new URL('..', import.meta.url));
const examples = fileURLToPath(new URL('../../examples', import.meta.url));
const folder = join(docs, 'examples');
const frontMatter = '---\neditLink: false\n---\n';

/** The sources of a package, in the order that its page names, then those that every app has, then the others. */
function sourcesOf(folder, first) {
  const files = readdirSync(join(examples, folder)).filter((file) => /\.tsx?$/.test(file));
  const order = [...first, 'pipeline.ts', 'main.ts'];
  const place = (file) => order.indexOf(file) >>> 0;
  return files.sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
}

const block = (code, kind = 'ts') => `\`\`\`${kind}\n${code.trimEnd()}\n\`\`\`\n`;

/** The files that an integration is about. Its page shows them unfolded. */
const shownOf = {
  angular: ['topPages.component.ts', 'topPages.ts'],
  fastify: ['resultsPlugin.ts'],
  nestjs: ['pipelineModule.ts', 'batchServer.ts'],
  react: ['useLatest.ts', 'TopPages.tsx', 'topPages.ts'],
  testcontainers: ['words.test.ts', 'words.ts'],
};

function pageOfPackage(folder, shown = ['pipeline.ts']) {
  const readme = readFileSync(join(examples, folder, 'README.md'), 'utf8')
    .replaceAll(/\]\((?:\.\.\/)+docs\//g, '](../')
    .replaceAll(/\]\(\.\.\/([\w-]+)\/README\.md\)/g, '](./$1.md)');
  const sources = sourcesOf(folder, shown).map((file) => {
    // One file of several is no program that runs.
    const code = block(readFileSync(join(examples, folder, file), 'utf8'), file.endsWith('x') ? 'tsx' : 'ts no-run');
    return shown.includes(file) ? `### ${file}\n\n${code}` : `::: details ${file}\n${code}:::\n`;
  });
  return `${frontMatter}${readme}\n## Source\n\n${sources.join('\n')}`;
}

/** The comment at the beginning is Markdown, and the rest the program. */
function pageOfRecipe(file) {
  const text = readFileSync(join(examples, 'recipes', file), 'utf8');
  const [comment = ''] = /^(?:\/\/.*\n)+/.exec(text) ?? [];
  return `${frontMatter}${comment.replaceAll(/^\/\/ ?/gm, '')}\n${block(text.slice(comment.length))}`;
}

const titleOf = (page) => /^# (.*)$/m.exec(page)?.[1] ?? '';

/** Returns how many pages there are. */
export function writeExamples() {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const packagesIn = (under) =>
    readdirSync(join(examples, under)).filter((name) => existsSync(join(examples, under, name, 'package.json')));
  const apps = packagesIn('');
  const integrations = packagesIn('integrations');
  const recipes = readdirSync(join(examples, 'recipes')).filter((file) => /\.c?ts$/.test(file));
  const lineOf = (name, page) => `- [${titleOf(page)}](./${name}.md)`;
  const write = (name, page) => {
    writeFileSync(join(folder, `${name}.md`), page);
    return lineOf(name, page);
  };
  const lists = [
    apps.map((app) => write(app, pageOfPackage(app))),
    integrations.map((name) => write(name, pageOfPackage(`integrations/${name}`, shownOf[name]))),
    recipes.map((file) => write(file.replace(/\.c?ts$/, ''), pageOfRecipe(file))),
  ];
  const intro = [
    'Apps that are packages of their own: each starts with one command, on Kafka or with nothing installed, and has tests in virtual time. A',
    'test installs them with the packed library, kills by SIGKILL those that keep their state, and compares the results with those of a run that',
    'nobody disturbed.',
  ].join('\n');
  const integrationsIntro =
    'Streams in a framework. Each is a package of its own with tests, which a nightly test installs with the packed library.';
  const recipesIntro =
    'Programs of one file, for tasks that come up with other systems; more of them are on the page [Recipes](../recipes.md).';
  const section = (title, text, items) => `## ${title}\n\n${text}\n\n${items.join('\n')}\n`;
  const index = [
    `${frontMatter}# Examples\n\n${intro}\n\n${lists[0].join('\n')}\n`,
    section('Integrations', integrationsIntro, lists[1]),
    section('Recipes', recipesIntro, lists[2]),
  ].join('\n');
  writeFileSync(join(folder, 'index.md'), index);
  return lists.flat().length + 1;
}
