import { readFileSync } from 'node:fs';
import type { MarkdownRenderer } from 'vitepress';
import { escapeHtml } from '../build/escapeHtml.mjs';

/** A group of operators, as the sidebar has it. */
interface Group {
  readonly text: string;
  readonly items: readonly { readonly text: string; readonly link: string }[];
}

const mark = '<!-- pictures of the operators -->';
/** A drawing that is wider has the width of two. */
const columnPx = 400;

/** Puts the first drawing of every operator where a page has the mark, by group. */
export function gallery(md: MarkdownRenderer, docs: string, file: string, groups: () => readonly Group[]): void {
  const diagrams: Record<string, readonly string[]> = JSON.parse(readFileSync(file, 'utf8'));
  const cardOf = ({ text, link }: Group['items'][number]) => {
    const [svg] = diagrams[`${link.slice(1)}.md`] ?? [];
    if (svg === undefined) return '';
    const isWide = Number(/ width="([\d.]+)"/.exec(svg)?.[1]) > columnPx;
    // It scrolls on a phone, by the keyboard too.
    const scrolls = isWide ? ' tabindex="0" role="group" aria-label="Picture"' : '';
    const about = escapeHtml(firstSentence(readFileSync(`${docs}${link}.md`, 'utf8')));
    return `<a class="card${isWide ? ' wide' : ''}" href="${link}"><b>${text}</b><span>${about}</span><span class="diagram"${scrolls}>${svg}</span></a>`;
  };
  md.core.ruler.after('block', 'gallery', (state) => {
    const at = state.tokens.findIndex(({ type, content }) => type === 'html_block' && content.trim() === mark);
    if (at < 0) return;
    const parts = groups().map(({ text, items }) => {
      const cards = items.map(cardOf).join('');
      return cards === '' ? '' : `## ${text}\n\n<div class="gallery" v-pre>${cards}</div>\n`;
    });
    const tokens: typeof state.tokens = [];
    md.block.parse(state.env.wordsOnly ? '' : parts.join('\n'), md, state.env, tokens);
    state.tokens.splice(at, 1, ...tokens);
  });
}

/** What the page says under its title, without marks. */
function firstSentence(page: string): string {
  const [, text = ''] = /^# .*\n\n([\s\S]*?)\n\n/m.exec(page) ?? [];
  const [sentence = ''] = text.replaceAll(/\s+/g, ' ').split(/(?<=[.:])\s/);
  return sentence
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll('`', '')
    .replace(/:$/, '.');
}
