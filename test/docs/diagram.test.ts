import { describe, expect, it } from 'vitest';
import { drawingOf } from '../../docs/.vitepress/diagram.js';
import { picturesOf, runPicture } from './picture.js';

const page = `
    time       10        20        25        35
    in         [a] [b]   [c] [d]   -         -
               foreachPartition(() => timer(15))
    out        -         -         [a] [b]   [c] [d]
    complete   -         -         10        20

    time   10          20          30
    in     [a:1, b:2]  [a:3]       []
           reduceByKeyAndWindow((a, b) => a + b, { window: 20 })
    out    [a:1, b:2]  [a:4, b:2]  [a:3]
`;

const svgs = picturesOf(page).map((picture) => drawingOf(runPicture(picture).drawing));
const count = (svg: string | undefined, part: string): number => (svg ?? '').split(part).length - 1;
const textsOf = (svg = ''): readonly string[] => [...svg.matchAll(/<text[^>]*>([^<]*)/g)].map(([, text = '']) => text);

describe('a drawing', () => {
  it('has a box for each batch, a line between partitions, and a check where a batch completed', () => {
    const [svg] = svgs;
    expect(count(svg, 'class="batch"')).toBe(4);
    expect(count(svg, 'class="partition"')).toBe(4);
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining(['in', 'out', '✓ 10', '✓ 20', 'foreachPartition(() =&gt; timer(15))']),
    );
  });

  it('draws a key in one colour in all rows, and an empty batch a box of its own', () => {
    const [, svg] = svgs;
    expect(count(svg, 'class="record key0"')).toBe(5);
    expect(count(svg, 'class="record key1"')).toBe(3);
    expect(count(svg, 'class="batch empty"')).toBe(1);
    expect(textsOf(svg).filter((text) => text.startsWith('a:'))).toEqual(['a:1', 'a:3', 'a:1', 'a:4', 'a:3']);
  });

  it('has a bracket for each window, over the batches that it covers', () => {
    const [without, svg] = svgs;
    expect(count(without, 'class="window"')).toBe(0);
    const widths = [...(svg ?? '').matchAll(/class="window" d="M[\d.]+ \d+v-4h([\d.]+)/g)].map(([, width]) =>
      Number(width),
    );
    expect(widths).toHaveLength(3);
    expect(widths[1]).toBeGreaterThan(Number(widths[0]));
    expect(widths[1]).toBe(widths[2]);
  });

  it('shows what the run emitted, not what the page says', () => {
    const [wrong] = picturesOf(page.replace('[a:4, b:2]', '[a:5, b:2]')).slice(1);
    if (!wrong) throw new Error('the page has two pictures');
    const { actual, expected, drawing } = runPicture(wrong);
    expect(actual).not.toStrictEqual(expected);
    expect(textsOf(drawingOf(drawing))).toContain('a:4');
  });
});
