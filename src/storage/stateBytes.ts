import { deserialize, serialize } from 'node:v8';

// States as bytes: as JSON where that loses nothing, which is several times as fast, otherwise as V8 writes what the structured
// clone algorithm can copy. V8's format begins with a byte that no JSON begins with.

const v8Start = 0xff;
/** What is nested deeper, or circular, is left to V8. */
const maxJsonDepth = 8;

export function stateToBytes(state: unknown): Buffer {
  return isJson(state, maxJsonDepth) ? Buffer.from(JSON.stringify(state), 'utf8') : serialize(state);
}

/** The state whose bytes end at `end`. */
export function stateFromBytes(bytes: Buffer, end: number): unknown {
  // V8 ignores what follows.
  return bytes[0] === v8Start ? deserialize(bytes) : JSON.parse(bytes.toString('utf8', 0, end));
}

/** Reads many states: JSON in blocks, because starting the parser takes longer than parsing a small state. */
export class StateReader {
  #states: unknown[] = [];
  #block = Buffer.allocUnsafe(1 << 16);
  /** Ends before the bracket that closes the list. */
  #length = 0;

  /** The bytes from `start` until `end` may be overwritten afterwards. */
  add(bytes: Buffer, end: number, start = 0): void {
    const length = end - start;
    if (bytes[start] === v8Start || length > this.#block.length - 2) {
      this.#parse();
      // What V8 returns may be a view of its bytes.
      this.#states.push(stateFromBytes(Buffer.from(bytes.subarray(start, end)), length));
      return;
    }
    if (this.#length + length + 2 > this.#block.length) this.#parse();
    const block = this.#block;
    let at = this.#length;
    block[at] = at === 0 ? openingBracket : comma;
    at++;
    for (let i = start; i < end; i++) block[at++] = bytes[i] as number;
    this.#length = at;
  }

  /** In the order in which they were added. */
  states(): readonly unknown[] {
    this.#parse();
    return this.#states;
  }

  /** The same, and begins with none. */
  take(): readonly unknown[] {
    const states = this.states();
    this.reset();
    return states;
  }

  /** Begins with none, also after an error. */
  reset(): void {
    this.#states = [];
    this.#length = 0;
  }

  #parse(): void {
    if (this.#length === 0) return;
    this.#block[this.#length++] = closingBracket;
    for (const state of JSON.parse(this.#block.toString('utf8', 0, this.#length))) this.#states.push(state);
    this.#length = 0;
  }
}

const openingBracket = '['.charCodeAt(0);
const closingBracket = ']'.charCodeAt(0);
const comma = ','.charCodeAt(0);

/** Whether JSON returns exactly this value. */
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

/** Dense, and with no properties besides its elements. */
function isJsonArray(value: readonly unknown[], depth: number): boolean {
  if (Object.keys(value).length !== value.length) return false;
  for (const element of value) if (!isJson(element, depth - 1)) return false;
  return true;
}

/** Plain: others have more than their fields. */
function isJsonObject(value: object, depth: number): boolean {
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const name in value) if (!isJson((value as Record<string, unknown>)[name], depth - 1)) return false;
  return true;
}
