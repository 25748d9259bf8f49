// node scripts/words.mjs [PATH...]: looks for the phrases that CONTRIBUTING.md lists under "Words", in prose of Markdown and in comments
// and strings of code. Without a path it checks every Markdown file and all code except src and test. It skips a line that ends with a
// comment `words-ok: why`.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { root } from './install.mjs';

const read = (path) => readFileSync(`${root}${path}`, 'utf8');
const quoted = (cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, phrase]) => phrase);
const patternOf = (phrases) => phrases.map((phrase) => `\\b${phrase.replaceAll(' ', '\\s+')}\\b`).join('|');
/** Of the same length and with the same lines, so that positions stay true. A phrase cannot reach across it. */
const hide = (text) => text.replaceAll(/[^\n]/g, '·');

const [, section] = read('CONTRIBUTING.md').split(/^## Words$/m);
const rows = [...section.split(/^## /m)[0].matchAll(/^\| (`.*?) \| (.*?) \| (.*?) ?\|$/gm)].map(
  ([, avoid, write, fine]) => ({
    avoid: new RegExp(patternOf(quoted(avoid)), 'gi'),
    fine: fine === '' ? /(?!)/ : new RegExp(`^(?:${patternOf(quoted(fine))})`, 'i'),
    write,
  }),
);

/** Without code, code spans, addresses and the table itself. */
function proseOfMarkdown(text) {
  const code = /^(?:```|~~~)[\s\S]*?^(?:```|~~~)|^ {4}.*$|`[^`]+`|\]\([^)]*\)|https?:\S+/gm;
  return text
    .replaceAll(/^\| `.*$/gm, (row) => (text.includes('\n## Words\n') ? hide(row) : row))
    .replaceAll(code, hide);
}

function proseOfCode(text) {
  const parts =
    /(?:^[ \t]*\/\/.*\n?)+|\/\/.*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/gm;
  let prose = '';
  for (const { 0: part, index } of text.matchAll(parts)) {
    const readable = part
      .replaceAll(/\$\{[^}]*\}|`[^`\n]+`(?=[\s\S]*\*\/)/g, hide)
      .replaceAll(/^[ \t]*(?:\/\/|\/?\*+\/?)/gm, (leader) => ' '.repeat(leader.length));
    prose += hide(text.slice(prose.length, index)) + readable;
  }
  return prose;
}

const paths = process.argv.slice(2);
const tracked = execFileSync(
  'git',
  ['ls-files', '--', ...(paths.length > 0 ? paths : ['*.md', 'bench', 'examples', 'scripts'])],
  {
    cwd: root,
    encoding: 'utf8',
  },
);
let found = 0;
for (const path of tracked.split('\n').filter((name) => /\.(md|m?[jt]s|mts)$/.test(name))) {
  const text = read(path);
  const lines = text.split('\n');
  const prose = path.endsWith('.md') ? proseOfMarkdown(text) : proseOfCode(text);
  for (const { avoid, fine, write } of rows) {
    for (const { 0: phrase, index } of prose.matchAll(avoid)) {
      const line = prose.slice(0, index).split('\n').length;
      if (fine.test(prose.slice(index)) || lines[line - 1].includes('words-ok: ')) continue;
      console.error(`${path}:${line}: '${phrase.replaceAll(/\s+/g, ' ')}': write ${write}`);
      found += 1;
    }
  }
}
if (found > 0) console.error(`\n${found} phrases to replace, see "Words" in CONTRIBUTING.md.`);
process.exit(found > 0 ? 1 : 0);
