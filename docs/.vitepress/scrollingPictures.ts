import type { MarkdownRenderer } from 'vitepress';

/** A paragraph that is one picture scrolls on a phone (styles/text.css): by the keyboard too. */
export function scrollingPictures(md: MarkdownRenderer): void {
  md.core.ruler.push('scrolling-pictures', ({ tokens }) => {
    tokens.forEach((token, i) => {
      const children = tokens[i + 1]?.children;
      if (token.type !== 'paragraph_open' || children?.length !== 1 || children[0]?.type !== 'image') return;
      token.attrSet('tabindex', '0');
      token.attrSet('role', 'group');
      token.attrSet('aria-label', 'Picture');
    });
  });
}
