// One store alone in a process:
//     child.ts ENGINE load                            says whether the package loads here
//     child.ts ENGINE fill DIRECTORY KEYS             writes a state of KEYS keys
//     child.ts ENGINE round DIRECTORY KEYS SEED       reads, commits and scans it, and tells how long that took
//     child.ts ENGINE damage DIRECTORY                writes a small state to be damaged, and ends without closing it
//     child.ts ENGINE try DIRECTORY REPORT BIT...     reads copies with a bit flipped, and reports what came of each
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tryFlips, writeToDamage } from './damage.js';
import type { Engine } from './engine.js';
import { engines } from './engines.js';
import { drawing, entryOf, keyOf } from './records.js';

const perBatch = 10_000;
const filledAtOnce = 100_000;
const batches = 5;

/** What a round took: ms on the clock and of the processor, that of the store's own threads too. */
export interface Round {
  readonly openMs: number;
  readonly reads: readonly Timing[];
  readonly commits: readonly Timing[];
  readonly scan: Timing;
}

export interface Timing {
  readonly ms: number;
  readonly cpuMs: number;
}

async function timed(work: () => unknown): Promise<Timing> {
  const cpu = process.cpuUsage();
  const begun = performance.now();
  await work();
  const ms = performance.now() - begun;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1_000 };
}

async function fill(engine: Engine, keys: number): Promise<void> {
  for (let from = 0; from < keys; from += filledAtOnce) {
    const count = Math.min(filledAtOnce, keys - from);
    await engine.fill(Array.from({ length: count }, (_, i) => entryOf(from + i, 0)));
  }
}

async function round(directory: string, keys: number, seed: number): Promise<Round> {
  const begun = performance.now();
  const engine = await open(directory);
  const openMs = performance.now() - begun;
  const draw = drawing(seed);
  const reads: Timing[] = [];
  const commits: Timing[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const picked = Array.from({ length: perBatch }, () => Math.floor(draw() * keys));
    const wanted = picked.map(keyOf);
    let found = 0;
    reads.push(
      await timed(async () => {
        for (const value of await engine.readEach(wanted)) if (value) found++;
      }),
    );
    if (found !== perBatch) throw new Error(`${perBatch - found} keys are missing`);
    const changed = picked.map((i) => entryOf(i, seed * batches + batch));
    commits.push(await timed(() => engine.commit(changed)));
  }
  let [scanned, bytes] = [0, 0];
  const scan = await timed(() =>
    engine.scan((key, value) => {
      scanned++;
      bytes += key.length + value.length;
    }),
  );
  if (scanned !== keys || bytes < keys) throw new Error(`${scanned} keys of ${keys}`);
  await engine.close();
  return { openMs, reads, commits, scan };
}

const [name = '', mode, directory = '', ...args] = process.argv.slice(2);
const openEngine = engines[name];
if (!openEngine) throw new Error(`no store is called ${name}`);
const open = openEngine;

if (mode === 'load') {
  const scratch = mkdtempSync(join(tmpdir(), 'dstream-store-'));
  await (await open(scratch)).close();
  rmSync(scratch, { recursive: true, force: true });
} else if (mode === 'fill') {
  mkdirSync(directory, { recursive: true });
  const engine = await open(directory);
  await fill(engine, Number(args[0]));
  await engine.settle();
  await engine.close();
} else if (mode === 'round') {
  console.log(JSON.stringify(await round(directory, Number(args[0]), Number(args[1]))));
} else if (mode === 'damage') {
  await writeToDamage(open, directory);
  // As a process that is killed: what is in a log stays there.
  process.kill(process.pid, 'SIGKILL');
} else if (mode === 'try') {
  const [report = '', ...bits] = args;
  await tryFlips(open, directory, report, bits.map(Number));
  // A store that refused its files may have left threads.
  process.exit(0);
}
