import type { MarkdownRenderer } from 'vitepress';
import { runsInBrowser } from './run/runnable.js';

/** Every example that runs in a browser has the buttons Run and Edit. */
export function runBlocks(md: MarkdownRenderer): void {
  const usual = md.renderer.rules.fence;
  md.renderer.rules.fence = (tokens, i, options, env, self) => {
    const token = tokens[i];
    const { info = '', content = '' } = token ?? {};
    // Search needs the words only, and to highlight them again takes a large part of the build.
    if (env.wordsOnly) return `<pre><code>${md.utils.escapeHtml(content)}</code></pre>\n`;
    // What the compiler needs and a reader does not.
    if (token) token.content = content.replace(/^[\s\S]*?\/\/ ---cut---\n/, '');
    const html = usual?.(tokens, i, options, env, self) ?? '';
    if (info.trim() !== 'ts' || !runsInBrowser(content)) return html;
    env.runBlocks = (env.runBlocks ?? 0) + 1;
    return `<RunBlock :index="${env.runBlocks}">${html}</RunBlock>\n`;
  };
}
