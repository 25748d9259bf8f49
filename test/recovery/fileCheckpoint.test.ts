import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const child = fileURLToPath(new URL('../support/counterChild.ts', import.meta.url));
const base = mkdtempSync(join(tmpdir(), 'dstream-recovery-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** Runs the counter until it ends, or kills it so many ms after its first batch. */
async function run(store: string, name: string, killAfter: number): Promise<boolean> {
  const args = ['--import', 'tsx', child, join(base, name), join(base, name, 'out'), store];
  const counter = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let complete = false;
  let timer: NodeJS.Timeout | undefined;
  createInterface(counter.stdout).on('line', (line) => {
    if (line === 'complete') complete = true;
    if (killAfter !== Infinity) timer ??= setTimeout(() => counter.kill('SIGKILL'), killAfter);
  });
  await new Promise((resolve) => counter.on('close', resolve));
  clearTimeout(timer);
  return complete;
}

/**
 * What was written, batch by batch: times differ from run to run, so batches are numbered. The keys of a batch come in no
 * promised order, and a restored window lists them by the panes that it still has.
 */
function outputOf(name: string): readonly string[] {
  const folder = join(base, name);
  const times = readdirSync(folder).flatMap((file) => /^out-(\d+)$/.exec(file)?.[1] ?? []);
  const numbers = times.map(Number).sort((a, b) => a - b);
  return numbers.map((time) => {
    const lines = readFileSync(join(folder, `out-${time}`, 'part-00000.jsonl'), 'utf8').split('\n');
    return lines.sort().join('\n');
  });
}

// Each life is as long, at most, in ms: few long ones where a start takes long.
it.each([
  ['file', 40],
  ['lmdb', 150],
  ['tiered', 300],
])('a counter that is killed again and again, with the checkpoint %s', async (store, life) => {
  const [whole, killed] = [`${store}-whole`, `${store}-killed`];
  expect(await run(store, whole, Infinity)).toBe(true);
  const expected = outputOf(whole);
  expect(expected).toHaveLength(60);

  let kills = 0;
  while (!(await run(store, killed, Math.floor(Math.random() * life)))) {
    kills++;
    expect(kills).toBeLessThan(200);
  }
  console.log(`${store}: killed ${kills} times`);
  expect(kills).toBeGreaterThan(2);
  expect(outputOf(killed)).toEqual(expected);
});
