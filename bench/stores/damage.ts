import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { entryFits } from '../../src/state/lmdb/lmdbEntry.js';
import { notData, type OpenEngine } from './engine.js';
import { entryWith, keyOf } from './records.js';

/**
 * What came of a flipped bit: all was read right; the store refused its files; it gave bytes that the checksum of an entry
 * does not fit; it gave entries of before, or missed some, and no checksum tells; the process ended.
 */
export const outcomes = ['right', 'refused', 'caught', 'lied', 'ended'] as const;
export type Outcome = (typeof outcomes)[number];

const keys = Array.from({ length: 600 }, (_, i) => i);

/** The files that hold data, in order of their names, and where each begins in all of them. */
function filesOf(directory: string): readonly { readonly name: string; readonly start: number }[] {
  let end = 0;
  return readdirSync(directory)
    .filter((name) => !notData.test(name))
    .sort()
    .map((name) => {
      const start = end;
      end += statSync(join(directory, name)).size;
      return { name, start };
    });
}

export function bytesOf(directory: string): number {
  return filesOf(directory).reduce((sum, { name }) => sum + statSync(join(directory, name)).size, 0);
}

/** Four commits over 600 keys. The last, of a few keys, is still in a log where the store has one. */
export async function writeToDamage(openEngine: OpenEngine, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const engine = await openEngine(directory);
  const expected = new Map<number, string>();
  for (let batch = 1; batch <= 4; batch++) {
    const changed = batch === 4 ? keys.slice(0, 20) : keys.filter((i) => batch === 1 || (i + batch) % 3 === 0);
    const entries = changed.map((i) => entryWith(i, `${batch} `.repeat(1 + (i % 40))));
    await engine.commit(entries);
    for (const [at, i] of changed.entries()) expected.set(i, entries[at]?.[1].toString('latin1') ?? '');
    if (batch === 3) await engine.settle();
  }
  writeFileSync(`${directory}.right`, JSON.stringify([...expected]));
}

/** Reports a line for each bit, begun before the try: it stays unfinished when that ends the process. */
export async function tryFlips(
  openEngine: OpenEngine,
  directory: string,
  report: string,
  bits: readonly number[],
): Promise<void> {
  const right = new Map<number, string>(JSON.parse(readFileSync(`${directory}.right`, 'utf8')));
  const files = filesOf(directory);
  for (const bit of bits) {
    appendFileSync(report, `${bit} `);
    const copy = `${directory}-${bit}`;
    cpSync(directory, copy, { recursive: true });
    const at = bit >> 3;
    const file = files.findLast(({ start }) => start <= at);
    if (file) {
      const path = join(copy, file.name);
      const bytes = readFileSync(path);
      bytes[at - file.start] = (bytes[at - file.start] as number) ^ (1 << (bit & 7));
      writeFileSync(path, bytes);
    }
    const outcome = await read(openEngine, copy, right).catch(() => 'refused' as const);
    appendFileSync(report, `${outcome}\n`);
    rmSync(copy, { recursive: true, force: true });
  }
}

async function read(openEngine: OpenEngine, directory: string, right: ReadonlyMap<number, string>): Promise<Outcome> {
  const engine = await openEngine(directory);
  try {
    const byName = new Map([...right].map(([i, value]) => [keyOf(i).toString('latin1'), value]));
    let [caught, wrong, scanned] = [false, false, 0];
    const look = (key: Buffer, value: Buffer | undefined) => {
      if (value?.toString('latin1') === byName.get(key.toString('latin1'))) return;
      if (value && !entryFits(crc32(key), value, 0, value.length)) caught = true;
      else wrong = true;
    };
    await engine.scan((key, value) => {
      scanned++;
      if (scanned > 10 * keys.length) throw new Error('there is no end of it');
      look(Buffer.from(key), value);
    });
    if (scanned !== right.size) wrong = true;
    const wanted = [...right.keys()].map(keyOf);
    const values = await engine.readEach(wanted);
    for (const [i, key] of wanted.entries()) look(key, values[i]);
    if (caught) return 'caught';
    return wrong ? 'lied' : 'right';
  } finally {
    await engine.close();
  }
}
