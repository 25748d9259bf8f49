import { readFileSync } from 'node:fs';
import type { MarkdownRenderer } from 'vitepress';

interface PublicName {
  /** The entry that exports it, such as `dstream/kafka`. */
  readonly module: string;
  readonly name: string;
  readonly link: string;
}

/** The pages of the reference, which `build/api.mjs` has written. */
export function publicNames(docs: string): readonly PublicName[] {
  return JSON.parse(readFileSync(`${docs}api/names.json`, 'utf8'));
}

/**
 * The page of an operator links to its page in the reference, and so does a public name that a page writes alone in a code span, such as
 * `BatchInfo`. HTML in the pages of the reference gets the address that the site has.
 */
export function linkApi(md: MarkdownRenderer, base: string, names: readonly PublicName[]): void {
  const links = new Map([...names].reverse().map(({ name, link }) => [name, link]));
  md.core.ruler.push('link-api', ({ tokens, Token, env }) => {
    const own = /^operators\/(\w+)\.md$/.exec(env.relativePath)?.[1] ?? '';
    const title = tokens.findIndex(({ type, tag }) => type === 'heading_close' && tag === 'h1');
    const link = links.get(own);
    if (link !== undefined && title >= 0) {
      const line = Object.assign(new Token('html_block', '', 0), {
        content: `<p class="reference"><a href="${link}">API reference</a></p>\n`,
      });
      tokens.splice(title + 1, 0, line);
    }
    for (const token of tokens) {
      if (token.type !== 'inline') continue;
      let inLink = false;
      token.children = (token.children ?? []).flatMap((child) => {
        if (child.type === 'link_open') inLink = true;
        if (child.type === 'link_close') inLink = false;
        const to = child.type === 'code_inline' && /^[A-Z]/.test(child.content) ? links.get(child.content) : undefined;
        if (inLink || to === undefined || env.relativePath === `${to.slice(1)}.md`) return [child];
        const open = new Token('link_open', 'a', 1);
        open.attrSet('href', to);
        return [open, child, new Token('link_close', 'a', -1)];
      });
    }
  });
  const rebased = (html: string) =>
    html.replaceAll(/href="\/((?:api|operators)\/[\w/-]+)"/g, (_, path) => `href="${base}${path}.html"`);
  for (const rule of ['html_block', 'html_inline'] as const) {
    const usual = md.renderer.rules[rule];
    md.renderer.rules[rule] = (tokens, i, options, env, self) =>
      rebased(usual?.(tokens, i, options, env, self) ?? tokens[i]?.content ?? '');
  }
}
