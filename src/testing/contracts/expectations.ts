import { from, lastValueFrom, type ObservableInput } from 'rxjs';

// What a contract compares with, so that it needs no test runner.

/** Waits for what a store returns; gives its last value. */
export function settle<T>(input: ObservableInput<T>): Promise<T | undefined> {
  return lastValueFrom(from(input), { defaultValue: undefined });
}

/** @throws {Error} when the two are not the same, naming the place at which they differ */
export function expectSame(what: string, actual: unknown, expected: unknown): void {
  const place = differenceOf(actual, expected, what);
  if (place !== undefined) throw new Error(place);
}

/** Gives the error of an attempt. */
export async function errorOf(what: string, attempt: () => Promise<unknown>): Promise<unknown> {
  try {
    await attempt();
  } catch (error) {
    return error;
  }
  throw new Error(`${what}: it should fail, and did not`);
}

/** Where two values differ; `undefined` when nowhere. By structure, as the structured clone algorithm sees it. */
function differenceOf(actual: unknown, expected: unknown, place: string): string | undefined {
  if (Object.is(actual, expected)) return undefined;
  const differs = `${place}: expected ${show(expected)}, got ${show(actual)}`;
  if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null)
    return differs;
  const [kind, otherKind] = [kindOf(actual), kindOf(expected)];
  if (kind !== otherKind) return `${place}: expected ${otherKind}, got ${kind}`;
  if (kind === 'Date') return Number(actual) === Number(expected) ? undefined : differs;
  const [parts, otherParts] = [partsOf(actual), partsOf(expected)];
  if (parts.length !== otherParts.length) return differs;
  for (const [i, [name, value]] of parts.entries()) {
    const [otherName, otherValue] = otherParts[i] ?? [];
    const found =
      differenceOf(name, otherName, `${place}, name ${i}`) ??
      differenceOf(value, otherValue, `${place}.${String(name)}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** Names and values, in order: that of a `Map` counts, that of the fields of an object does not. */
function partsOf(value: object): readonly (readonly [unknown, unknown])[] {
  if (value instanceof Map) return [...value];
  if (value instanceof Set) return [...value].map((item, i) => [i, item]);
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}

function show(value: unknown): string {
  const text = JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part));
  const shown = text ?? String(value);
  return shown.length > 200 ? `${shown.slice(0, 197)}...` : shown;
}
