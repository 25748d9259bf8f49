import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { exerciseOf } from '../../docs/.vitepress/run/exercise.js';

it('a block with a gap is an exercise, and its solution the whole', () => {
  const code = 'a();\n  // your turn: call b\n  b();\n  // end\nc();\n';
  expect(exerciseOf(code)).toEqual({
    start: 'a();\n  // your turn: call b\nc();\n',
    solution: 'a();\n  // your turn: call b\n  b();\nc();\n',
  });
  expect(exerciseOf('a();\nc();\n')).toBeUndefined();
});

it('the tutorial counts its steps, and each of them has a gap', () => {
  const page = readFileSync(new URL('../../docs/tutorial.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code);
  expect(page).toContain(`<TutorialProgress :steps="${blocks.length}" />`);
  expect(blocks.length).toBeGreaterThan(5);
  for (const code of blocks) expect(exerciseOf(code)?.start).not.toContain('// end');
});
