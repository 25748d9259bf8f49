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
