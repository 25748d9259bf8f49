import * as dstream from 'dstream';
import * as aggregators from 'dstream/aggregators';
import { type BatchValue, runBatches } from 'dstream/testing';
import * as rxjs from 'rxjs';

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
  const call = lines.filter((line) => labelOf(line) === undefined).map((line) => line.trim());
  return { times: (rows.get('time') ?? []).map(Number), call: call.join(' '), rows };
}

/** Lines without a label belong to the call. */
function labelOf(line: string): string | undefined {
  return /^ {4}(\w+)/.exec(line)?.[1];
}

function cellsOf(line: string): readonly { readonly at: number; readonly text: string }[] {
  const label = labelOf(line) ?? '';
  return [...line.matchAll(/\S+(?: \S+)*/g)].map((match) => ({ at: match.index, text: match[0] })).slice(label ? 1 : 0);
}

/** What the call makes of the batches, and what the picture says that it makes of them: row by row. */
export function runPicture({ times, call, rows }: Picture): { readonly actual: unknown; readonly expected: unknown } {
  const outputs = ['time', 'out', 'complete'];
  const cells = (row: string) =>
    (rows.get(row) ?? []).flatMap((cell, i) => (cell && cell !== '-' ? [[times[i], cell] as const] : []));
  const byPartition = cells('out').some(([, cell]) => cell.includes('] ['));
  const actual: { out: unknown[]; complete?: unknown[] } = { out: [] };
  runBatches(
    ({ batches, completions, scheduler, flush }) => {
      const names = [...rows.keys()].filter((name) => !outputs.includes(name));
      const streams = names.map((name) => {
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
        ...Object.fromEntries(others.map((stream, i) => [names[i + 1], stream])),
      };
      const operator = new Function(...Object.keys(scope), `return ${call}`)(...Object.values(scope));
      source
        ?.pipe(operator as rxjs.OperatorFunction<unknown, dstream.Batch<unknown>>)
        .subscribe(({ records, partitions }) => {
          actual.out.push([scheduler.now(), byPartition ? partitions.map((partition) => partition.records) : records]);
        });
      flush();
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
  return { actual, expected: rows.has('complete') ? { ...expected, complete } : expected };
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
