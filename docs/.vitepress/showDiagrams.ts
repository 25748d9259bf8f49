import { readFileSync } from 'node:fs';
import type { MarkdownRenderer } from 'vitepress';
import { isLoop, loopPicture } from './loopPicture.js';

/**
 * Shows the pictures of batches as drawings of what a run gave (`build/pictures.ts`), and other indented blocks as fenced ones. The
 * text of a picture stays, for who cannot see the drawing.
 */
export function showDiagrams(md: MarkdownRenderer, file: string): void {
  const diagrams: Record<string, readonly string[]> = JSON.parse(readFileSync(file, 'utf8'));
  const figure = (label: string, svg: string, content: string) =>
    `<figure class="diagram" v-pre><div class="diagram-scroll" tabindex="0" role="group" aria-label="${label}">${svg}</div><details><summary>As text</summary><pre><code>${md.utils.escapeHtml(content)}</code></pre></details></figure>\n`;
  md.renderer.rules.code_block = (tokens, i, options, env, self) => {
    const token = tokens[i];
    const content = token?.content ?? '';
    const drawn = diagrams[env.relativePath];
    if (drawn && content.startsWith('time ')) {
      const place = env.diagrams ?? 0;
      env.diagrams = place + 1;
      const svg = drawn[place];
      if (svg === undefined) throw new Error(`${env.relativePath}: a picture was not drawn:\n${content}`);
      return figure('Batches in and out', svg, content);
    }
    if (isLoop(content)) return figure('Steps of a batch, and the edge that leads back', loopPicture(content), content);
    Object.assign(token ?? {}, { type: 'fence', info: '' });
    return md.renderer.rules.fence?.(tokens, i, options, env, self) ?? '';
  };
}
