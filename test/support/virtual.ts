import { TestScheduler } from 'rxjs/testing';
import { expect } from 'vitest';

/** Runs a test in virtual time, to its end. */
export function virtual(run: (scheduler: TestScheduler) => void): void {
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  scheduler.run(({ flush }) => {
    run(scheduler);
    flush();
  });
}
