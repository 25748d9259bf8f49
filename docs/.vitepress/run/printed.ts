// What `console.log` of Node prints, to the character, so that a reader sees in the page what a terminal would show.

const breakLength = 80;
/** Levels of nesting that fit into one line. */
const compact = 3;
const maxDepth = 2;
const maxItems = 100;

interface Run {
  readonly seen: object[];
  readonly circular: Map<object, number>;
  indentation: number;
  /** Depth of the object that was entered last. */
  depth: number;
}

/** The text that `console.log(...values)` prints, without the last newline. */
export function printed(...values: readonly unknown[]): string {
  const [first, ...rest] = values;
  if (typeof first !== 'string' || rest.length === 0) return values.map(shown).join(' ');
  let used = 0;
  const text = first.replaceAll(/%[sdifjoOc%]/g, (pattern) => {
    if (pattern === '%%') return '%';
    if (used >= rest.length) return pattern;
    return substitute(pattern, rest[used++]);
  });
  return [text, ...rest.slice(used).map(shown)].join(' ');
}

function substitute(pattern: string, value: unknown): string {
  if (pattern === '%c') return '';
  if (pattern === '%j') return JSON.stringify(value) ?? 'undefined';
  if (pattern === '%o' || pattern === '%O') return inspected(value);
  if (pattern === '%s') return typeof value === 'bigint' ? `${value}n` : Object.is(value, -0) ? '-0' : plain(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'symbol' || typeof value === 'object') return pattern === '%d' ? inspected(Number.NaN) : 'NaN';
  const number =
    pattern === '%i'
      ? Number.parseInt(String(value), 10)
      : pattern === '%f'
        ? Number.parseFloat(String(value))
        : Number(value);
  return inspected(number);
}

function plain(value: unknown): string {
  return typeof value === 'object' && value !== null ? inspected(value) : String(value);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : inspected(value);
}

/** A value as Node shows it inside of others: strings have quotes. */
export function inspected(value: unknown): string {
  return inspect({ seen: [], circular: new Map(), indentation: 0, depth: 0 }, value, 0);
}

function inspect(run: Run, value: unknown, depth: number): string {
  if (typeof value === 'string') return quotedAcrossLines(run, value);
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return String(value);
  if (run.seen.includes(value)) {
    const index = run.circular.get(value) ?? run.circular.size + 1;
    run.circular.set(value, index);
    return `[Circular *${index}]`;
  }
  return inspectObject(run, value, depth);
}

/** How an object begins and ends, and what is between. */
interface Parts {
  readonly open: string;
  readonly close: string;
  /** What is written before the braces, or alone where the object is empty. */
  readonly base?: string;
  readonly items: () => readonly string[];
  /** Whether there are items. */
  readonly hasItems?: boolean;
  readonly isList?: boolean;
}

function inspectObject(run: Run, value: object, depth: number): string {
  const keys = keysOf(value);
  const {
    open,
    close,
    base = '',
    items,
    hasItems = false,
    isList = false,
  } = partsOf(run, value, keys.length > 0, depth);
  const isEmpty = !hasItems && keys.length === 0;
  if (isEmpty) return base || `${open}${close}`;
  if (depth > maxDepth) return `[${nameOf(value) ?? 'Object: null prototype'}]`;
  run.seen.push(value);
  run.depth = depth;
  const output = [...items(), ...keys.map((key) => property(run, value, key, depth))];
  run.seen.pop();
  const index = run.circular.get(value);
  const reference = index === undefined ? '' : `<ref *${index}> `;
  const start = base === '' ? `${reference}${open}` : `${open}`;
  return joined(run, output, base === '' ? '' : `${reference}${base}`, start, close, isList ? value : undefined, depth);
}

function keysOf(value: object): readonly (string | symbol)[] {
  const names = Object.keys(value).filter((key) => !isList(value) || !/^(?:0|[1-9]\d*)$/.test(key));
  const symbols = Object.getOwnPropertySymbols(value).filter((key) =>
    Object.prototype.propertyIsEnumerable.call(value, key),
  );
  return [...names, ...symbols];
}

const isList = (value: object): value is readonly unknown[] =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));

function nameOf(value: object): string | undefined {
  for (let at: object | null = value; at !== null; at = Object.getPrototypeOf(at)) {
    const made = Object.getOwnPropertyDescriptor(at, 'constructor')?.value;
    if (typeof made === 'function' && made.name !== '' && value instanceof made) return made.name;
  }
  return undefined;
}

function partsOf(run: Run, value: object, hasKeys: boolean, depth: number): Parts {
  const name = nameOf(value);
  const tag = (value as { readonly [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  const tagged = typeof tag === 'string' && tag !== '' && tag !== name ? ` [${tag}]` : '';
  const called = (size?: number) =>
    `${name ?? '[Object: null prototype]'}${size === undefined ? '' : `(${size})`}${tagged} `;
  const inner = (item: unknown) => indented(run, 2, () => inspect(run, item, depth + 1));
  if (isList(value)) {
    const open = Array.isArray(value) && name === 'Array' ? '[' : `${called(value.length).replace(/ \[\w+\]/, '')}[`;
    return { open, close: ']', isList: true, hasItems: value.length > 0, items: () => listItems(value, inner) };
  }
  if (value instanceof Set) {
    return { open: `${called(value.size)}{`, close: '}', hasItems: value.size > 0, items: () => [...value].map(inner) };
  }
  if (value instanceof Map) {
    const items = () => [...value].map(([key, item]) => `${inner(key)} => ${inner(item)}`);
    return { open: `${called(value.size)}{`, close: '}', hasItems: value.size > 0, items };
  }
  const braces = { open: '{', close: '}', items: () => [] };
  if (typeof value === 'function') return { ...braces, base: functionName(value) };
  if (value instanceof RegExp) return { ...braces, base: String(value) };
  if (value instanceof Date)
    return { ...braces, base: Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString() };
  if (value instanceof Error)
    return {
      ...braces,
      base: errorText(value, run.indentation),
      hasItems: value.cause !== undefined,
      items: () => causeOf(value, inner),
    };
  if (value instanceof Promise) return { ...braces, open: 'Promise {', hasItems: true, items: () => ['<pending>'] };
  if (value instanceof Number || value instanceof Boolean || value instanceof String)
    return { ...braces, base: `[${name}: ${inspected(value.valueOf())}]` };
  const open = name === 'Object' && tagged === '' ? '{' : `${called()}{`;
  return { ...braces, open, ...(hasKeys ? {} : { base: `${open}}` }) };
}

/** A stack belongs to the page, not to the reader's code: only the first line of it. */
function errorText(error: Error, indentation: number): string {
  const first = error.message === '' ? error.name : `${error.name}: ${error.message}`;
  return first.replaceAll('\n', `\n${' '.repeat(indentation)}`);
}

function causeOf(error: Error, inner: (value: unknown) => string): readonly string[] {
  return error.cause === undefined ? [] : [`[cause]: ${inner(error.cause)}`];
}

function functionName(value: object & { readonly name?: string }): string {
  const source = Function.prototype.toString.call(value);
  if (/^class\b/.test(source)) {
    const parent = Object.getPrototypeOf(value)?.name;
    return `[class ${value.name || '(anonymous)'}${parent ? ` extends ${parent}` : ''}]`;
  }
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  return `[${kind}${value.name ? `: ${value.name}` : ' (anonymous)'}]`;
}

function listItems(list: readonly unknown[], inner: (value: unknown) => string): readonly string[] {
  const items: string[] = [];
  let i = 0;
  while (i < list.length && items.length < maxItems) {
    const from = i;
    while (i < list.length && !(i in list)) i++;
    if (i > from) items.push(`<${i - from} empty item${i - from > 1 ? 's' : ''}>`);
    else items.push(inner(list[i++]));
  }
  return [...items, ...rest(list.length - i)];
}

function rest(left: number): readonly string[] {
  return left > 0 ? [`... ${left} more item${left > 1 ? 's' : ''}`] : [];
}

function indented<T>(run: Run, by: number, work: () => T): T {
  run.indentation += by;
  try {
    return work();
  } finally {
    run.indentation -= by;
  }
}

function property(run: Run, object: object, key: string | symbol, depth: number): string {
  const { value, get, set } = Object.getOwnPropertyDescriptor(object, key) ?? {};
  const name = labelOf(key);
  if (get) return `${name}: [${set ? 'Getter/Setter' : 'Getter'}]`;
  if (set) return `${name}: [Setter]`;
  return `${name}: ${indented(run, 2, () => inspect(run, value, depth + 1))}`;
}

/** One line where it fits, else a line for each; numbers and short words in columns. */
function joined(
  run: Run,
  output: readonly string[],
  base: string,
  open: string,
  close: string,
  list: object | undefined,
  depth: number,
): string {
  const before = base === '' ? '' : `${base} `;
  const rows = list && output.length > 6 ? inColumns(run, output, list as readonly unknown[]) : output;
  if (run.depth - depth < compact && rows.length === output.length) {
    const start = output.length + run.indentation + open.length + base.length + 10;
    const total = output.reduce((sum, { length }) => sum + length, output.length + start);
    const line = output.join(', ');
    if (total <= breakLength && !line.includes('\n') && !base.includes('\n'))
      return `${before}${open} ${line} ${close}`;
  }
  const newline = `\n${' '.repeat(run.indentation)}`;
  return `${before}${open}${newline}  ${rows.join(`,${newline}  `)}${newline}${close}`;
}

/** Longer lists become a table whose columns are as wide as their widest item. */
function inColumns(run: Run, output: readonly string[], list: readonly unknown[]): readonly string[] {
  const hasRest = list.length > maxItems && output.length > maxItems;
  const cells = hasRest ? output.slice(0, -1) : output;
  const widths = cells.map((cell) => [...cell].length + 2);
  const total = widths.reduce((sum, width) => sum + width, 0);
  const widest = Math.max(...widths);
  if (!(widest * 3 + run.indentation < breakLength && (total / widest > 5 || widest <= 8))) return output;
  const typical = Math.max(widest - 3 - Math.sqrt(widest - total / output.length), 1);
  const columns = Math.min(
    Math.round(Math.sqrt(2.5 * typical * cells.length) / typical),
    Math.floor((breakLength - run.indentation) / widest),
    compact * 4,
    15,
  );
  if (columns <= 1) return output;
  const columnWidth = (column: number) => Math.max(...widths.filter((_, i) => i % columns === column));
  const toTheRight = list.every((value) => typeof value === 'number' || typeof value === 'bigint');
  const rows: string[] = [];
  for (let from = 0; from < cells.length; from += columns) {
    const row = cells.slice(from, from + columns).map((cell, column, { length }) => {
      const isLast = column === length - 1;
      const width = columnWidth(column) - (isLast ? 2 : 0);
      const text = isLast ? cell : `${cell}, `;
      if (toTheRight) return text.padStart(width);
      return isLast ? text : text.padEnd(width);
    });
    rows.push(row.join(''));
  }
  return hasRest ? [...rows, output[output.length - 1] ?? ''] : rows;
}

function quotedAcrossLines(run: Run, text: string): string {
  if (text.length <= 16 || text.length <= breakLength - run.indentation - 4) return quoted(text);
  const newline = ` +\n${' '.repeat(run.indentation + 2)}`;
  return text
    .split(/(?<=\n)/)
    .map(quoted)
    .join(newline);
}

function quoted(text: string): string {
  const quote = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !/[`]|\$\{/.test(text) ? '`' : "'";
  const escapes: Record<string, string> = {
    '\b': '\\b',
    '\t': '\\t',
    '\n': '\\n',
    '\f': '\\f',
    '\r': '\\r',
    '\\': '\\\\',
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is escaped
  const body = text.replaceAll(/[\x00-\x1f\x7f-\x9f\\']/g, (char) => {
    if (char === "'") return quote === "'" ? "\\'" : char;
    return escapes[char] ?? `\\x${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
  return `${quote}${body}${quote}`;
}

/** A key as in a literal: one called `__proto__` would set the prototype there. */
function labelOf(key: string | symbol): string {
  if (typeof key === 'symbol') return `[${String(key)}]`;
  if (key === '__proto__') return "['__proto__']";
  return /^[a-zA-Z_][a-zA-Z_0-9]*$/.test(key) ? key : quoted(key);
}
