// npm run bench -- stores [--keys 1000000,3000000] [--rounds 3]: stores that could keep state on disk. Reads of
// 10,000 keys at random, a durable commit of those, a scan of all, bytes on disk. Installs the
// packages that it compares apart from those of the project, without running their scripts.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Row, rowOf, writeResults } from './report.js';
import type { Round } from './stores/child.js';
import { bytesOf } from './stores/damage.js';
import { lmdb } from './stores/engines.js';
import { versions } from './stores/packages.js';
import { loadableEngines, runEngine } from './stores/processes.js';

const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000,3000000' },
    rounds: { type: 'string', default: '3' },
  },
});
const rounds = Number(values.rounds);

const median = (samples: readonly number[]) => rowOf('', samples).median;

const base = mkdtempSync(join(tmpdir(), 'dstream-stores-'));
const rows: Row[] = [];
const ratios: Record<string, number> = {};

const { names, notLoaded } = loadableEngines();

function measure(keys: number): void {
  const directoryOf = new Map(names.map((name, i) => [name, join(base, `${keys}-${i}`)]));
  const measured = new Map<string, Round[]>(names.map((name) => [name, []]));
  for (const [name, directory] of directoryOf) {
    console.log(`${name}: writing ${keys} keys`);
    runEngine(name, 'fill', directory, `${keys}`);
  }
  for (let round = 0; round < rounds; round++) {
    // Another store is the first of each round.
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length] as string;
      const result = JSON.parse(
        runEngine(name, 'round', directoryOf.get(name) ?? '', `${keys}`, `${round + 1}`),
      ) as Round;
      measured.get(name)?.push(result);
      console.log(
        `${name}, round ${round + 1}: ${JSON.stringify(result.reads.map(({ ms }) => Math.round(ms)))} ms reads`,
      );
    }
  }
  const what: Readonly<Record<string, (round: Round) => readonly number[]>> = {
    'reads of 10,000 keys, ms': ({ reads }) => reads.map(({ ms }) => ms),
    'reads of 10,000 keys, CPU ms': ({ reads }) => reads.map(({ cpuMs }) => cpuMs),
    'commit of 10,000 keys, ms': ({ commits }) => commits.map(({ ms }) => ms),
    'commit of 10,000 keys, CPU ms': ({ commits }) => commits.map(({ cpuMs }) => cpuMs),
    'scan of all keys, ms': ({ scan }) => [scan.ms],
    'scan of all keys, CPU ms': ({ scan }) => [scan.cpuMs],
    'open, ms': ({ openMs }) => [openMs],
  };
  for (const [title, pick] of Object.entries(what)) {
    const medianOf = (name: string) => median((measured.get(name) ?? []).flatMap(pick));
    for (const name of names) {
      rows.push(
        rowOf(`${keys.toLocaleString('en')} keys, ${title}: ${name}`, (measured.get(name) ?? []).flatMap(pick)),
      );
      if (name !== lmdb && !title.startsWith('open')) {
        ratios[`${keys.toLocaleString('en')} keys, ${title}: ${name} to LMDB`] = medianOf(name) / medianOf(lmdb);
      }
    }
  }
  const bytes = (name: string) => bytesOf(directoryOf.get(name) ?? '') / keys;
  for (const name of names)
    rows.push(rowOf(`${keys.toLocaleString('en')} keys, bytes a key on disk: ${name}`, [bytes(name)]));
  for (const directory of directoryOf.values()) rmSync(directory, { recursive: true });
}

try {
  for (const keys of values.keys.split(',').map(Number)) {
    measure(keys);
    // Written after each size, because the next one takes several times as long.
    writeResults('stores', { unit: 'as each row says', rows, ratios, notLoaded, versions, rounds });
  }
} finally {
  rmSync(base, { recursive: true, force: true });
}
