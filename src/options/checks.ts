import { InvalidOptionError } from '../batch/errors.js';

// Checks of options, made when an operator or source is called, never at the first batch.

export function checkPositiveInteger(owner: string, option: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value > 0)) {
    throw new InvalidOptionError(owner, option, value, 'must be a positive integer');
  }
}

export function checkNonNegativeInteger(owner: string, option: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value >= 0)) {
    throw new InvalidOptionError(owner, option, value, 'must be an integer of at least 0');
  }
}

export function checkInteger(owner: string, option: string, value: number): void {
  if (!Number.isSafeInteger(value)) throw new InvalidOptionError(owner, option, value, 'must be an integer');
}

/** For rates and gains: a finite number of at least 0. */
export function checkNonNegative(owner: string, option: string, value: number): void {
  if (!(typeof value === 'number' && Number.isFinite(value) && value >= 0)) {
    throw new InvalidOptionError(owner, option, value, 'must be a finite number of at least 0');
  }
}

/** For rates and durations that may not be zero. */
export function checkPositive(owner: string, option: string, value: number): void {
  if (!(typeof value === 'number' && Number.isFinite(value) && value > 0)) {
    throw new InvalidOptionError(owner, option, value, 'must be a finite number greater than 0');
  }
}

/** Timers of all platforms fire at once when they are to wait longer, in ms. */
export const maxTimerMs = 2 ** 31 - 1;

/** For durations that one timer waits for. */
export function checkTimer(owner: string, option: string, value: number): void {
  if (value > maxTimerMs) {
    throw new InvalidOptionError(owner, option, value, `must be at most ${maxTimerMs}, what a timer can wait`);
  }
}

export function checkFunction(owner: string, option: string, value: unknown): void {
  if (typeof value !== 'function') throw new InvalidOptionError(owner, option, value, 'must be a function');
}

/** A function in its place would never be called, and so is refused. */
export function checkObserver(owner: string, option: string, value: unknown): void {
  const next = (value as { readonly next?: unknown } | null)?.next;
  if (typeof value !== 'object' || value === null || (next !== undefined && typeof next !== 'function')) {
    throw new InvalidOptionError(owner, option, value, 'must be an Observer, whose `next` is a function');
  }
}

/**
 * For a parameter; in a table of options it is `oneOf`.
 *
 * @public
 */
export function checkOneOf<T extends string>(owner: string, option: string, value: T, allowed: readonly T[]): void {
  if (!allowed.includes(value)) {
    throw new InvalidOptionError(owner, option, value, `must be one of ${allowed.map((a) => `"${a}"`).join(', ')}`);
  }
}

/** Windows and slides are multiples of the batch interval, which an operator knows at its first batch. */
export function checkMultiple(owner: string, option: string, value: number, interval: number): void {
  if (value % interval !== 0) {
    throw new InvalidOptionError(owner, option, value, `must be a multiple of the batch interval (${interval})`);
  }
}

export function checkBoolean(owner: string, option: string, value: unknown): void {
  if (typeof value !== 'boolean') throw new InvalidOptionError(owner, option, value, 'must be true or false');
}

/** For names, ids and paths. */
export function checkText(owner: string, option: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') {
    throw new InvalidOptionError(owner, option, value, 'must be a non-empty string');
  }
}

/** An array of entries, a Map, or any other iterable that is no text. */
export function checkIterable(owner: string, option: string, value: unknown): void {
  if (typeof value === 'object' && value !== null && Symbol.iterator in value) return;
  throw new InvalidOptionError(owner, option, value, 'must be an iterable');
}

/** A port of TCP; 0 takes a free one where something listens. */
export function checkPort(owner: string, option: string, value: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= 65_535) return;
  throw new InvalidOptionError(owner, option, value, 'must be an integer from 0 to 65535');
}

export function checkScheduler(owner: string, option: string, value: unknown): void {
  withMethods('now', 'schedule')(owner, option, value);
}

/** For options whose type is the user's own, such as an initial value. */
export function checkNothing(): void {}

/** Refuses the value of one option. */
export type OptionCheck = (owner: string, option: string, value: never) => void;
type AnyCheck = (owner: string, option: string, value: unknown) => void;

/** `Infinity` means that there is no limit. */
export function orInfinity(check: OptionCheck): OptionCheck {
  return (owner, option, value: unknown) => {
    if (value !== Infinity) (check as AnyCheck)(owner, option, value);
  };
}

/** One check after the other. */
export function allOf(...checks: readonly OptionCheck[]): OptionCheck {
  return (owner, option, value) => {
    for (const check of checks) check(owner, option, value);
  };
}

export function oneOf(...allowed: readonly string[]): OptionCheck {
  return (owner, option, value) => checkOneOf<string>(owner, option, value, allowed);
}

/** One of the words, or what the check allows; `other` names that. */
export function oneOfOr(allowed: readonly string[], check: OptionCheck, other: string): OptionCheck {
  return (owner, option, value: unknown) => {
    if (typeof value !== 'string') (check as AnyCheck)(owner, option, value);
    else if (!allowed.includes(value)) {
      const words = allowed.map((word) => `"${word}"`).join(', ');
      throw new InvalidOptionError(owner, option, value, `must be ${words} or ${other}`);
    }
  };
}

/** For what the user passes in: an object, or a function, that has these functions. */
export function withMethods(...methods: readonly string[]): AnyCheck {
  return (owner, option, value) => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) {
      throw new InvalidOptionError(owner, option, value, `must be an object with ${listed(methods)}`);
    }
    for (const method of methods) {
      checkFunction(owner, `${option}.${method}`, (value as Readonly<Record<string, unknown>>)[method]);
    }
  };
}

/** An array, each item of which is checked under its index. */
export function arrayOf(check: OptionCheck): OptionCheck {
  return (owner, option, value: unknown) => {
    if (!Array.isArray(value)) throw new InvalidOptionError(owner, option, value, 'must be an array');
    for (const [i, item] of value.entries()) (check as AnyCheck)(owner, `${option}[${i}]`, item);
  };
}

function listed(names: readonly string[]): string {
  return names.map((name) => `${name}()`).join(', ');
}
