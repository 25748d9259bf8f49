// node scripts/words.mjs [PATH...]: looks for the phrases that CONTRIBUTING.md lists under "Words", in prose of Markdown and in comments
// and strings of code. Without a path it checks every Markdown file and all code except test. It skips a line that ends with a
// comment `words-ok: why`.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { root } from './install.mjs';

const usual = ['*.md', 'bench', 'docs', 'examples', 'scripts', 'src'];
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
  const table = /^## Words$[\s\S]*?(?=^## |(?![\s\S]))/m;
  return text.replace(table, hide).replaceAll(code, hide);
}

/** Comments and strings, without the code spans of comments and what is inserted into strings. */
function proseOfCode(text) {
  const parts =
    /(?:^[ \t]*\/\/.*\n?)+|\/\/.*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/gm;
  let prose = '';
  for (const { 0: part, index } of text.matchAll(parts)) {
    const spans = /^\s*\//.test(part) ? /`[^`\n]+`/g : /\$\{[^}]*\}/g;
    const leaders = /^[ \t]*(?:\/\/|\/?\*+\/?)/gm;
    prose += hide(text.slice(prose.length, index));
    prose += part.replaceAll(spans, hide).replaceAll(leaders, (leader) => ' '.repeat(leader.length));
  }
  return prose;
}

/**
 * The phrases to replace, in the order of the list.
 *
 * @param {string} path says by its ending how to read the text
 * @param {string} text
 */
export function phrasesIn(path, text) {
  const lines = text.split('\n');
  const prose = path.endsWith('.md') ? proseOfMarkdown(text) : proseOfCode(text);
  const lineOf = (index) => prose.slice(0, index).split('\n').length;
  return rows.flatMap(({ avoid, fine, write }) =>
    [...prose.matchAll(avoid)]
      .filter(({ index }) => !fine.test(prose.slice(index)) && !lines[lineOf(index) - 1].includes('words-ok: '))
      .map(({ 0: phrase, index }) => ({ line: lineOf(index), phrase: phrase.replaceAll(/\s+/g, ' '), write })),
  );
}

function main(paths) {
  const args = ['ls-files', '--', ...(paths.length > 0 ? paths : usual)];
  const tracked = execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\n');
  const found = tracked
    .filter((path) => /\.(?:md|m?[jt]s)$/.test(path))
    .flatMap((path) => phrasesIn(path, read(path)).map((phrase) => ({ path, ...phrase })));
  for (const { path, line, phrase, write } of found) console.error(`${path}:${line}: '${phrase}': write ${write}`);
  if (found.length > 0) console.error(`\n${found.length} phrases to replace, see "Words" in CONTRIBUTING.md.`);
  return found.length > 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(main(process.argv.slice(2)));
