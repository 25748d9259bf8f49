import type { MarkdownRenderer } from 'vitepress';

/**
 * On the site, an operator that is written as a call, such as `mapRecords(f)`, links to its page. The list of operators needs no
 * links of its own.
 */
export function linkOperators(md: MarkdownRenderer, names: ReadonlySet<string>): void {
  md.core.ruler.push('link-operators', ({ tokens, Token, env }) => {
    for (const token of tokens) {
      let inLink = false;
      token.children = (token.children ?? []).flatMap((child) => {
        if (child.type === 'link_open') inLink = true;
        if (child.type === 'link_close') inLink = false;
        const [, name = ''] = (child.type === 'code_inline' && /^(\w+)\(/.exec(child.content)) || [];
        if (inLink || !names.has(name) || env.relativePath === `operators/${name}.md`) return [child];
        const open = new Token('link_open', 'a', 1);
        open.attrSet('href', `/operators/${name}`);
        return [open, child, new Token('link_close', 'a', -1)];
      });
    }
  });
}
