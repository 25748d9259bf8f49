import { from, lastValueFrom, type ObservableInput } from 'rxjs';
import { differenceOf } from '../differenceOf.js';

// What a contract compares with, so that it needs no test runner.

/** Waits for what a store returns; resolves with its last value. */
export function settle<T>(input: ObservableInput<T>): Promise<T | undefined> {
  return lastValueFrom(from(input), { defaultValue: undefined });
}

/** @throws {Error} when the two are not the same, naming the place at which they differ */
export function expectSame(what: string, actual: unknown, expected: unknown): void {
  const place = differenceOf(actual, expected, what);
  if (place !== undefined) throw new Error(place);
}

/** Returns the error of an attempt. */
export async function errorOf(what: string, attempt: () => Promise<unknown>): Promise<unknown> {
  try {
    await attempt();
  } catch (error) {
    return error;
  }
  throw new Error(`${what}: it should fail, and did not`);
}
