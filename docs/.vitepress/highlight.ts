import { readFileSync } from 'node:fs';
import { highlightTree, tagHighlighter } from '@lezer/highlight';
import { parser } from '@lezer/javascript';
import { escapeAttribute, escapeHtml } from '../build/escapeHtml.mjs';
import { keyOf } from '../build/types.mjs';
import { codeColors } from './run/codeColors.js';

// Code has the parser and the colors that it has in the editor of examples. The highlighter that comes with VitePress takes a sixth of the
// build, for colors that change when the reader begins to edit.

/** From a place in the code to another: its color, or its type, which `theme/hoverTypes.ts` shows. */
interface Mark {
  readonly from: number;
  readonly to: number;
  readonly attribute: string;
}

type Types = Readonly<Record<string, readonly (readonly [start: number, length: number, text: string])[]>>;

const colors = tagHighlighter(codeColors.map(({ tag, color }) => ({ tag, class: color })));
const parsers = new Map([
  ['ts', parser.configure({ dialect: 'ts' })],
  ['tsx', parser.configure({ dialect: 'ts jsx' })],
]);

/** The highlighter of the site: HTML of a block, with the types of its names as `build/types.mjs` has found them. */
export function highlighter(typesFile: string): (code: string, language: string) => string {
  const types: Types = JSON.parse(readFileSync(typesFile, 'utf8'));
  return (code, language) => {
    const shown = code.trimEnd();
    const html = marked(shown, colorsOf(shown, language), language === 'ts' ? typesOf(shown, types) : []);
    return `<pre class="vp-code" tabindex="0" v-pre><code>${html}</code></pre>`;
  };
}

function colorsOf(code: string, language: string): readonly Mark[] {
  const found: Mark[] = [];
  const add = (from: number, to: number, color: string) =>
    found.push({ from, to, attribute: ` style="color:${color}"` });
  const ofLanguage = parsers.get(language);
  // A node may have several tags: the last is the narrowest.
  if (ofLanguage)
    highlightTree(ofLanguage.parse(code), colors, (from, to, list) => add(from, to, list.split(' ').at(-1) ?? ''));
  else if (language === 'sh')
    for (const { 0: text, index } of code.matchAll(/^#.*|^[\w-]+/gm))
      add(index, index + text.length, `var(--code-${text.startsWith('#') ? 'comment' : 'function'})`);
  return found;
}

const typesOf = (code: string, types: Types): readonly Mark[] =>
  (types[keyOf(code)] ?? [])
    .map(([from, length, text]) => ({ from, to: from + length, attribute: ` data-type="${escapeAttribute(text)}"` }))
    .sort((a, b) => a.from - b.from);

/** The code with both kinds of marks, each of which is in its order and without overlaps. */
function marked(code: string, ...kinds: readonly (readonly Mark[])[]): string {
  const places = kinds.flat().flatMap(({ from, to }) => [from, to]);
  const cuts = [...new Set([0, ...places, code.length])].sort((a, b) => a - b);
  const next = kinds.map(() => 0);
  let html = '';
  for (const [i, from] of cuts.entries()) {
    const to = cuts[i + 1] ?? from;
    const attributes = kinds.map((marks, kind) => {
      while ((marks[next[kind] ?? 0]?.to ?? Number.POSITIVE_INFINITY) <= from) next[kind] = (next[kind] ?? 0) + 1;
      const mark = marks[next[kind] ?? 0];
      return mark !== undefined && mark.from <= from ? mark.attribute : '';
    });
    const text = escapeHtml(code.slice(from, to));
    const all = attributes.join('');
    html += all === '' || text === '' ? text : `<span${all}>${text}</span>`;
  }
  return html;
}
