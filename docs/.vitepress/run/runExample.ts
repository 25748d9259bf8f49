// Bundled by the test of the site: an example as RunBlock.vue runs it, without the page around it.
import { compareLines, expectedLines } from './compare.js';
import { runProgram } from './runProgram.js';
import { toCommonJs } from './transform.js';

/** Resolves with what differs from what the example expects; nothing where nothing does. */
function runExample(sandbox: string, code: string): Promise<readonly string[]> {
  const printed: string[] = [];
  const errors: string[] = [];
  return new Promise((resolve) => {
    runProgram({ sandbox, code: toCommonJs(code), time: 'virtual' }, (event) => {
      if (event.kind === 'line') printed.push(event.text);
      if (event.kind === 'error') errors.push(event.text);
      if (event.kind !== 'ended') return;
      const expected = expectedLines(code);
      const rows = expected.length === 0 ? [] : compareLines(printed, expected);
      const wrong = rows.filter(({ same }) => !same).map((row) => `${row.printed} where the page says ${row.expected}`);
      resolve([...errors, ...wrong]);
    });
  });
}

Object.assign(globalThis, { runExample });
