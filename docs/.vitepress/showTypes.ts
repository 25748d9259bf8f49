import { readFileSync } from 'node:fs';
import type { MarkdownOptions } from 'vitepress';
import { keyOf } from '../build/types.mjs';

type Transformer = NonNullable<MarkdownOptions['codeTransformers']>[number];

/** Marks the names of an example with their types, as `build/types.mjs` has found them; `theme/hoverTypes.ts` shows them. */
export function showTypes(file: string): Transformer {
  const types: Record<string, readonly (readonly [start: number, length: number, text: string])[]> = JSON.parse(
    readFileSync(file, 'utf8'),
  );
  return {
    name: 'show-types',
    preprocess(code, options) {
      const names = options.lang === 'ts' ? types[keyOf(code)] : undefined;
      if (!names) return;
      options.decorations = names.map(([start, length, text]) => ({
        start,
        end: start + length,
        properties: { 'data-type': text },
      }));
    },
  };
}
