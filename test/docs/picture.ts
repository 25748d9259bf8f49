import * as dstream from 'dstream';
import * as aggregators from 'dstream/aggregators';
import { type BatchValue, runBatches } from 'dstream/testing';
import * as rxjs from 'rxjs';
import type { Drawing } from '../../docs/.vitepress/diagram.js';

/**
 * A picture of batches in and out, as the pages of the operators have it:
 *
 *     time   10        20      30
 *     in     [1, 2]    -       [3]
 *            mapRecords((n) => n * 10)
 *     out    [10, 20]  -       [30]
 *
 * A cell is what comes at that time: records, `-` for no batch, `[a] [b]` for two partitions; `key:value` is a pair. Rows
 * between `in` and the call are other streams, by their names. A row `complete` has the times of the batches that complete.
 */
export interface Picture {
  readonly times: readonly number[];
  readonly call: string;
  /** The call as it is written, line by line. */
  readonly callLines: readonly string[];
  readonly rows: ReadonlyMap<string, readonly (string | undefined)[]>;
}

/** The indented blocks that begin with a row of times. */
export function picturesOf(page: string): readonly Picture[] {
  return [...page.matchAll(/(?:^ {4}.*\n)+/gm)]
    .map(([block]) => block)
    .filter((block) => block.startsWith('    time '))
    .map(read);
}

function read(block: string): Picture {
  const lines = block.split('\n').filter((line) => line.trim() !== '');
  const columns = cellsOf(lines[0] ?? '').map(({ at }) => at);
  const rows = new Map<string, readonly (string | undefined)[]>();
  for (const line of lines.filter((text) => labelOf(text) !== undefined)) {
    const cells = cellsOf(line);
    const stray = cells.find(({ at }) => !columns.includes(at));
    if (stray) throw new Error(`'${stray.text}' stands under no time in:\n${block}`);
    rows.set(
      labelOf(line) ?? '',
      columns.map((column) => cells.find(({ at }) => at === column)?.text),
    );
  }
  const call = lines.filter((line) => labelOf(line) === undefined);
  const margin = Math.min(...call.map((line) => line.search(/\S/)));
  return {
    times: (rows.get('time') ?? []).map(Number),
    call: call.map((line) => line.trim()).join(' '),
    callLines: call.map((line) => line.slice(margin)),
    rows,
  };
}

/** Lines without a label belong to the call. */
function labelOf(line: string): string | undefined {
  return /^ {4}(\w+)/.exec(line)?.[1];
}

function cellsOf(line: string): readonly { readonly at: number; readonly text: string }[] {
  const label = labelOf(line) ?? '';
  return [...line.matchAll(/\S+(?: \S+)*/g)].map((match) => ({ at: match.index, text: match[0] })).slice(label ? 1 : 0);
}

export interface PictureRun {
  readonly actual: unknown;
  readonly expected: unknown;
  /** What the site draws: the batches as they came. */
  readonly drawing: Drawing;
}

/** What the call makes of the batches, and what the picture says that it makes of them: row by row. */
export function runPicture({ times, call, callLines, rows }: Picture): PictureRun {
  const outputs = ['time', 'out', 'complete'];
  const cells = (row: string) =>
    (rows.get(row) ?? []).flatMap((cell, i) => (cell && cell !== '-' ? [[times[i], cell] as const] : []));
  const byPartition = cells('out').some(([, cell]) => cell.includes('] ['));
  const actual: { out: unknown[]; complete?: unknown[] } = { out: [] };
  const out: [number, readonly (readonly unknown[])[]][] = [];
  let done: Drawing['completions'] = [];
  runBatches(
    ({ batches, completions, scheduler, flush }) => {
      const inputNames = [...rows.keys()].filter((name) => !outputs.includes(name));
      const streams = inputNames.map((name) => {
        const letters = cells(name).map(
          ([time, cell], i) => [String.fromCharCode(97 + i), time as number, recordsOf(cell)] as const,
        );
        let now = 0;
        const marbles = letters.map(([letter, time]) => {
          const step = `${time - now}ms ${letter}`;
          now = time + 1;
          return step;
        });
        const end = Math.ceil((now + 1) / 10) * 10 - now;
        return batches<unknown>(
          `${marbles.join(' ')} ${end}ms |`,
          Object.fromEntries(letters.map(([letter, , value]) => [letter, value])),
        );
      });
      const [source, ...others] = streams;
      const scope = {
        ...rxjs,
        ...dstream,
        ...aggregators,
        ...Object.fromEntries(others.map((stream, i) => [inputNames[i + 1], stream])),
      };
      // A module that is loaded as CommonJS has a `default` too, which is no name that a call can use.
      const names = Object.keys(scope).filter((name) => name !== 'default');
      const values = names.map((name) => scope[name as keyof typeof scope]);
      const operator = new Function(...names, `return ${call}`)(...values);
      source
        ?.pipe(operator as rxjs.OperatorFunction<unknown, dstream.Batch<unknown>>)
        .subscribe(({ records, partitions }) => {
          out.push([scheduler.now(), byPartition ? partitions.map((partition) => partition.records) : [records]]);
          actual.out.push([scheduler.now(), byPartition ? partitions.map((partition) => partition.records) : records]);
        });
      flush();
      done = completions.map(({ time, at }) => ({ time, at }));
      if (rows.has('complete')) actual.complete = completions.map(({ time, at }) => [at, time]);
    },
    { interval: 10 },
  );
  const shown = (cell: string) => {
    const value = recordsOf(cell);
    return 'partitions' in value ? value.partitions : byPartition ? [value] : value;
  };
  const expected = { out: cells('out').map(([time, cell]) => [time, shown(cell)]) };
  const complete = cells('complete').map(([time, cell]) => [time, Number(cell)]);
  const [, window] = /\b\w*Window\([^;]*?\bwindow: (\d+)|\bwindow\(\{ window: (\d+)/.exec(call)?.filter(Boolean) ?? [];
  const inputs = [...rows].filter(([name]) => !outputs.includes(name));
  const drawing: Drawing = {
    times,
    rows: [
      ...inputs.map(([name, row]) => ({
        name,
        cells: row.map((cell) => (cell === undefined || cell === '-' ? undefined : partitionsOf(recordsOf(cell)))),
      })),
      { name: 'out', cells: times.map((time) => out.find(([at]) => at === time)?.[1]) },
    ],
    call: callLines,
    completions: done,
    // Windows of event time do not follow the ticks.
    window: window === undefined || call.includes('eventTime(') ? undefined : Number(window),
  };
  return { actual, expected: rows.has('complete') ? { ...expected, complete } : expected, drawing };
}

function partitionsOf(value: BatchValue<unknown>): readonly (readonly unknown[])[] {
  return 'partitions' in value ? value.partitions : [value];
}

function recordsOf(cell: string): BatchValue<unknown> {
  const lists = cell.split(/(?<=\]) (?=\[)/).map((text) => new Reader(text).read() as readonly unknown[]);
  const [only = []] = lists;
  return lists.length > 1 ? { partitions: lists } : only;
}

/** Reads `[a, 1, 'b c', key:value, key:[1, 2]]`: words stand for themselves. */
class Reader {
  readonly #tokens: readonly string[];
  #next = 0;

  constructor(text: string) {
    this.#tokens = text.match(/[[\],:]|'[^']*'|[^\s[\],:]+/g) ?? [];
  }

  read(): unknown {
    const first = this.#one();
    if (this.#tokens[this.#next] !== ':') return first;
    this.#next++;
    return [first, this.read()];
  }

  #one(): unknown {
    const token = this.#tokens[this.#next++] ?? '';
    if (token !== '[') return literalOf(token);
    const list: unknown[] = [];
    while (this.#tokens[this.#next] !== ']') {
      if (this.#next >= this.#tokens.length) throw new Error(`a list has no end: ${this.#tokens.join(' ')}`);
      list.push(this.read());
      if (this.#tokens[this.#next] === ',') this.#next++;
    }
    this.#next++;
    return list;
  }
}

function literalOf(token: string): unknown {
  if (token === 'undefined') return undefined;
  if (token === 'null') return null;
  if (/^-?\d+(\.\d+)?$/.test(token)) return Number(token);
  return token.replace(/^'(.*)'$/, '$1');
}
