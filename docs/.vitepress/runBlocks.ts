import type { MarkdownRenderer } from 'vitepress';
import { exerciseOf } from './run/exercise.js';
import { runsInBrowser } from './run/runnable.js';

/** Every example that runs in a browser has the buttons Run and Edit. */
export function runBlocks(md: MarkdownRenderer): void {
  const usual = md.renderer.rules.fence;
  md.renderer.rules.fence = (tokens, i, options, env, self) => {
    const token = tokens[i];
    const { info = '', content = '' } = token ?? {};
    // Search needs the words only, and to highlight them again takes a large part of the build.
    if (env.wordsOnly) return `<pre><code>${md.utils.escapeHtml(content)}</code></pre>\n`;
    const exercise = exerciseOf(content);
    // What the compiler needs and a reader does not.
    if (token) token.content = exercise?.start ?? content.replace(/^[\s\S]*?\/\/ ---cut---\n/, '');
    const html = usual?.(tokens, i, options, env, self) ?? '';
    if (info.trim() !== 'ts' || !runsInBrowser(content)) return html;
    env.runBlocks = (env.runBlocks ?? 0) + 1;
    const solution = exercise ? ` solution="${md.utils.escapeHtml(exercise.solution)}"` : '';
    return `<RunBlock :index="${env.runBlocks}"${solution}>${html}</RunBlock>\n`;
  };
}
