import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, expect, it } from 'vitest';
import { checkNiceness } from '../../src/workers/threadPriority.js';
import { root } from '../support/operators.js';

const directory = mkdtempSync(join(tmpdir(), 'dstream-priority-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A process in which a worker thread is the first that needs the threads that Node shares among all. Prints how much nicer each thread is. */
const program = `
const { startSharedThreads, yieldToMainThread } = require('./priority.cjs');
const { isMainThread, Worker, parentPort } = require('node:worker_threads');
const { readFile, readFileSync, readdirSync } = require('node:fs');
const niceOf = (thread) => {
  const stat = readFileSync('/proc/self/task/' + thread + '/stat', 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
};
if (isMainThread) {
  startSharedThreads(5);
  new Worker(__filename).once('message', () => {
    const nices = readdirSync('/proc/self/task').map((thread) => niceOf(thread) - niceOf(process.pid));
    console.log(JSON.stringify(nices));
    process.exit();
  });
} else {
  yieldToMainThread(5);
  setInterval(() => {}, 1_000);
  readFile(__filename, () => parentPort.postMessage('has read'));
}
`;

it('is that of the thread alone, and not of those that Node shares among all', () => {
  buildSync({
    ...{ entryPoints: [join(root, 'src/workers/threadPriority.ts')], outfile: join(directory, 'priority.cjs') },
    ...{ bundle: true, platform: 'node', format: 'cjs' },
  });
  const file = join(directory, 'program.cjs');
  writeFileSync(file, program);
  const nices: readonly number[] = JSON.parse(execFileSync(process.execPath, [file], { encoding: 'utf8' }));
  expect(nices.length).toBeGreaterThan(4);
  expect(nices.filter((nice) => nice !== 0)).toEqual([5]);
});

it('is an integer from 0 to 19', () => {
  for (const niceness of [0, 19]) checkNiceness('runInThreads', 'niceness', niceness);
  for (const niceness of [-1, 20, 1.5, Number.NaN]) {
    expect(() => checkNiceness('runInThreads', 'niceness', niceness)).toThrow(
      `runInThreads: niceness (${niceness}) must be an integer from 0 to 19`,
    );
  }
});
