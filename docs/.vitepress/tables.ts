import type { MarkdownRenderer } from 'vitepress';

/** A wide table scrolls inside of its own box, and a heading without text is an empty cell. */
export function tables(md: MarkdownRenderer): void {
  md.core.ruler.push('empty-headings', ({ tokens }) => {
    tokens.forEach((token, i) => {
      if (token.type !== 'th_open' || tokens[i + 1]?.content !== '') return;
      token.tag = 'td';
      const close = tokens[i + 2];
      if (close) close.tag = 'td';
    });
  });
  md.renderer.rules.table_open = () =>
    '<div class="table-scroll" tabindex="0" role="group" aria-label="Table"><table>\n';
  md.renderer.rules.table_close = () => '</table></div>\n';
}
