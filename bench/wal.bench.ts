// npm run bench -- wal [--seconds 2] [--rounds 5] [--directory DIR]: how many records a second a write-ahead log takes when each
// is synced before its sender hears of it, beside a plain file written and synced as often as it can be, and how fast it is read.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { WriteAheadLogSession } from 'dstream';
import { fileWriteAheadLog } from 'dstream/node';
import { asyncScheduler, from, lastValueFrom } from 'rxjs';
import { LoggedRecords } from '../src/sources/receiver/loggedRecords.js';
import { quantile } from './quantile.js';
import { type Row, rowOf, writeResults } from './report.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    directory: { type: 'string', default: tmpdir() },
  },
});
const duration = 1_000 * Number(values.seconds);
const rounds = Number(values.rounds);
const recordBytes = 100;
const records = Array.from({ length: 4_096 }, (_, i) => `${i * 2_654_435_761}`.padEnd(recordBytes, 'abcdefghij'));

const rows: Row[] = [];
const note = (name: string, samples: readonly number[]): number => {
  const row = rowOf(name, samples);
  rows.push(row);
  console.log(`${name}: ${Number(row.median.toPrecision(3)).toLocaleString('en')}`);
  return row.median;
};

const openIn = (directory: string, saved = 0): Promise<WriteAheadLogSession> =>
  lastValueFrom(from(fileWriteAheadLog(directory).open({ saved, planned: saved })));
const limits = { scheduler: asyncScheduler, storeTimeout: Infinity, location: 'bench' };
const closed = (session: WriteAheadLogSession) => lastValueFrom(from(session.close()), { defaultValue: undefined });

/** Each sender sends a block when the previous one is acknowledged as stored. Returns records per second. */
async function sending(
  directory: string,
  senders: number,
  block: number,
): Promise<{ readonly rate: number; readonly p99: number }> {
  const session = await openIn(directory);
  const begun = performance.now();
  let stored = 0;
  let sent = 0;
  const delays: number[] = [];
  await new Promise<void>((resolve, reject) => {
    let left = senders;
    const log = new LoggedRecords<string>(session, 0, limits, { durable: () => {}, fail: reject });
    const send = () => {
      if (performance.now() - begun > duration) {
        if (--left === 0) resolve();
        return;
      }
      const sentAt = performance.now();
      for (let i = 1; i < block; i++) log.push([records[sent++ % records.length] as string], [recordBytes]);
      const acknowledged = () => {
        stored += block;
        delays.push(performance.now() - sentAt);
        send();
      };
      log.push([records[sent++ % records.length] as string], [recordBytes], { stored: acknowledged });
    };
    for (let i = 0; i < senders; i++) send();
  });
  const rate = (1_000 * stored) / (performance.now() - begun);
  await closed(session);
  return { rate, p99: quantile(delays, 0.99) };
}

/** Writes the same bytes to one file, in pieces of about what the log writes at once, each synced. Returns bytes per second. */
async function plainFile(directory: string, piece: number): Promise<number> {
  const file = await open(join(directory, 'plain'), 'w');
  const bytes = Buffer.alloc(piece, 'abcdefghij');
  const begun = performance.now();
  let position = 0;
  while (performance.now() - begun < duration) {
    await file.write(bytes, 0, bytes.length, position);
    await file.datasync();
    position += bytes.length;
  }
  const rate = (1_000 * position) / (performance.now() - begun);
  await file.close();
  return rate;
}

/** What a recovery took: until the log was open, and until a batch after the other had decoded its records. Bytes per second. */
interface Recovered {
  readonly opened: number;
  readonly decoded: number;
  /** The same, by the processor time of all threads. */
  readonly decodedOfCpu: number;
}

/** Opens a log in which nothing is saved: reads it and checks the checksums; then decodes block by block, as batches do. */
async function recovery(directory: string): Promise<Recovered> {
  const size = readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const session = await openIn(directory);
  const opened = (1_000 * size) / (performance.now() - begun);
  let count = 0;
  for (const block of session.recovered()) count += block.records.length;
  const decoded = (1_000 * size) / (performance.now() - begun);
  const { user, system } = process.cpuUsage(cpu);
  if (count === 0) throw new Error('nothing came back');
  await closed(session);
  return { opened, decoded, decodedOfCpu: (1e6 * size) / (user + system) };
}

const cases = [
  { name: 'blocks of 1,000, 8 on their way', senders: 8, block: 1_000 },
  { name: '10,000 senders of single records', senders: 10_000, block: 1 },
  { name: '1,000 senders of single records', senders: 1_000, block: 1 },
  { name: '1 sender of single records', senders: 1, block: 1 },
];
const samples = new Map<string, number[]>();
const add = (name: string, value: number) => samples.set(name, [...(samples.get(name) ?? []), value]);
for (let round = 0; round < rounds; round++) {
  for (const { name, senders, block } of cases) {
    const directory = mkdtempSync(join(values.directory, 'dstream-wal-'));
    try {
      const sent = await sending(directory, senders, block);
      add(`${name}, records a second`, sent.rate);
      add(`${name}, p99 of acknowledgements, ms`, sent.p99);
      if (block === 1) continue;
      const { opened, decoded, decodedOfCpu } = await recovery(directory);
      add('recovery of what these wrote until it is open, MB a second', opened / 1e6);
      add('recovery of what these wrote, all records decoded, MB a second', decoded / 1e6);
      add('recovery of what these wrote, all records decoded, MB a second of processor time', decodedOfCpu / 1e6);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }
  const directory = mkdtempSync(join(values.directory, 'dstream-wal-'));
  try {
    add('a plain file, 400 kB written and synced at a time, MB a second', (await plainFile(directory, 400_000)) / 1e6);
    add('a plain file, 100 B written and synced at a time, syncs a second', (await plainFile(directory, 100)) / 100);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
const medians = [...samples].map(([name, list]) => [name, note(name, list)] as const);
const medianOf = (start: string) => medians.find(([name]) => name.startsWith(start))?.[1] ?? Number.NaN;
const megabytes = (medianOf('blocks of 1,000') * recordBytes) / 1e6;
writeResults('wal', {
  unit: 'records of 100 B, each synced before it counts',
  rows,
  ratios: {
    'blocks of 1,000, MB a second': megabytes,
    'blocks of 1,000 to a plain file of 400 kB writes, in bytes': megabytes / medianOf('a plain file, 400 kB'),
    'single records of one sender to the syncs of a plain file': medianOf('1 sender') / medianOf('a plain file, 100 B'),
  },
});
