import type { MarkdownRenderer } from 'vitepress';

/** A wide table scrolls inside of its own box, one of two columns can become one, and a heading without text is an empty cell. */
export function tables(md: MarkdownRenderer): void {
  md.core.ruler.push('empty-headings', ({ tokens }) => {
    tokens.forEach((token, i) => {
      if (token.type !== 'th_open' || tokens[i + 1]?.content !== '') return;
      token.tag = 'td';
      const close = tokens[i + 2];
      if (close) close.tag = 'td';
    });
  });
  md.renderer.rules.table_open = (tokens, i) => {
    const columns = tokens.slice(
      i,
      tokens.findIndex(({ type }, at) => at > i && type === 'tr_close'),
    );
    const isPair = columns.filter(({ type }) => type === 'th_open').length === 2;
    const classes = isPair ? 'table-scroll two-columns' : 'table-scroll';
    return `<div class="${classes}" tabindex="0" role="group" aria-label="Table"><table>\n`;
  };
  md.renderer.rules.table_close = () => '</table></div>\n';
}
