import type { MarkdownRenderer } from 'vitepress';

/** A long name in the title of a page breaks before one of its words on a narrow screen, and not in the middle of one. */
export function breakNames(md: MarkdownRenderer): void {
  md.core.ruler.push('break-names', ({ tokens, Token }) => {
    for (const [i, { tag, nesting }] of tokens.entries()) {
      const title = tag === 'h1' && nesting === 1 ? tokens[i + 1] : undefined;
      if (!title?.children) continue;
      title.children = title.children.flatMap((child) => {
        if (child.type !== 'text') return [child];
        return child.content.split(/(?<=[a-z])(?=[A-Z])/).flatMap((word, part) => {
          const text = new Token('text', '', 0);
          text.content = word;
          const opportunity = new Token('html_inline', '', 0);
          opportunity.content = '<wbr>';
          return part === 0 ? [text] : [opportunity, text];
        });
      });
    }
  });
}
