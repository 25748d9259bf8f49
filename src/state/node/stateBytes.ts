import { deserialize, serialize } from 'node:v8';

// States as bytes: as JSON where that carries all there is to them, which is several times as fast, else as V8 writes what the
// structured clone algorithm can copy. V8's begins with a byte that no JSON begins with.

const v8Start = 0xff;
/** What is nested deeper, or turns in a circle, is left to V8. */
const deepest = 8;

export function stateToBytes(state: unknown): Buffer {
  return isJson(state, deepest) ? Buffer.from(JSON.stringify(state), 'utf8') : serialize(state);
}

/** The state whose bytes end at `end`. */
export function stateFromBytes(bytes: Buffer, end: number): unknown {
  // V8 does not look at what stands behind.
  return bytes[0] === v8Start ? deserialize(bytes) : JSON.parse(bytes.toString('utf8', 0, end));
}

/** Whether JSON gives exactly this back. */
function isJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object':
      if (value === null) return true;
      if (depth === 0 || 'toJSON' in value) return false;
      return Array.isArray(value) ? isJsonArray(value, depth) : isJsonObject(value, depth);
    default:
      return false;
  }
}

/** Dense, and without anything besides its elements. */
function isJsonArray(value: readonly unknown[], depth: number): boolean {
  if (Object.keys(value).length !== value.length) return false;
  for (const element of value) if (!isJson(element, depth - 1)) return false;
  return true;
}

/** Plain: others are more than their fields. */
function isJsonObject(value: object, depth: number): boolean {
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const name in value) if (!isJson((value as Record<string, unknown>)[name], depth - 1)) return false;
  return true;
}
