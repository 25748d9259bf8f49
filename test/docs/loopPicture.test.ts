import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { isLoop, loopPicture } from '../../docs/.vitepress/loopPicture.js';

const concepts = readFileSync(new URL('../../docs/concepts.md', import.meta.url), 'utf8');
const [block = ''] = /(?:^ {4}.*\n)+/m.exec(concepts) ?? [];
const text = block.replaceAll(/^ {4}/gm, '');

/** The middle of the box with a text. */
const middleOf = (svg: string, label: string): string | undefined =>
  new RegExp(`<text x="([\\d.]+)"[^>]*>${label}</text>`).exec(svg)?.[1];

it('draws the steps of the page, and the edge from the step at its end to the step that it leads back to', () => {
  expect(isLoop(text)).toBe(true);
  const svg = loopPicture(text);
  for (const label of ['tick', 'operators \\+ state', 'commit', 'rate controller', 'BatchInfo'])
    expect(middleOf(svg, label)).toBeDefined();
  expect(svg).toContain(`M${middleOf(svg, 'complete')} 36V84H${middleOf(svg, 'plan offset ranges')}V40`);
});

it('takes no other text for such a picture', () => {
  expect(isLoop('npm i dstream\n')).toBe(false);
  expect(isLoop('a -> b -> c\n')).toBe(false);
});
