import type { Batch } from 'dstream';
import { runBatches } from 'dstream/testing';
import { ignoreElements, mergeMap, Observable, type OperatorFunction, of, Subject, take, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { isDerivedFrom } from '../support/isDerivedFrom.js';

interface StandingCases<T, R> {
  /** A record, or several, that the operator takes. */
  readonly records: readonly T[];
  readonly make: () => OperatorFunction<Batch<T>, Batch<R>>;
  /** The operator with a user function that throws; absent when it takes none. */
  readonly throwing?: (boom: () => never) => OperatorFunction<Batch<T>, Batch<R>>;
  /** What comes out of an empty first batch. `undefined`: nothing, the batch is swallowed. @default [] */
  readonly fromEmpty?: readonly R[] | undefined;
  /** Nothing comes out synchronously. */
  readonly swallows?: boolean;
  /** Whether a source may give its batches while it is subscribed to; no driver does. @default true */
  readonly synchronous?: boolean;
}

/** What every operator must do, whatever else it does. */
export function standingCases<T, R>(name: string, cases: StandingCases<T, R>): void {
  const { records, make, throwing } = cases;
  const fromEmpty = 'fromEmpty' in cases ? cases.fromEmpty : [];

  describe(`${name}, as every operator`, () => {
    it('handles an empty batch, which completes', () => {
      runBatches(({ batches, completions, flush }) => {
        const seen: (readonly R[])[] = [];
        batches<T>('-a|', { a: [] })
          .pipe(make())
          .subscribe((batch) => seen.push(batch.records));
        flush();
        expect(seen).toEqual(fromEmpty === undefined ? [] : [fromEmpty]);
        expect(completions.map(({ time }) => time)).toEqual([1]);
      });
    });

    it('passes an error on', () => {
      runBatches(({ batches, flush }) => {
        const errors: unknown[] = [];
        batches<T>('-a#', { a: records }, 'broken')
          .pipe(make())
          .subscribe({ error: (error) => errors.push(error) });
        flush();
        expect(errors).toEqual(['broken']);
      });
    });

    if (throwing) {
      it('fails the batch and the stream when a user function throws', () => {
        runBatches(({ batches, completions, failures, flush }) => {
          const boom = new Error('boom');
          const errors: unknown[] = [];
          const operator = throwing(() => {
            throw boom;
          });
          batches<T>('-ab-|', { a: records, b: records })
            .pipe(operator)
            .subscribe({ error: (error) => errors.push(error) });
          flush();
          expect(errors).toEqual([boom]);
          expect(failures).toEqual([boom]);
          expect(completions).toEqual([]);
        });
      });
    }

    if (cases.synchronous ?? true) {
      it('stops a synchronous source when unsubscribed in the middle', () => {
        runBatches(({ batches, flush }) => {
          let asked = 0;
          batches<T>('-a|', { a: records }).subscribe((batch) => {
            const endless = new Observable<Batch<T>>((subscriber) => {
              while (!subscriber.closed && asked < 1_000) {
                asked++;
                subscriber.next(batch);
              }
            });
            endless.pipe(make(), take(1)).subscribe();
          });
          flush();
          // An operator that keeps batches back (by a window, or while it waits) may ask for more than one.
          expect(asked).toBe(cases.swallows ? 1_000 : 1);
        });
      });
    }

    it('is known to stand on its source', () => {
      const source = new Subject<Batch<T>>();
      expect(isDerivedFrom(source.pipe(make()), source)).toBe(true);
    });

    it('does not break unsubscription chains', () => {
      runBatches(({ batches, expectObservable, expectSubscriptions }) => {
        const source = batches<T>('-a-b-c-|', { a: records, b: records, c: records });
        const subs = '             ^---!';
        const unsub = '            ----!';
        const chain = source.pipe(
          mergeMap((batch) => of(batch)),
          make(),
          mergeMap((batch) => of(batch)),
          ignoreElements(),
        );
        expectObservable(chain, unsub).toBe('--------');
        expectSubscriptions(source.subscriptions).toBe(subs);
      });
    });

    it('starts clean at a second subscription', () => {
      const collect = (): unknown => {
        let all: unknown;
        runBatches(({ batches, flush }) => {
          const operator = make();
          const source = () => batches<T>('-ab|', { a: records, b: records }).pipe(operator, toArray());
          const results: unknown[] = [];
          for (let i = 0; i < 2; i++) source().subscribe((got) => results.push(got.map((batch) => batch.records)));
          flush();
          all = results;
        });
        return all;
      };
      const [first, second] = collect() as [unknown, unknown];
      expect(second).toEqual(first);
    });
  });
}
