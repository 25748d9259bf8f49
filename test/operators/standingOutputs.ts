import { AbandonedBatchError, type Batch, type BatchInfo } from 'dstream';
import {
  concatWith,
  lastValueFrom,
  Observable,
  type OperatorFunction,
  Subject,
  take,
  takeUntil,
  throwError,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { isDerivedFrom } from '../support/isDerivedFrom.js';

/** An output, and a stream that it is made for. */
export interface OutputJob<T> {
  /** A stream whose first batch has these records, whenever it is subscribed to. */
  readonly open: (records: readonly T[], batchObserver: { next(info: BatchInfo): void }) => Observable<Batch<T>>;
  readonly output: OperatorFunction<Batch<T>, Batch<T>>;
  /** Whether batches pass on before their effect, which is the last act of the batch. */
  readonly passesOnFirst?: boolean;
}

/**
 * The standing cases (see `standingCases`) of what writes to files or servers: by the real clock. `job` is called for each
 * case; `throwing` gives the output with a user function that throws, and is absent when it takes none.
 */
export function standingCasesOfOutput<T, J extends OutputJob<T> = OutputJob<T>>(
  name: string,
  records: readonly T[],
  job: () => J | Promise<J>,
  throwing?: (boom: () => never, job: J) => OperatorFunction<Batch<T>, Batch<T>>,
): void {
  /** Until the first batch is complete, or the stream fails: what came out. */
  const firstOf = ({ open, output }: OutputJob<T>, given: readonly T[] = records): Promise<readonly (readonly T[])[]> =>
    new Promise((resolve, reject) => {
      const seen: (readonly T[])[] = [];
      const complete = new Subject<void>();
      open(given, { next: () => complete.next() })
        .pipe(output, takeUntil(complete))
        .subscribe({ next: (batch) => seen.push(batch.records), error: reject, complete: () => resolve(seen) });
    });

  describe(`${name}, as every operator`, () => {
    it('handles an empty batch, which completes', async () => {
      expect(await firstOf(await job(), [])).toEqual([[]]);
    });

    it('is known to stand on its source', async () => {
      const { output } = await job();
      const source = new Subject<Batch<T>>();
      expect(isDerivedFrom(source.pipe(output), source)).toBe(true);
    });

    it('passes an error on', async () => {
      const { open, output } = await job();
      const broken = open(records, { next: () => {} }).pipe(take(1), concatWith(throwError(() => 'broken')));
      await expect(lastValueFrom(broken.pipe(output))).rejects.toBe('broken');
    });

    if (throwing) {
      it('fails the batch and the stream when a user function throws', async () => {
        const one = await job();
        let completed = 0;
        const operator = throwing(() => {
          throw new Error('boom');
        }, one);
        const failure = lastValueFrom(one.open(records, { next: () => completed++ }).pipe(operator));
        await expect(failure).rejects.toThrow('boom');
        expect(completed).toBe(0);
      });
    }

    it('stops a synchronous source when unsubscribed in the middle: the batch fails, and goes no further', async () => {
      const one = await job();
      const [enough, seen] = [new Subject<void>(), [] as unknown[]];
      let asked = 0;
      const failure = new Promise((_, reject) => {
        one.open(records, { next: () => {} }).subscribe({
          next: (batch) => {
            const endless = new Observable<Batch<T>>((subscriber) => {
              while (!subscriber.closed && asked < 1_000) {
                asked++;
                subscriber.next(batch);
                enough.next();
              }
            });
            endless.pipe(one.output, takeUntil(enough)).subscribe((passed) => seen.push(passed));
          },
          error: reject,
        });
      });
      await expect(failure).rejects.toBeInstanceOf(AbandonedBatchError);
      expect(asked).toBe(1);
      // Another is written meanwhile: what was left has had its time to come.
      expect(await firstOf(await job())).toEqual([records]);
      if (!one.passesOnFirst) expect(seen).toEqual([]);
    });

    it('starts clean at a second subscription', async () => {
      const one = await job();
      expect(await firstOf(one)).toEqual([records]);
      expect(await firstOf(one)).toEqual([records]);
    });
  });
}
