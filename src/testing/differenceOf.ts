/**
 * Where two values differ, and how: `place: expected 1, got 2`; `undefined` when they are the same. Compares by structure, as
 * the structured clone algorithm sees it.
 */
export function differenceOf(actual: unknown, expected: unknown, place: string): string | undefined {
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

/** A value on one line, at most 200 characters long. */
export function show(value: unknown): string {
  const text = JSON.stringify(value, showHidden) ?? String(value);
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}

/** What JSON leaves out, or shows as something else. */
function showHidden(_: string, value: unknown): unknown {
  if (value === undefined) return 'undefined';
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value instanceof Map || value instanceof Set) return [...value];
  return value;
}

function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** Names and values. The order of a `Map` counts, that of the fields of an object does not. */
function partsOf(value: object): readonly (readonly [unknown, unknown])[] {
  if (value instanceof Map) return [...value];
  if (value instanceof Set) return [...value].map((item, i) => [i, item]);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return value instanceof Error ? [['name', value.name], ['message', value.message], ...fields] : fields;
}
