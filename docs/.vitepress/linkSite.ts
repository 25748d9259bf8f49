import type { MarkdownRenderer } from 'vitepress';

/**
 * A page that is not Markdown, such as the playground, has its public address in Markdown, which readers of the repository can follow too. On
 * the site it is a link within the site, with a target, so that VitePress does not look for a page of its own.
 */
export function linkSite(md: MarkdownRenderer, base: string, address: string): void {
  md.core.ruler.push('link-site', ({ tokens }) => {
    for (const child of tokens.flatMap(({ children }) => children ?? [])) {
      const href = child.type === 'link_open' ? child.attrGet('href') : null;
      if (!href?.startsWith(address)) continue;
      child.attrSet('href', `${base}${href.slice(address.length)}`);
      child.attrSet('target', '_self');
    }
  });
}
