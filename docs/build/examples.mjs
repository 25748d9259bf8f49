// Writes a page for every app and every recipe of examples/ into docs/examples/: an app's README with its sources, a recipe's comment with its
// program. The text is in one place, and a test runs it there.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const docs = fileURLToPath(new URL('..', import.meta.url));
const examples = fileURLToPath(new URL('../../examples', import.meta.url));
const folder = join(docs, 'examples');
const frontMatter = '---\neditLink: false\n---\n';

/** The sources of an app, the pipeline first, as it is what the reader came for. */
function sourcesOf(app) {
  const files = readdirSync(join(examples, app)).filter((file) => /\.ts$/.test(file));
  const place = (file) => ['pipeline.ts', 'main.ts'].indexOf(file) >>> 0;
  return files.sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
}

const block = (code, kind = 'ts') => `\`\`\`${kind}\n${code.trimEnd()}\n\`\`\`\n`;

function pageOfApp(app) {
  const readme = readFileSync(join(examples, app, 'README.md'), 'utf8').replaceAll('](../../docs/', '](../');
  const sources = sourcesOf(app).map((file) => {
    // One file of several is no program that runs.
    const code = block(readFileSync(join(examples, app, file), 'utf8'), 'ts no-run');
    return file === 'pipeline.ts' ? `### ${file}\n\n${code}` : `::: details ${file}\n${code}:::\n`;
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
  const apps = readdirSync(examples).filter((name) => existsSync(join(examples, name, 'package.json')));
  const recipes = readdirSync(join(examples, 'recipes')).filter((file) => /\.c?ts$/.test(file));
  const lineOf = (name, page) => `- [${titleOf(page)}](./${name}.md)`;
  const write = (name, page) => {
    writeFileSync(join(folder, `${name}.md`), page);
    return lineOf(name, page);
  };
  const lists = [
    apps.map((app) => write(app, pageOfApp(app))),
    recipes.map((file) => write(file.replace(/\.c?ts$/, ''), pageOfRecipe(file))),
  ];
  const intro = [
    'Apps that are packages of their own: each starts with one command, on Kafka or with nothing installed, and has tests in virtual time. A',
    'test installs them with the packed library, kills two of them by SIGKILL, and compares the results with those of a run that nobody',
    'disturbed.',
  ].join('\n');
  const recipesIntro =
    'Programs of one file, for tasks that come up with other systems; more of them are on the page [Recipes](../recipes.md).';
  const index = `${frontMatter}# Examples\n\n${intro}\n\n${lists[0].join('\n')}\n\n## Recipes\n\n${recipesIntro}\n\n${lists[1].join('\n')}\n`;
  writeFileSync(join(folder, 'index.md'), index);
  return lists.flat().length + 1;
}
