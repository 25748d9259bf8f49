import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** One contender, over all rounds. */
export interface Row {
  readonly name: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Results {
  /** What the figures are, such as `records a second`. */
  readonly unit: string;
  readonly rows: readonly Row[];
  /** What is compared, within this one run. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly [more: string]: unknown;
}

export function rowOf(name: string, samples: readonly number[]): Row {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (i: number) => sorted[i] ?? Number.NaN;
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
  return { name, median, min: at(0), max: at(sorted.length - 1) };
}

/** Prints the table, and writes bench/results/NAME.json unless told not to. */
export function writeResults(name: string, results: Results, save = true): void {
  const show = (value: number) => (value >= 1_000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3));
  const width = Math.max(...results.rows.map((row) => row.name.length), 4) + 2;
  console.log(`\n${name}, ${results.unit}`);
  console.log(`${''.padEnd(width)}${'median'.padStart(14)}${'min'.padStart(14)}${'max'.padStart(14)}`);
  for (const row of results.rows) {
    const cells = [row.median, row.min, row.max].map((value) => show(value).padStart(14));
    console.log(`${row.name.padEnd(width)}${cells.join('')}`);
  }
  for (const [ratio, value] of Object.entries(results.ratios)) console.log(`${ratio}: ${value.toFixed(2)}`);
  if (!save) return;
  const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length };
  const folder = new URL('./results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const command = `npm run bench -- ${name}`;
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify({ command, machine, ...results }, null, 2)}\n`);
}

/** Prints rows as a page has them. */
export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  console.log(`\n${[header, header.map(() => '---'), ...rows].map(line).join('\n')}`);
}
