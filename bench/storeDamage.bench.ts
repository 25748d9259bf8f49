// npm run bench -- storeDamage [--flips 2000]: what comes of flipped bits in the files of stores that could keep state on disk.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Row, rowOf, writeResults } from './report.js';
import { bytesOf, type Outcome, outcomes } from './stores/damage.js';
import { versions } from './stores/packages.js';
import { loadableEngines, spawnEngine } from './stores/processes.js';

const { values } = parseArgs({ options: { flips: { type: 'string', default: '2000' } } });
const triesPerProcess = 250;

const base = mkdtempSync(join(tmpdir(), 'dstream-stores-'));
const { names, notLoaded } = loadableEngines();
const rows: Row[] = [];
const ratios: Record<string, number> = {};

/** Flips bits at even distances, and counts what came of them. */
function flip(name: string): Readonly<Record<Outcome, number>> {
  const directory = join(base, `flipped-${names.indexOf(name)}`);
  spawnEngine(name, 'damage', directory);
  const bits = 8 * bytesOf(directory);
  const count = Math.min(bits, Number(values.flips));
  const chosen = Array.from({ length: count }, (_, i) => Math.floor((i * bits) / count));
  const report = join(base, 'report');
  const counts = Object.fromEntries(outcomes.map((each) => [each, 0])) as Record<Outcome, number>;
  for (let from = 0; from < chosen.length; ) {
    writeFileSync(report, '');
    spawnEngine(name, 'try', directory, report, ...chosen.slice(from, from + triesPerProcess).map(String));
    const lines = readFileSync(report, 'utf8').split('\n').filter(Boolean);
    if (lines.length === 0) throw new Error(`${name}: no try was begun`);
    for (const line of lines) counts[(line.split(' ')[1] || 'ended') as Outcome]++;
    from += lines.length;
  }
  return counts;
}

try {
  for (const name of names) {
    const counts = flip(name);
    console.log(`${name}: ${JSON.stringify(counts)}`);
    for (const outcome of outcomes) rows.push(rowOf(`${name}: ${outcome}`, [counts[outcome]]));
    const noticed = counts.refused + counts.caught + counts.lied + counts.ended;
    ratios[`${name}: lied or ended, of bits that mattered`] = (counts.lied + counts.ended) / noticed;
    writeResults('storeDamage', { unit: 'bits', rows, ratios, flips: Number(values.flips), notLoaded, versions });
  }
} finally {
  rmSync(base, { recursive: true, force: true });
}
