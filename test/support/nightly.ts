import { it, type TestOptions } from 'vitest';

/** Whether more is tried than `npm test` has the time for: `npm run test:nightly` sets it. */
export const nightly = process.env.DSTREAM_NIGHTLY === '1';

/** A test that only `npm run test:nightly` has the time for. It is not skipped elsewhere: with CI=true no test may be. */
export function itNightly(name: string, options: TestOptions, run: () => unknown): void {
  if (nightly) it(name, options, run);
}
