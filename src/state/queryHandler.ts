import { InvalidOptionError } from '../batch/errors.js';
import type { Key } from '../batch/key.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkPositiveInteger } from '../options/checks.js';
import type { QueryableState } from './queryable.js';

/** A state that can be asked for over HTTP. */
export type QueriedState = Pick<QueryableState<Key, unknown>, 'time' | 'count'> & {
  /** Returns the state of a key, or `undefined`. */
  get(key: never): unknown;
  /** All keys with their states, oldest key first. */
  entries(): Iterable<readonly [Key, unknown]>;
};

/** Options of `queryHandler`. */
export interface QueryHandlerOptions {
  /**
   * Maximum number of entries of an answer, whatever `limit` asks for.
   * @default 100
   */
  readonly maxEntries?: number | undefined;
  /**
   * Maximum number of characters of an answer, in JSON: a page has fewer entries then, and a state that is longer is refused.
   * @default 1048576
   */
  readonly maxLength?: number | undefined;
}

const optionChecks: OptionChecks<QueryHandlerOptions> = {
  maxEntries: checkPositiveInteger,
  maxLength: checkPositiveInteger,
};

/**
 * Answers questions about states over HTTP, a `Request` by a `Response`: of the states that it is passed, by their names, and of no
 * other. Nothing listens until you serve it, behind whatever checks who may ask.
 *
 * | request | answer |
 * | --- | --- |
 * | `GET /NAME` | the first entries: `time` of the last complete batch, `count` of keys, `entries`, and `next` if there are more |
 * | `GET /NAME?after=100&limit=20` | 20 entries after the first 100 |
 * | `GET /NAME?key=ann` | the `state` of a key, or status 404. A number, boolean or `null` is that key; as text it is in double quotes |
 *
 * Values are JSON; a bigint is a string, a `Map` or `Set` an array. Other methods are refused with 405, other names with 404.
 *
 * @param states what may be asked for, by the last part of the path
 * @throws {InvalidOptionError} when a state is not of `queryable()`, or an option is not a positive integer
 *
 * @see queryable
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, type Pair, queryable, queryHandler, updateStateByKey } from 'dstream';
 *
 * const totals = queryable<string, number>();
 * const answer = queryHandler({ totals });
 * const ask = async (path: string) => {
 *   const response = answer(new Request(`http://localhost/${path}`));
 *   const { time: _, ...body } = await response.json();
 *   console.log(response.status, JSON.stringify(body));
 * };
 * const visits: Pair<string, number>[][] = [[['ann', 1], ['bob', 1]], [['ann', 1]]];
 * fromBatches(visits, { interval: 10 })
 *   .pipe(
 *     updateStateByKey((ones, total: number | undefined) => (total ?? 0) + ones.length, { queryable: totals }),
 *     foreachBatch(() => {}),
 *   )
 *   .subscribe({
 *     complete: async () => {
 *       await ask('totals?key=ann');
 *       await ask('totals?limit=1');
 *       await ask('other');
 *     },
 *   });
 * // => 200 {"state":2}
 * // => 200 {"count":2,"entries":[["ann",2]],"next":1}
 * // => 404 {"error":"no such state"}
 * ```
 */
export function queryHandler(
  states: Readonly<Record<string, QueriedState>>,
  options: QueryHandlerOptions = {},
): (request: Request) => Response {
  checkOptions('queryHandler', options, optionChecks);
  const { maxEntries = 100, maxLength = 1_048_576 } = options;
  if (typeof states !== 'object' || states === null || Array.isArray(states)) {
    throw new InvalidOptionError('queryHandler', 'states', states, 'must be an object of states');
  }
  const known = new Map(Object.entries(states));
  for (const [name, state] of known) {
    if (typeof state?.entries === 'function') continue;
    throw new InvalidOptionError('queryHandler', `states.${name}`, state, 'must be the result of queryable()');
  }
  return ({ method, url }) => {
    if (method !== 'GET' && method !== 'HEAD') return response(method, 405, { error: 'only GET and HEAD' });
    const { pathname, searchParams } = new URL(url);
    const state = known.get(nameIn(pathname));
    if (!state) return response(method, 404, { error: 'no such state' });
    const { status, body } = answerOf(state, searchParams, maxEntries, maxLength);
    return response(method, status, body);
  };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

function answerOf(state: QueriedState, parameters: URLSearchParams, maxEntries: number, maxLength: number): Answer {
  const { time, count } = state;
  const text = parameters.get('key');
  if (text !== null) {
    const value = state.get(keyOf(text) as never);
    if (value === undefined) return { status: 404, body: { time, error: 'no such key' } };
    if (jsonOf(value).length > maxLength) return tooLong(maxLength);
    return { status: 200, body: { time, state: value } };
  }
  const after = integerIn(parameters, 'after', 0);
  const limit = integerIn(parameters, 'limit', maxEntries);
  if (after === undefined || limit === undefined || limit === 0) {
    return { status: 400, body: { error: 'after and limit must be integers, limit more than 0' } };
  }
  const page = pageOf(state, after, Math.min(limit, maxEntries), maxLength);
  if (page.length === 0 && after < count) return tooLong(maxLength);
  const next = after + page.length;
  return { status: 200, body: { time, count, entries: page, ...(next < count && { next }) } };
}

function pageOf(state: QueriedState, after: number, limit: number, maxLength: number): (readonly [Key, unknown])[] {
  const page: (readonly [Key, unknown])[] = [];
  let length = 0;
  let skipped = 0;
  for (const entry of state.entries()) {
    if (skipped < after) {
      skipped++;
      continue;
    }
    length += jsonOf(entry).length;
    if (length > maxLength) break;
    page.push(entry);
    if (page.length === limit) break;
  }
  return page;
}

function tooLong(maxLength: number): Answer {
  return { status: 413, body: { error: `the state is longer than ${maxLength} characters` } };
}

function nameIn(pathname: string): string {
  try {
    return decodeURIComponent(pathname.slice(pathname.lastIndexOf('/') + 1));
  } catch {
    return '';
  }
}

/** Text is a key as it is, unless it is JSON of another kind of key. */
function keyOf(text: string): Key {
  try {
    const key: unknown = JSON.parse(text);
    if (key === null || ['string', 'number', 'boolean'].includes(typeof key)) return key as Key;
  } catch {
    // Text.
  }
  return text;
}

function integerIn(parameters: URLSearchParams, name: string, otherwise: number): number | undefined {
  const text = parameters.get(name);
  if (text === null) return otherwise;
  const value = Number(text);
  return text !== '' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value, plain) ?? 'null';
}

/** What JSON has no form for, as the nearest that it has. */
function plain(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Map || value instanceof Set) return [...value];
  return value;
}

function response(method: string, status: number, body: unknown): Response {
  const headers = {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  };
  const allow = status === 405 ? { allow: 'GET, HEAD' } : {};
  return new Response(method === 'HEAD' ? null : jsonOf(body), { status, headers: { ...headers, ...allow } });
}
