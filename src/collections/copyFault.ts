import { messageOf } from '../batch/errors/messageOf.js';

/**
 * How deep a value may be nested. V8 reads back what is nested about 1,900 deep on its default stack, and writes what is nested
 * deeper: so the limit applies when a value is written.
 */
const maxNesting = 1_000;

/** Up to this many objects a value is walked without a set of those seen, which is faster. */
const objectsWithoutSet = 4_096;

/** Built-in objects that the structured clone algorithm copies, besides arrays, views and errors. */
const copied = new Set(
  ['ArrayBuffer', 'BigInt', 'Boolean', 'Date', 'Map', 'Number', 'RegExp', 'Set', 'SharedArrayBuffer', 'String'].map(
    (name) => `[object ${name}]`,
  ),
);
const copiedErrors = new Set([
  'Error',
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
]);

/**
 * Returns why a value would not come back from a checkpoint or a log as it is, and where in the value; `undefined` when it would.
 *
 * Functions, promises and symbols cannot be copied at all; an instance of a class comes back without its methods; what is
 * nested deeper than `maxNesting` can be written and not be read.
 */
export function copyFault(value: unknown): string | undefined {
  if (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol') return undefined;
  try {
    const walk = new Walk(undefined);
    return walk.fault(value, 0) ?? (walk.aborted ? new Walk(new Set()).fault(value, 0) : undefined);
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`;
  }
}

class Walk {
  /** Set when the walk without a set of seen objects has become too long, or runs in a circle. */
  aborted = false;
  readonly #seen: Set<object> | undefined;
  #objects = 0;

  constructor(seen: Set<object> | undefined) {
    this.#seen = seen;
  }

  /** The reason comes with a path that the callers put together on the way back. */
  fault(value: unknown, depth: number): string | undefined {
    switch (typeof value) {
      case 'function':
        return ' is a function';
      case 'symbol':
        return ' is a symbol';
      case 'object':
        return value === null ? undefined : this.#faultOfObject(value, depth);
      default:
        return undefined;
    }
  }

  #faultOfObject(value: object, depth: number): string | undefined {
    if (this.#seen) {
      if (this.#seen.has(value)) return undefined;
      this.#seen.add(value);
      if (depth >= maxNesting) return ` is nested more than ${maxNesting} deep`;
    } else if (this.aborted || depth >= maxNesting || ++this.#objects > objectsWithoutSet) {
      this.aborted = true;
      return undefined;
    }
    const prototype = Object.getPrototypeOf(value);
    // Not `Object.prototype`: an object of another realm (a vm context, as test runners use) has one of its own.
    if (prototype === null || Object.getPrototypeOf(prototype) === null) return this.#faultOfFields(value, depth);
    if (Array.isArray(value)) {
      return isRoot(prototype) ? this.#faultOfElements(value, depth) : notPlain(prototype);
    }
    if (ArrayBuffer.isView(value)) return undefined;
    const tag = Object.prototype.toString.call(value);
    if (tag === '[object Error]' && copiedErrors.has(prototype.constructor?.name)) {
      return located('.cause', this.fault((value as Error).cause, depth + 1));
    }
    if (!copied.has(tag) || !isRoot(prototype)) return notPlain(prototype);
    if (tag === '[object Map]') return this.#faultOfMap(value as Map<unknown, unknown>, depth);
    return tag === '[object Set]' ? this.#faultOfSet(value as Set<unknown>, depth) : undefined;
  }

  #faultOfFields(value: object, depth: number): string | undefined {
    for (const name in value) {
      const field = (value as Readonly<Record<string, unknown>>)[name];
      if (isSimple(field)) continue;
      const fault = this.fault(field, depth + 1);
      if (fault)
        return located(/^[\p{L}_$][\p{L}\d_$]*$/u.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`, fault);
    }
    return undefined;
  }

  #faultOfElements(value: readonly unknown[], depth: number): string | undefined {
    for (let i = 0; i < value.length; i++) {
      if (isSimple(value[i])) continue;
      const fault = this.fault(value[i], depth + 1);
      if (fault) return located(`[${i}]`, fault);
    }
    return undefined;
  }

  #faultOfMap(value: Map<unknown, unknown>, depth: number): string | undefined {
    for (const [key, element] of value) {
      const fault = this.fault(key, depth + 1) ?? this.fault(element, depth + 1);
      if (fault) return located('.get(...)', fault);
    }
    return undefined;
  }

  #faultOfSet(value: Set<unknown>, depth: number): string | undefined {
    for (const element of value) {
      const fault = this.fault(element, depth + 1);
      if (fault) return located('.values()', fault);
    }
    return undefined;
  }
}

function isSimple(value: unknown): boolean {
  return typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol';
}

/** Whether this is the prototype of a built-in object itself, not of a subclass. */
function isRoot(prototype: object): boolean {
  return Object.getPrototypeOf(Object.getPrototypeOf(prototype)) === null;
}

function notPlain(prototype: { readonly constructor?: { readonly name?: string } }): string {
  const name = prototype.constructor?.name;
  if (name === 'Promise') return ' is a promise';
  return name && name !== 'Object' ? ` is an instance of class ${name}` : ' has a prototype of its own';
}

/** Paths longer than this say nothing more. */
const maxPathLength = 100;

function located(path: string, fault: string | undefined): string | undefined {
  if (fault === undefined || fault.length > maxPathLength) return fault;
  return `${path}${fault}`;
}
